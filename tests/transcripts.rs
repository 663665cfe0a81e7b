//! Plays every `tests/transcripts/*.txt`. `docs/testing.md` describes the format.
//! `SNAP_TRANSCRIPT=restore` plays those with `restore` in their name only;
//! `SNAP_UPDATE_TRANSCRIPTS=1` writes what happens into the files.

use crate::support::play;
use std::path::PathBuf;
use std::sync::Mutex;

fn chosen() -> Vec<PathBuf> {
    let wanted = std::env::var("SNAP_TRANSCRIPT").unwrap_or_default();
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts");
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .filter(|path| {
            path.file_stem().is_some_and(|stem| stem.to_str().unwrap().contains(&wanted))
        })
        .collect();
    paths.sort();
    paths
}

#[test]
fn sessions_go_as_they_are_written() {
    let update = std::env::var_os("SNAP_UPDATE_TRANSCRIPTS").is_some_and(|value| value == "1");
    let left = Mutex::new(chosen());
    assert!(!left.lock().unwrap().is_empty(), "no transcript has SNAP_TRANSCRIPT in its name");
    let failures = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let Some(path) = left.lock().unwrap().pop() else { return };
                    failures.lock().unwrap().extend(play(&path, update).err());
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(
        failures.is_empty(),
        "\n{}\nIf that is as it should be, SNAP_UPDATE_TRANSCRIPTS=1 writes it into the files.",
        failures.join("\n")
    );
}
