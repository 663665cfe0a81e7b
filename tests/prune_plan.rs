//! What a prune is said to free is what it then frees; and so is what statistics say of it.

use crate::support::World;
use crate::support::backup_options;
use serde_json::Value;
use snapstore::codec::{ChunkParameters, Compression, Secret};
use snapstore::format::RepositoryConfig;
use snapstore::model::{
    Monitor, OsEntropy, SessionId, Silent, Snapshot, SnapshotKind, SystemClock,
};
use snapstore::ops::{
    self, BackupOptions, FilesBackup, PlanOptions, PruneOptions, PruneReport, Thrift,
};
use snapstore::policy::{Filter, GroupBy, Policy};
use snapstore::repo::{
    self, BlobReader, Credential, InitOptions, Repository, Surroundings, Writer,
};
use snapstore::storage::{Folder, MemoryStorage, Storage};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn surroundings() -> Surroundings {
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(OsEntropy));
    Surroundings { clock, entropy, cache: None, workers: 2 }
}

fn credential() -> Credential {
    Credential::KeyFile(Secret::new([7; 32]))
}

fn create(compression: Compression) -> (MemoryStorage, Arc<Repository>) {
    let storage = MemoryStorage::new(Arc::new(SystemClock));
    let config = RepositoryConfig {
        chunks: ChunkParameters::new(2048, 4096, 16_384).unwrap(),
        compression,
        pack_size: 256 << 10,
        reserve: 0,
        retention: Vec::new(),
    };
    let options = InitOptions { config, label: String::new() };
    let made = repo::init(Arc::new(storage.clone()), &credential(), options, surroundings());
    (storage, Arc::new(made.unwrap()))
}

fn open(storage: &MemoryStorage) -> Arc<Repository> {
    let opened = repo::open(Arc::new(storage.clone()), &credential(), None, surroundings());
    Arc::new(opened.unwrap())
}

fn backup(repository: &Arc<Repository>, path: &Path, day: i64) {
    backup_as(SnapshotKind::Backup, repository, path, day);
}

fn backup_as(kind: SnapshotKind, repository: &Arc<Repository>, path: &Path, day: i64) {
    let files = FilesBackup { paths: vec![path.to_path_buf()], ..FilesBackup::default() };
    let options = BackupOptions {
        kind,
        ..backup_options(jiff::Timestamp::from_second(1_700_000_000 + day * 86_400).unwrap())
    };
    ops::backup_files(repository, &files, &options, Arc::new(Silent)).unwrap();
}

/// Half of it compresses well.
fn content(seed: u64, length: usize) -> Vec<u8> {
    let mut content = vec![0; length / 2];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut content);
    content.extend(format!("line {seed}\n").bytes().cycle().take(length - length / 2));
    content
}

/// All of it compresses alike.
fn even_content(seed: u64, length: usize) -> Vec<u8> {
    let mut random = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut random);
    random.iter().map(|byte| b"0123456789abcdef"[usize::from(byte % 16)]).collect()
}

/// Twelve versions of a folder: each day some files change, some go, some come.
fn versions(repository: &Arc<Repository>, content: fn(u64, usize) -> Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: u64, seed: u64, length: usize| {
        let folder = folder.path().join(format!("{}", name % 7));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name.to_string()), content(seed, length)).unwrap();
    };
    (0..200).for_each(|name| write(name, name, 500 + (name as usize * 37) % 40_000));
    for day in 0..12 {
        let seed = 1_000 * (day + 1);
        (0..15).for_each(|n| write((n * 13 + day * 31) % 200, seed + n, 20_000));
        (0..6).for_each(|n| write(1_000 + day * 10 + n, seed + 500 + n, 30_000));
        if day > 2 {
            std::fs::remove_dir_all(folder.path().join(((day * 3) % 7).to_string())).unwrap();
        }
        backup(repository, folder.path(), day as i64);
    }
}

fn stored(storage: &MemoryStorage) -> u64 {
    let sizes =
        |folder: Folder| storage.list(folder).unwrap().into_iter().map(|listed| listed.size);
    Folder::ALL.into_iter().flat_map(sizes).sum()
}

