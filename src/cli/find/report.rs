//! Matches, as lines and as JSON.

use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::ls::node::{Node, long_columns, shown_path};
use crate::cli::text::{count, time};
use crate::model::Snapshot;
use crate::ops::{Match, SnapshotSet, Version};
use serde::Serialize;

/// Shows matches as they come.
pub struct Reporter<'a> {
    context: &'a Context,
    snapshots: &'a [&'a Snapshot],
    long: bool,
    /// What went wrong with the output.
    failed: Option<Failure>,
}

/// `match`: one version of one path.
#[derive(Serialize)]
struct MatchMessage {
    #[serde(flatten)]
    node: Node,
    first_snapshot: String,
    last_snapshot: String,
    snapshots: Vec<String>,
}

#[derive(Serialize)]
pub struct Summary {
    pub paths: u64,
    pub versions: u64,
    /// How many were looked into.
    pub snapshots: u64,
}

impl<'a> Reporter<'a> {
    pub fn new(context: &'a Context, snapshots: &'a [&'a Snapshot], long: bool) -> Self {
        Self { context, snapshots, long, failed: None }
    }

    /// False if nobody listens any more.
    pub fn show(&mut self, found: &Match<'_>) -> bool {
        match self.try_show(found) {
            Ok(()) => true,
            Err(failure) => {
                self.failed = Some(failure);
                false
            }
        }
    }

    pub fn finish(self) -> Result<(), Failure> {
        self.failed.map_or(Ok(()), Err)
    }

    fn try_show(&self, found: &Match<'_>) -> Result<(), Failure> {
        let output = &self.context.output;
        if let Some(newest) = found.versions.last().filter(|_| !output.is_json()) {
            output.line(shown_path(found.path, &newest.found.entry))?;
        }
        for version in found.versions {
            match output.is_json() {
                true => output.object("match", &self.message(found, version))?,
                false => self.print(version)?,
            }
        }
        Ok(())
    }

    fn message(&self, found: &Match<'_>, version: &Version) -> MatchMessage {
        let id = |number: usize| {
            self.snapshots.get(number).map(|snapshot| snapshot.id.hex()).unwrap_or_default()
        };
        MatchMessage {
            node: Node::new(found.path, &version.found.entry),
            first_snapshot: version.snapshots.first().map(id).unwrap_or_default(),
            last_snapshot: version.snapshots.last().map(id).unwrap_or_default(),
            snapshots: version.snapshots.iter().map(id).collect(),
        }
    }

    fn print(&self, version: &Version) -> Result<(), Failure> {
        let output = &self.context.output;
        output.line(format!("  {}", self.range(&version.snapshots)))?;
        if self.long {
            let zone = self.context.now.time_zone();
            output.line(format!("    {}", long_columns(&version.found.entry, zone)))?;
        }
        Ok(())
    }

    /// `1a2b3c4d (2025-11-27 02:00:13) to 5e6f7a8b (2025-11-28 02:00:07), 2 snapshots`.
    fn range(&self, snapshots: &SnapshotSet) -> String {
        let zone = self.context.now.time_zone();
        let name = |number: usize| match self.snapshots.get(number) {
            Some(snapshot) => format!("{} ({})", snapshot.id.short(), time(snapshot.begun, zone)),
            None => String::new(),
        };
        let first = snapshots.first().map(name).unwrap_or_default();
        match snapshots.len() {
            1 => first,
            many => {
                let last = snapshots.last().map(name).unwrap_or_default();
                format!("{first} to {last}, {}", count(many as u64, "snapshot", "snapshots"))
            }
        }
    }
}
