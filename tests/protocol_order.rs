//! The steps of the protocol, as the real code makes them: the recorded storage calls of a backup
//! and of a prune, held against the steps of the model (`protocol_model.rs` says what each is
//! for).

use crate::support::backup_options;
use snapstore::codec::{ChunkParameters, Compression, Secret};
use snapstore::format::RepositoryConfig;
use snapstore::model::{Monitor, OsEntropy, Silent, SystemClock};
use snapstore::ops::{self, FilesBackup, PruneOptions, Thrift};
use snapstore::repo::{self, Credential, InitOptions, Repository, Surroundings, Writer};
use snapstore::storage::{Call, MemoryStorage, RecordStorage, Subject, Verb};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A recorded repository in memory, with small chunks, without a cache.
fn repository() -> (RecordStorage, Arc<Repository>) {
    let storage = RecordStorage::new(Arc::new(MemoryStorage::new(Arc::new(SystemClock))));
    let config = RepositoryConfig {
        chunks: ChunkParameters::new(512, 1024, 4096).unwrap(),
        compression: Compression::None,
        pack_size: 64 << 10,
        reserve: 0,
        retention: Vec::new(),
    };
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(OsEntropy));
    let surroundings = Surroundings { clock, entropy, cache: None, workers: 1 };
    let credential = Credential::KeyFile(Secret::new([7; 32]));
    let options = InitOptions { config, label: String::new() };
    let made = repo::init(Arc::new(storage.clone()), &credential, options, surroundings).unwrap();
    (storage, Arc::new(made))
}

fn backup(repository: &Arc<Repository>, path: &Path) {
    let files = FilesBackup { paths: vec![path.to_path_buf()], ..FilesBackup::default() };
    let options = backup_options(jiff::Timestamp::now());
    ops::backup_files(repository, &files, &options, Arc::new(Silent)).unwrap();
}

fn prune(repository: &Arc<Repository>) {
    let options = PruneOptions {
        writer: Writer::default(),
        is_dead: &|_| false,
        named_dead: Vec::new(),
        patience: Duration::ZERO,
        pause: &|_| {},
        thrift: Thrift { tolerated: 0.0, small: 0, rewrite: true },
        alone: true,
    };
    let monitor: Arc<dyn Monitor> = Arc::new(Silent);
    let report = ops::prune(repository, &options, &monitor).unwrap();
    assert!(report.packs_deleted > 0 && report.packs_rewritten > 0, "{report:?}");
}

/// `put packs`, `list sessions`, `put prune .final`, in the order in which they were made.
fn calls(storage: &RecordStorage) -> Vec<String> {
    storage.calls().iter().filter_map(|recorded| describe(&recorded.call)).collect()
}

fn describe(call: &Call) -> Option<String> {
    let verb = match call.verb {
        Verb::Put => "put",
        Verb::Get => "get",
        Verb::List => "list",
        Verb::Delete => "delete",
        _ => return None,
    };
    let subject = match &call.subject {
        Subject::Object(name) => {
            let step = name.last().split_once('.').map(|(_, step)| format!(" .{step}"));
            format!("{}{}", name.folder().word(), step.unwrap_or_default())
        }
        Subject::Folder(folder) => folder.word().to_string(),
        Subject::Everything => return None,
    };
    Some(format!("{verb} {subject}"))
}

/// The steps are found one after the other, each behind the one before.
fn assert_order(calls: &[String], steps: &[(&str, &str)]) {
    let mut rest = calls;
    for (step, call) in steps {
        let found = rest.iter().position(|made| made == call);
        let found = found.unwrap_or_else(|| panic!("{step}: no `{call}` in its place: {calls:#?}"));
        rest = &rest[found + 1..];
    }
}

fn first(calls: &[String], call: &str) -> usize {
    calls.iter().position(|made| made == call).unwrap_or_else(|| panic!("no `{call}`: {calls:#?}"))
}

fn last(calls: &[String], call: &str) -> usize {
    calls.iter().rposition(|made| made == call).unwrap_or_else(|| panic!("no `{call}`: {calls:#?}"))
}

fn write(folder: &Path, name: &str, seed: u64, length: usize) {
    let mut content = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut content);
    std::fs::write(folder.join(name), content).unwrap();
}

#[test]
fn a_backup_takes_its_steps_in_order() {
    let (storage, repository) = repository();
    let folder = tempfile::tempdir().unwrap();
    (0..8).for_each(|number| write(folder.path(), &number.to_string(), number, 40_000));
    storage.clear();
    backup(&repository, folder.path());
    let calls = calls(&storage);
    assert_order(
        &calls,
        &[
            ("W1", "put sessions"),
            ("W2", "list prune"),
            ("W3", "list index"),
            ("W4", "list packs"),
            ("W5", "put packs"),
            ("W5", "put index"),
            ("W6", "put snapshots"),
        ],
    );
    assert_eq!(first(&calls, "put sessions"), 0, "W1 comes before everything: {calls:#?}");
    assert!(last(&calls, "put packs") < last(&calls, "put index"), "{calls:#?}");
    assert!(last(&calls, "put index") < first(&calls, "put snapshots"), "{calls:#?}");
}

#[test]
fn a_prune_takes_its_steps_in_order() {
    let (storage, repository) = repository();
    let folder = tempfile::tempdir().unwrap();
    (0..10).for_each(|number| write(folder.path(), &number.to_string(), number, 40_000));
    backup(&repository, folder.path());
    // Packs are longer than a file: what stays of the fourth lies beside what goes, wherever they end.
    for number in [0, 1, 2, 4] {
        write(folder.path(), &number.to_string(), number + 100, 40_000);
    }
    backup(&repository, folder.path());
    let ledger = repository.ledger().unwrap();
    repository.forget(&ledger.live[0]).unwrap();
    storage.clear();
    prune(&repository);
    let calls = calls(&storage);
    assert_order(
        &calls,
        &[
            ("P0", "put sessions"),
            ("P1", "list prune"),
            ("P2", "list packs"),
            ("P2", "list index"),
            ("P2", "list packs"),
            ("P2", "list snapshots"),
            ("P2 rewrites", "put packs"),
            ("P2 rewrites", "put index"),
            ("P3", "put prune .mark"),
            ("P4", "list sessions"),
            ("P6", "list snapshots"),
            ("P6", "list index"),
            ("P6", "list packs"),
            ("P7", "put prune .final"),
            ("P8", "put index"),
            ("P8", "delete index"),
            ("P8", "delete packs"),
            ("P9", "put prune .done"),
            ("end", "delete sessions"),
        ],
    );
    assert_eq!(first(&calls, "put sessions"), 0, "P0 comes before everything: {calls:#?}");
    let of_final = first(&calls, "put prune .final");
    assert!(of_final < first(&calls, "delete index"), "{calls:#?}");
    assert!(last(&calls, "delete index") < first(&calls, "delete packs"), "{calls:#?}");
    assert!(last(&calls, "delete packs") < first(&calls, "put prune .done"), "{calls:#?}");
}
