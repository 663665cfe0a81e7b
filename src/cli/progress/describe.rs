//! Progress in words and in JSON.

use crate::cli::json::Status;
use crate::cli::text::grouped;
use crate::model::{Counter, Stage};
use crate::policy::{format_duration, format_size};
use std::time::Duration;

/// How things stand at one moment.
pub struct View {
    pub stage: Stage,
    /// Since the beginning, and since the stage began.
    pub elapsed: Duration,
    pub stage_elapsed: Duration,
    /// Done, and the whole as far as it is known.
    pub items: Option<(u64, Option<u64>)>,
    pub bytes: Option<(u64, Option<u64>)>,
    pub problems: u64,
    pub current: String,
}

/// What a stage is called.
pub fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Opening => "opening",
        Stage::Indexing => "reading the index",
        Stage::Reading => "reading",
        Stage::Committing => "saving the snapshot",
        Stage::Planning => "planning",
        Stage::Restoring => "restoring",
        Stage::Verifying => "verifying",
        Stage::Copying => "copying",
        Stage::Checking => "checking",
        Stage::ReadingData => "reading all data",
        Stage::Marking => "marking",
        Stage::Waiting => "waiting for other writers",
        Stage::Rewriting => "rewriting packs",
        Stage::Deleting => "deleting packs",
    }
}

impl View {
    /// What is counted by number in a stage.
    pub fn items_of(stage: Stage) -> Option<Counter> {
        match stage {
            Stage::Reading | Stage::Committing => Some(Counter::EntriesProcessed),
            Stage::Restoring | Stage::Verifying => Some(Counter::EntriesRestored),
            Stage::Copying => Some(Counter::SnapshotsCopied),
            Stage::Checking => Some(Counter::SnapshotsChecked),
            Stage::ReadingData => Some(Counter::PacksChecked),
            Stage::Deleting => Some(Counter::PacksDeleted),
            _ => None,
        }
    }

    /// What is counted by size.
    pub fn bytes_of(stage: Stage) -> Option<Counter> {
        match stage {
            Stage::Reading | Stage::Committing | Stage::Copying => Some(Counter::BytesProcessed),
            Stage::Restoring | Stage::Verifying => Some(Counter::BytesRestored),
            Stage::ReadingData => Some(Counter::BytesChecked),
            Stage::Rewriting => Some(Counter::BytesRewritten),
            Stage::Deleting => Some(Counter::BytesDeleted),
            _ => None,
        }
    }

