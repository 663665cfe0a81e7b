//! What happens while databases are protected, told as it happens.

use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::progress::Progress;
use crate::cli::signals::Stop;
use crate::cli::text::{count, time};
use crate::format::{LogPlace, SegmentHeader};
use crate::model::{ClusterTime, Monitor};
use crate::ops::{ProtectEvent, ProtectOptions, ProtectWatch};
use crate::policy::format_size;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::sync::Arc;

/// `segment`.
#[derive(Serialize)]
struct SegmentMessage<'a> {
    number: u64,
    server: &'a str,
    databases: &'a [String],
    first: String,
    last: String,
    last_time: Timestamp,
    entries_seen: u64,
    entries_kept: u64,
    bytes_kept: u64,
}

/// `gap`.
#[derive(Serialize)]
pub struct GapMessage<'a> {
    pub from: String,
    pub from_time: Timestamp,
    pub to: String,
    pub to_time: Timestamp,
    pub reason: &'a str,
}

impl<'a> GapMessage<'a> {
    pub fn new(from: &LogPlace, to: &LogPlace, reason: &'a str) -> Self {
        let time = |place: &LogPlace| place.at.timestamp();
        let (from_time, to_time) = (time(from), time(to));
        Self { from: from.at.to_string(), from_time, to: to.at.to_string(), to_time, reason }
    }
}

/// `event`.
#[derive(Serialize)]
struct EventMessage<'a> {
    event: &'static str,
    time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

pub fn begin(context: &Context, options: &ProtectOptions) -> Result<(), Failure> {
    let what = match options.databases.as_slice() {
        [] => "all databases".to_owned(),
        databases => databases.join(", "),
    };
    context.output.say(format!("protecting {what} of {}; Ctrl-C ends it", options.server))?;
    context.output.flush()
}

pub struct Events {
    output: Arc<Output>,
    stop: Stop,
    monitor: Arc<dyn Monitor>,
    zone: TimeZone,
}

impl Events {
    pub fn new(context: &Context, progress: &Progress) -> Self {
        Self {
            output: Arc::clone(&context.output),
            stop: context.stop.clone(),
            monitor: progress.monitor(),
            zone: context.now.time_zone().clone(),
        }
    }

    fn tell(&self, event: &ProtectEvent<'_>) -> Result<(), Failure> {
        match event {
            ProtectEvent::Put(header) => self.put(header)?,
            ProtectEvent::Gap { from, to, why } => self.gap(from, to, why)?,
            ProtectEvent::Following { from, goes_on: true } => {
                let from = self.time(from.at);
                self.say("following", None, None, &format!("goes on after {from}"))?;
            }
            ProtectEvent::Following { from, goes_on: false } => {
                let from = self.time(from.at);
                self.say("following", None, None, &format!("the log begins at {from}"))?;
            }
            ProtectEvent::Outrun { number } => {
                let text = format!("another snap protect stored segment {number}: going on after");
                self.quietly("outrun", &text)?;
            }
            ProtectEvent::ServerAway { why } => self.warn("server_away", "the server", why)?,
            ProtectEvent::ServerBack => {
                self.say("server_back", None, None, "the server is back")?
            }
            ProtectEvent::StoreAway { why } => self.warn("store_away", "the repository", why)?,
            ProtectEvent::StoreBack => {
                self.say("store_back", None, None, "the repository is back")?;
            }
            ProtectEvent::BaseBegun => {
                let text = "no snapshot to go forward from: taking one";
                self.say("base_begun", None, None, text)?;
            }
            ProtectEvent::BaseTaken { snapshot, moment } => {
                let text = match moment {
                    Some(moment) => format!(
                        "snapshot {}: from {} on any second can be restored",
                        snapshot.short(),
                        self.time(*moment)
                    ),
                    None => format!("snapshot {}", snapshot.short()),
                };
                self.say("base_taken", Some(snapshot.hex()), *moment, &text)?;
            }
            ProtectEvent::BaseFailed { why } => self.warn("base_failed", "the snapshot", why)?,
        }
        self.output.flush()
    }

    fn put(&self, header: &SegmentHeader) -> Result<(), Failure> {
        let message = SegmentMessage {
            number: header.number,
            server: &header.server,
            databases: &header.databases,
            first: header.begin.at.to_string(),
            last: header.end.at.to_string(),
            last_time: header.end.at.timestamp(),
            entries_seen: header.seen,
            entries_kept: header.kept,
            bytes_kept: header.length,
        };
        self.output.object("segment", &message)?;
        match self.output.is_verbose() {
            false => Ok(()),
            true => self.output.say(format!(
                "segment {}: up to {}, {}, {}",
                header.number,
                self.time(header.end.at),
                count(header.kept, "change", "changes"),
                format_size(header.length),
            )),
        }
    }

    /// Nobody may miss it.
    fn gap(&self, from: &LogPlace, to: &LogPlace, why: &str) -> Result<(), Failure> {
        self.output.object("gap", &GapMessage::new(from, to, why))?;
        let (from, to) = (self.time(from.at), self.time(to.at));
        let text = format!("nothing between {from} and {to} can be restored: {why}");
        self.output.warning("a gap in the log", &text, "protecting");
        Ok(())
    }

    fn say(
        &self,
        event: &'static str,
        snapshot: Option<String>,
        moment: Option<ClusterTime>,
        text: &str,
    ) -> Result<(), Failure> {
        self.event(event, snapshot, moment, None)?;
        self.output.say(text)
    }

    fn quietly(&self, event: &'static str, text: &str) -> Result<(), Failure> {
        self.event(event, None, None, Some(text))?;
        if self.output.is_verbose() { self.output.say(text) } else { Ok(()) }
    }

    fn warn(&self, event: &'static str, what: &str, why: &str) -> Result<(), Failure> {
        self.event(event, None, None, Some(why))?;
        self.output.warning(what, why, "protecting");
        Ok(())
    }

    fn event(
        &self,
        event: &'static str,
        snapshot: Option<String>,
        moment: Option<ClusterTime>,
        message: Option<&str>,
    ) -> Result<(), Failure> {
        let cluster_time = moment.map(|moment| moment.to_string());
        let time = Timestamp::now();
        self.output.object("event", &EventMessage { event, time, snapshot, cluster_time, message })
    }

    fn time(&self, at: ClusterTime) -> String {
        time(at.timestamp(), &self.zone)
    }
}

impl ProtectWatch for Events {
    fn happened(&self, event: ProtectEvent<'_>) {
        // A stream that is closed shows at the end.
        let _ = self.tell(&event);
    }

    fn stopped(&self) -> bool {
        self.stop.is_asked()
    }

    fn monitor(&self) -> Arc<dyn Monitor> {
        Arc::clone(&self.monitor)
    }
}
