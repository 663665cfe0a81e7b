//! What integration tests stand on: a [`World`] to run `snap` in, and transcripts of sessions in
//! it. `docs/testing.md` shows how they are used.

mod allocation;
mod builtin;
mod chance;
mod expectation;
mod mongod;
mod normalise;
mod python;
mod transcript;
mod world;

pub use allocation::peak;
pub use chance::{Chance, noise};
pub use mongod::{Mongod, Role};
pub use python::python;
pub use transcript::play;
pub use world::{Output, World, run};

use snapstore::model::{Host, SnapshotKind};
use snapstore::ops::BackupOptions;
use snapstore::repo::Writer;
use std::io::Write;
use std::time::Duration;

/// Of a plain backup, begun then.
pub fn backup_options(begun: jiff::Timestamp) -> BackupOptions {
    BackupOptions {
        writer: Writer::default(),
        host: Host::default(),
        tags: Vec::new(),
        begun,
        kind: SnapshotKind::Backup,
        dry_run: false,
        skip_if_unchanged: false,
        program: "test".to_owned(),
    }
}

/// Says that a test does nothing, and why; also where the output of tests that pass is not shown.
pub fn not_run(why: &str) {
    let name = std::thread::current().name().unwrap_or("a test").to_string();
    // `eprintln!` is kept back with the output of the test.
    let _ = writeln!(std::io::stderr(), "NOT RUN: {name}: {why}");
}

/// How long a test that tries random things, seed after seed, goes on: `SNAP_TORTURE_SECONDS`.
pub fn torture_time() -> Duration {
    torture_seconds(std::env::var("SNAP_TORTURE_SECONDS").ok().as_deref())
}

fn torture_seconds(setting: Option<&str>) -> Duration {
    let seconds = setting.map_or(Ok(5), str::parse);
    Duration::from_secs(seconds.expect("SNAP_TORTURE_SECONDS is a number of whole seconds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn torture_is_short_unless_more_is_asked_for() {
        assert_eq!(torture_seconds(None), Duration::from_secs(5));
        assert_eq!(torture_seconds(Some("3600")), Duration::from_secs(3600));
        assert!(torture_time() < Duration::MAX);
    }
}
