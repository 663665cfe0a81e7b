//! What a repository knows that can be completed.

use crate::cli::context::Context;
use crate::cli::open::{credential_source, locate, open};
use crate::cli::text::{readable, time};
use crate::model::{Snapshot, SnapshotKind};
use crate::settings::CredentialSource;
use jiff::tz::TimeZone;
use rustix::fs::{Mode, OFlags};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// Longest list of paths that stands beside an id, in characters.
const LONGEST_PATHS: usize = 60;

#[derive(Default)]
pub struct Known {
    /// Ids, the newest first, each with what it is.
    pub snapshots: Vec<(String, String)>,
    /// Of restores in place, which a rollback undoes; the newest first.
    pub safety_snapshots: Vec<(String, String)>,
    pub hosts: Vec<String>,
    pub tags: Vec<String>,
}

/// Looks into the repository that is meant, if it opens without asking anybody. What goes wrong
/// is not said: somebody is typing.
pub fn look(context: &Context) -> Option<Known> {
    nobody_is_there()?;
    let located = locate(context).ok()??;
    match credential_source(context, located.default_key.clone()).ok()? {
        // A command may ask in its own ways.
        CredentialSource::PasswordCommand(_) | CredentialSource::Ask => return None,
        _ => {}
    }
    let zone = context.now.time_zone();
    let mut snapshots = open(context).ok()?.ledger().ok()?.live;
    snapshots.sort_by_key(|snapshot| Reverse(snapshot.begun));
    let (snapshots, safety): (Vec<Snapshot>, Vec<Snapshot>) =
        snapshots.into_iter().partition(|snapshot| snapshot.kind == SnapshotKind::Backup);
    let hosts: BTreeSet<&str> = snapshots.iter().map(|one| one.host.name.as_str()).collect();
    let tags: BTreeSet<&String> = snapshots.iter().flat_map(|one| &one.tags).collect();
    Some(Known {
        hosts: hosts.into_iter().map(str::to_owned).collect(),
        tags: tags.into_iter().cloned().collect(),
        snapshots: with_ids(&snapshots, zone),
        safety_snapshots: with_ids(&safety, zone),
    })
}

fn with_ids(snapshots: &[Snapshot], zone: &TimeZone) -> Vec<(String, String)> {
    snapshots.iter().map(|one| (one.id.short(), describe(one, zone))).collect()
}

/// Nothing can be asked, and warnings go nowhere.
fn nobody_is_there() -> Option<()> {
    let nothing = rustix::fs::open("/dev/null", OFlags::RDWR, Mode::empty()).ok()?;
    rustix::stdio::dup2_stdin(&nothing).ok()?;
    rustix::stdio::dup2_stderr(&nothing).ok()
}

/// `2025-11-28 02:00:00 bot /srv/bot`.
fn describe(snapshot: &Snapshot, zone: &TimeZone) -> String {
    let paths: Vec<String> = snapshot.sources.iter().map(|one| readable(&one.address)).collect();
    let paths: String = paths.join(" ").chars().take(LONGEST_PATHS).collect();
    format!("{} {} {paths}", time(snapshot.begun, zone), snapshot.host.name)
}