fn plan_options(thrift: Thrift, forgotten: HashSet<SessionId>) -> PlanOptions<'static> {
    PlanOptions { thrift, forgotten, is_dead: &|_| false }
}

fn prune(repository: &Arc<Repository>, thrift: Thrift) -> PruneReport {
    let options = PruneOptions {
        writer: Writer::default(),
        is_dead: &|_| false,
        named_dead: Vec::new(),
        patience: Duration::ZERO,
        pause: &|_| {},
        thrift,
        alone: true,
    };
    let monitor: Arc<dyn Monitor> = Arc::new(Silent);
    ops::prune(repository, &options, &monitor).unwrap()
}

/// Within one part in a hundred.
#[track_caller]
fn assert_near(said: u64, is: u64, what: &str) {
    assert!(said.abs_diff(is) * 100 <= is, "{what}: {said} was said, {is} it is");
}

/// Forgets, prunes, and holds what was said before against what was freed.
fn check(storage: &MemoryStorage, thrift: Thrift, goes: &dyn Fn(usize) -> bool, what: &str) {
    let storage = storage.fork();
    let repository = open(&storage);
    let live = repository.ledger().unwrap().live;
    let forgotten: Vec<&Snapshot> =
        live.iter().enumerate().filter(|(number, _)| goes(*number)).map(|(_, s)| s).collect();
    let ids: HashSet<SessionId> = forgotten.iter().map(|snapshot| snapshot.id).collect();
    let options = plan_options(thrift, ids);
    let plan = ops::plan_prune(&repository, &options, &Silent).unwrap();
    let stats = ops::repository_stats(&repository, &options, &Silent).unwrap();
    let before = stored(&storage);
    assert_eq!(stats.total_bytes(), before);
    assert_eq!(stats.prune, plan);
    ops::forget(&repository, forgotten.into_iter(), &Silent).unwrap();
    let report = prune(&repository, thrift);
    let freed = before - stored(&storage);
    assert_near(plan.bytes_freed, freed, what);
    assert_near(report.bytes_freed, freed, what);
    let packs = plan.packs_dead + plan.packs_rewritten;
    assert_eq!((packs, plan.packs_rewritten), (report.packs_deleted, report.packs_rewritten));
    assert_eq!((plan.bytes_copied, plan.bytes_left), (report.bytes_copied, report.bytes_left));
    let nothing = plan_options(thrift, HashSet::new());
    let again = ops::plan_prune(&repository, &nothing, &Silent).unwrap();
    assert_eq!((again.bytes_freed, again.packs_rewritten), (0, 0), "{what}");
}

const THOROUGH: Thrift = Thrift { tolerated: 0.0, small: 0, rewrite: true };
const GATHERING: Thrift = Thrift { tolerated: 0.01, small: 128 << 10, rewrite: true };
const LAZY: Thrift = Thrift { tolerated: 0.3, small: 0, rewrite: true };
const DEAD_ONLY: Thrift = Thrift { tolerated: 0.0, small: 0, rewrite: false };

#[test]
fn a_plan_says_what_a_prune_frees() {
    for compression in [Compression::None, Compression::Zstd(3)] {
        let (storage, repository) = create(compression);
        versions(&repository, content);
        for (name, thrift) in [("thorough", THOROUGH), ("gathering", GATHERING), ("lazy", LAZY)] {
            let what = |policy: &str| format!("{compression:?}, {name}, {policy}");
            check(&storage, thrift, &|number| number < 11, &what("the last"));
            check(&storage, thrift, &|number| number < 6, &what("the last six"));
            check(&storage, thrift, &|number| number % 3 != 0, &what("each third"));
            check(&storage, thrift, &|number| number == 5, &what("all but one"));
        }
        check(&storage, DEAD_ONLY, &|number| number < 11, "dead packs only");
    }
}

