//! Backup of file systems.

use super::{
    BackupError, BackupOptions, BackupReport, DatabasesBackup, FILES, Prepared, backup_source,
    constant_name,
};
use crate::files::{FilesSource, RuleSettings, Rules, SourceOptions, UnchangedCache};
use crate::model::{EntryPath, Monitor, Recorded, SnapshotSource, Source, SourceError, Step};
use crate::repo::Repository;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What to back up of this machine's files.
#[derive(Debug, Clone, Default)]
pub struct FilesBackup {
    /// Absolute.
    pub paths: Vec<PathBuf>,
    pub rules: RuleSettings,
    pub one_file_system: bool,
    /// Read every file, whether or not it looks unchanged.
    pub force: bool,
}

/// Takes a snapshot of files.
pub fn backup_files(
    repository: &Arc<Repository>,
    files: &FilesBackup,
    options: &BackupOptions,
    monitor: Arc<dyn Monitor>,
) -> Result<BackupReport, BackupError> {
    backup(repository, files, &DatabasesBackup::default(), options, monitor)
}

/// Takes a snapshot of files and databases; of either there may be none.
pub fn backup(
    repository: &Arc<Repository>,
    files: &FilesBackup,
    databases: &DatabasesBackup,
    options: &BackupOptions,
    monitor: Arc<dyn Monitor>,
) -> Result<BackupReport, BackupError> {
    let mut prepare = |read_everything: bool, monitor: Arc<dyn Monitor>| {
        let databases = DatabasesBackup { read_everything, ..databases.clone() };
        match files.paths.is_empty() && !databases.sources.is_empty() {
            true => Ok(without_files(databases)),
            false => {
                let prepared = prepare(repository, files, options, read_everything, monitor)?;
                Ok(Prepared { databases, ..prepared })
            }
        }
    };
    backup_source(repository, options, &mut prepare, monitor)
}

fn prepare<'a>(
    repository: &Repository,
    files: &FilesBackup,
    options: &BackupOptions,
    read_everything: bool,
    monitor: Arc<dyn Monitor>,
) -> Result<Prepared<'a>, BackupError> {
    let mut cache = open_cache(repository, &files.paths);
    let recorded = cache.as_ref().and_then(UnchangedCache::snapshot);
    let force = files.force || read_everything;
    let recorded = match recorded {
        Some(snapshot) if !force => repository.live_successor(snapshot)?,
        _ => None,
    };
    if let Some(cache) = cache.as_mut().filter(|_| recorded.is_none()) {
        cache.disregard();
    }
    let rules = Rules::new(&files.rules)?;
    let source_options =
        SourceOptions { begun: repository.clock().now(), one_file_system: files.one_file_system };
    let source = FilesSource::new(&files.paths, rules, cache, source_options, monitor)?;
    let sources = source.roots().iter().map(|root| {
        let address = root.given.as_os_str().as_bytes().to_vec();
        SnapshotSource::new(address, below_files(&root.path), options.begun)
    });
    let sources = sources.collect();
    let recording = source.recording();
    let spoiling = recording.clone();
    let dry_run = options.dry_run;
    Ok(Prepared {
        source: Box::new(source),
        sources,
        databases: DatabasesBackup::default(),
        recorded,
        ended: Box::new(move |unsteady: &[EntryPath]| {
            for path in unsteady {
                if let Some(recording) = &spoiling {
                    recording.spoil(&below_root(path));
                }
            }
        }),
        committed: Box::new(move |snapshot| {
            if let Some(recording) = recording.as_ref().filter(|_| !dry_run) {
                // Without it the next backup reads everything: slower, not wrong.
                let _ = recording.commit(snapshot);
            }
        }),
    })
}

/// A walk of nothing.
struct NoFiles;

impl Source for NoFiles {
    fn next(&mut self, _recorded: &mut dyn Recorded) -> Result<Option<Step>, SourceError> {
        Ok(None)
    }
}

fn without_files<'a>(databases: DatabasesBackup) -> Prepared<'a> {
    Prepared {
        source: Box::new(NoFiles),
        sources: Vec::new(),
        databases,
        recorded: None,
        ended: Box::new(|_| {}),
        committed: Box::new(|_| {}),
    }
}

/// No cache folder, no cache.
fn open_cache(repository: &Repository, paths: &[PathBuf]) -> Option<UnchangedCache> {
    let folder = repository.cache()?;
    std::fs::create_dir_all(&folder).ok()?;
    Some(UnchangedCache::open(Path::new(&folder), paths))
}

fn below_files(path: &EntryPath) -> EntryPath {
    let mut below = EntryPath::root();
    below.push(&constant_name(FILES));
    path.names().for_each(|name| below.push(&name));
    below
}

fn below_root(path: &EntryPath) -> EntryPath {
    let mut without = EntryPath::root();
    path.names().skip(1).for_each(|name| without.push(&name));
    without
}