    fn items_word(&self) -> &'static str {
        match self.stage {
            Stage::Checking | Stage::Copying => "snapshots",
            Stage::ReadingData | Stage::Deleting => "packs",
            _ => "entries",
        }
    }

    /// From 0 to 1, by bytes if they are known, else by items.
    fn done(&self) -> Option<f64> {
        let share =
            |(done, whole): (u64, Option<u64>)| Some((done as f64 / whole? as f64).min(1.0));
        self.bytes.and_then(share).or_else(|| self.items.and_then(share))
    }

    /// One line for people; with what is being worked on if somebody watches.
    pub fn line(&self, watched: bool) -> String {
        let mut parts = Vec::new();
        parts.extend(self.done().map(|share| format!("{:.0} %", share * 100.0)));
        parts.extend(self.items.map(|(done, whole)| self.items_line(done, whole)));
        parts.extend(self.bytes.map(|(done, whole)| bytes_line(done, whole)));
        parts.extend(self.rate());
        parts.push(match self.elapsed.as_secs() {
            0 => "0 s".to_owned(),
            seconds => format_duration(Duration::from_secs(seconds)),
        });
        if self.problems > 0 {
            parts.push(format!("{} not whole", grouped(self.problems)));
        }
        let current = if watched { self.current.as_str() } else { "" };
        format!("{}: {}  {current}", word(self.stage), parts.join(", ")).trim_end().to_owned()
    }

    fn items_line(&self, done: u64, whole: Option<u64>) -> String {
        let of = whole.map(|whole| format!(" of {}", grouped(whole))).unwrap_or_default();
        format!("{}{of} {}", grouped(done), self.items_word())
    }

    fn rate(&self) -> Option<String> {
        let (bytes, _) = self.bytes?;
        let milliseconds = u64::try_from(self.stage_elapsed.as_millis()).ok()?;
        // The first moments say nothing.
        let rate = bytes.checked_mul(1000)?.checked_div(milliseconds)?;
        (milliseconds >= 1000 && bytes > 0).then(|| format!("{}/s", short_size(rate)))
    }

    pub fn status(&self) -> Status {
        let packs = matches!(self.stage, Stage::ReadingData | Stage::Deleting);
        let snapshots = matches!(self.stage, Stage::Checking | Stage::Copying);
        let files = self.items.filter(|_| !packs && !snapshots);
        let packs = self.items.filter(|_| packs);
        let current = (!self.current.is_empty()).then(|| self.current.clone());
        Status {
            stage: word(self.stage),
            seconds_elapsed: self.elapsed.as_secs(),
            percent_done: self.done(),
            files_done: files.map(|(done, _)| done),
            total_files: files.and_then(|(_, whole)| whole),
            packs_done: packs.map(|(done, _)| done),
            total_packs: packs.and_then(|(_, whole)| whole),
            bytes_done: self.bytes.map(|(done, _)| done),
            total_bytes: self.bytes.and_then(|(_, whole)| whole),
            error_count: self.problems,
            current_files: current.into_iter().collect(),
        }
    }
}

fn bytes_line(done: u64, whole: Option<u64>) -> String {
    let of = whole.map(|whole| format!(" of {}", short_size(whole))).unwrap_or_default();
    format!("{}{of}", short_size(done))
}

/// A size that does not flicker: one digit after the point.
fn short_size(bytes: u64) -> String {
    let text = format_size(bytes);
    match text.split_once('.') {
        Some((whole, rest)) => {
            let tenth = rest.get(..1).unwrap_or("0");
            let unit = rest.split_once(' ').map_or("", |(_, unit)| unit);
            format!("{whole}.{tenth} {unit}")
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(stage: Stage) -> View {
        View {
            stage,
            elapsed: Duration::from_secs(65),
            stage_elapsed: Duration::from_secs(10),
            items: Some((1234, None)),
            bytes: Some((1 << 30, None)),
            problems: 0,
            current: "/srv/bot/config.py".to_owned(),
        }
    }

    #[test]
    fn a_line_says_what_is_known() {
        let expected = "reading: 1,234 entries, 1.0 GiB, 102.3 MiB/s, 1 min 5 s";
        assert_eq!(view(Stage::Reading).line(false), expected);
        assert_eq!(view(Stage::Reading).line(true), format!("{expected}  /srv/bot/config.py"));
        let known = View {
            items: Some((3, Some(4))),
            bytes: Some((1 << 20, Some(4 << 20))),
            problems: 2,
            ..view(Stage::ReadingData)
        };
        let expected = "reading all data: 25 %, 3 of 4 packs, 1.0 MiB of 4.0 MiB, 102.3 KiB/s, \
             1 min 5 s, 2 not whole";
        assert_eq!(known.line(false), expected);
    }

    #[test]
    fn json_has_only_what_is_known() {
        let status = serde_json::to_value(view(Stage::Reading).status()).unwrap();
        assert_eq!(status["files_done"], 1234);
        assert!(status.get("percent_done").is_none() && status.get("packs_done").is_none());
        let status = View { items: Some((1, Some(2))), bytes: None, ..view(Stage::Deleting) };
        let status = serde_json::to_value(status.status()).unwrap();
        assert_eq!((&status["packs_done"], &status["percent_done"]), (&1.into(), &0.5.into()));
    }
}