/// A blob's part of a frame goes by its length, so this is near where all compresses alike.
#[test]
fn what_only_one_snapshot_has_is_what_forgetting_it_frees() {
    let (storage, repository) = create(Compression::Zstd(3));
    versions(&repository, even_content);
    let reader = BlobReader::new(Arc::clone(&repository)).unwrap();
    let live = repository.ledger().unwrap().live;
    let shares = ops::share_by_snapshot(&reader, &live, &Silent).unwrap();
    for number in [0, 4, 11] {
        let storage = storage.fork();
        let repository = open(&storage);
        let before = stored(&storage);
        ops::forget(&repository, [&live[number]].into_iter(), &Silent).unwrap();
        prune(&repository, THOROUGH);
        let only = shares[number].only.stored;
        // Small index objects are put together, too: that is not this snapshot's.
        let freed = before - stored(&storage);
        assert!(only.abs_diff(freed) * 100 <= freed * 3, "{number}: {only}, {freed}");
    }
    let stats =
        ops::repository_stats(&repository, &plan_options(THOROUGH, HashSet::new()), &Silent);
    let all = stats.unwrap().content.blobs();
    let added = shares.iter().map(|share| share.added);
    let added = added.fold(ops::Blobs::default(), ops::Blobs::with);
    assert_eq!((added.count, added.plain), (all.count, all.plain));
}

/// Objects with an announcement, a mark or a lock are small; the rest is what this is about.
fn size_of(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let size = |entry: std::fs::DirEntry| match entry.file_type().unwrap().is_dir() {
        true => size_of(&entry.path()),
        false => entry.metadata().unwrap().len(),
    };
    entries.map(size).sum()
}

#[test]
fn stats_and_dry_run_agree_with_prune() {
    let mut world = World::new();
    world.set("SNAP_REPOSITORY", "repository");
    world.set("SNAP_KEY_FILE", "key");
    world.snap(["init", "-q"]).success();
    for day in 1..=9_u64 {
        for file in 0..10 {
            let seed = if file % 3 == 0 { day } else { 0 };
            world.write(format!("bot/{file}"), content(seed * 100 + file, 100_000));
        }
        let hours = if day % 2 == 0 { 2 } else { 12 };
        let time = format!("2025-11-{:02}T{hours:02}:00", 1 + day / 2);
        world.snap(["backup", "-q", "--time", &time, "bot"]).success();
    }
    let json = |arguments: &[&str]| -> Value {
        let output = world.snap(["--json"].iter().chain(arguments)).success();
        serde_json::from_str(output.lines().last().unwrap()).unwrap()
    };
    let stats = json(&["stats"]);
    let planned = json(&["prune", "--dry-run"]);
    let before = size_of(&world.path("repository"));
    let pruned = json(&["prune"]);
    let freed = before - size_of(&world.path("repository"));
    assert!(freed > 100_000 && pruned["snapshots_forgotten"].as_u64().unwrap() > 0, "{pruned}");
    assert_eq!(stats["snapshots_forgotten"], pruned["snapshots_forgotten"]);
    assert_eq!(stats["prune_bytes_freed"], planned["bytes_freed"]);
    assert_near(stats["prune_bytes_freed"].as_u64().unwrap(), freed, "stats");
    assert_near(pruned["bytes_freed"].as_u64().unwrap(), freed, "prune");
    assert_eq!(json(&["stats"])["prune_bytes_freed"], 0);
}

/// Whatever paths and tags a policy is for.
#[test]
fn safety_snapshots_go_by_their_age_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "x").unwrap();
    let (_, repository) = create(Compression::None);
    backup_as(SnapshotKind::Safety, &repository, folder.path(), 0);
    backup_as(SnapshotKind::Safety, &repository, folder.path(), 20);
    backup(&repository, folder.path(), 20);
    let now = jiff::Timestamp::from_second(1_700_000_000 + 40 * 86_400).unwrap();
    let now = now.to_zoned(jiff::tz::TimeZone::UTC);
    let tagged = Filter { tags: vec![vec!["other".to_owned()]], ..Filter::default() };
    let policy = Policy::default_stored();
    let plan = ops::plan_forget(&repository, &policy, GroupBy::default(), &tagged, &now).unwrap();
    let oldest = repository.ledger().unwrap().live[0].id;
    let forgotten: Vec<SessionId> = plan.forgotten().map(|snapshot| snapshot.id).collect();
    assert_eq!(forgotten, [oldest]);
    let elsewhere = Filter { hosts: vec!["elsewhere".to_owned()], ..tagged };
    let plan = ops::plan_forget(&repository, &policy, GroupBy::default(), &elsewhere, &now);
    assert_eq!(plan.unwrap().forgotten().count(), 0);
}
