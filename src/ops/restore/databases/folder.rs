//! Databases of a snapshot as files, in the layout of mongodump:
//! `<target>/mongodb/<database>/<collection>.bson` with `<collection>.metadata.json` beside it.

use super::documents::{DocumentWalk, FirstError, Met, Seen};
use super::metadata::{buckets_name, file_name, metadata};
use super::plan::{Planned, PlannedContent, plan};
use super::{DatabaseRestoreError, DatabaseRestoreOptions, DocumentConflict, tell};
use crate::model::{Collection, CollectionKind, Counter, Monitor, Snapshot, Stage};
use crate::ops::backup::MONGODB;
use crate::ops::restore::content::Blamed;
use crate::repo::{BlobReader, Repository};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// What became of one collection or view.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DumpedCollection {
    /// `database.collection`.
    pub from: String,
    /// Below the target, without what follows the name.
    pub path: String,
    pub is_view: bool,
    pub documents: u64,
    /// Of the documents.
    pub bytes: u64,
    /// Files of it are there, and stay.
    pub was_there: bool,
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DumpedDatabases {
    pub collections: Vec<DumpedCollection>,
    /// Things that could not be written whole; each was told.
    pub failed: u64,
}

/// Writes databases of a snapshot into a folder, which is made if need be. Nothing below it is
/// reached through a symbolic link. Each file appears whole and durable, or not at all; one that
/// is there stays, unless the strategy is to overwrite.
pub fn restore_databases_into_folder(
    repository: &Arc<Repository>,
    snapshot: &Snapshot,
    options: &DatabaseRestoreOptions,
    (target, dry_run): (&Path, bool),
    monitor: &dyn Monitor,
) -> Result<DumpedDatabases, DatabaseRestoreError> {
    monitor.stage(Stage::Restoring);
    let reader = BlobReader::for_reading(Arc::clone(repository))?;
    let planned = plan(&reader, snapshot, options)?;
    let mut dumped = DumpedDatabases::default();
    let blamed = Blamed::default();
    for planned in &planned {
        monitor.current(&planned.to());
        let dumping =
            Dumping { reader: &reader, planned, options, target, monitor, blamed: &blamed };
        let mut collection = dumping.described();
        let done = if dry_run { Ok(0) } else { dumping.run(&mut collection) };
        match done {
            Ok(failed) => dumped.failed += failed,
            Err(DatabaseRestoreError::Folder(error)) => {
                dumped.failed += 1;
                tell(monitor, planned.to(), error.to_string());
            }
            Err(error) => return Err(error),
        }
        dumped.collections.push(collection);
    }
    super::super::mark_blamed(&reader, snapshot, dry_run, &blamed);
    Ok(dumped)
}

struct Dumping<'a> {
    reader: &'a BlobReader,
    planned: &'a Planned,
    options: &'a DatabaseRestoreOptions,
    target: &'a Path,
    monitor: &'a dyn Monitor,
    blamed: &'a Blamed,
}

impl Dumping<'_> {
    /// As far as it is known before.
    fn described(&self) -> DumpedCollection {
        let Planned { to_database, to_name, content, .. } = self.planned;
        let folder = String::from_utf8_lossy(MONGODB);
        let (documents, bytes) = match content {
            PlannedContent::Collection(collection) => (collection.count, collection.size),
            PlannedContent::View { .. } => (0, 0),
        };
        DumpedCollection {
            from: self.planned.from(),
            path: format!("{folder}/{}/{}", file_name(to_database), file_name(to_name)),
            is_view: matches!(content, PlannedContent::View { .. }),
            documents,
            bytes,
            was_there: false,
        }
    }

    /// How many parts of it could not be read.
    fn run(&self, dumped: &mut DumpedCollection) -> Result<u64, DatabaseRestoreError> {
        let Planned { to_database, to_name, content, .. } = self.planned;
        std::fs::create_dir_all(self.target)?;
        let root = rustix::fs::open(self.target, directory_flags(), Mode::empty())?;
        let folder = enter(&root, &String::from_utf8_lossy(MONGODB))?;
        let folder = enter(&folder, &file_name(to_database))?;
        let described = format!("{}.metadata.json", file_name(to_name));
        let overwrites = self.options.conflict == DocumentConflict::Overwrite;
        let is_there = |name: &str| {
            rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok() && !overwrites
        };
        let mut failed = 0;
        if let PlannedContent::Collection(collection) = content {
            let name = match collection.kind {
                CollectionKind::Ordinary => file_name(to_name),
                CollectionKind::TimeSeries => file_name(&buckets_name(to_name)),
            };
            let name = format!("{name}.bson");
            dumped.was_there = is_there(&name) || is_there(&described);
            if dumped.was_there {
                return Ok(0);
            }
            failed = self.documents(collection, &folder, &name, dumped)?;
        } else if is_there(&described) {
            dumped.was_there = true;
            return Ok(0);
        }
        let mut file = NewFile::create(&folder, &described)?;
        file.write_all(&metadata(self.planned))?;
        file.put()?;
        rustix::fs::fsync(&folder)?;
        Ok(failed)
    }

    fn documents(
        &self,
        collection: &Collection,
        folder: &OwnedFd,
        name: &str,
        dumped: &mut DumpedCollection,
    ) -> Result<u64, DatabaseRestoreError> {
        let file = NewFile::create(folder, name)?;
        (dumped.documents, dumped.bytes) = (0, 0);
        let shared = Mutex::new((file, dumped, 0));
        let failed = FirstError::default();
        let walk = DocumentWalk {
            reader: self.reader,
            monitor: self.monitor,
            blamed: self.blamed,
            selection: &self.options.selection,
            name: self.planned.from(),
            // In the order of the keys.
            workers: 1,
            seen: Seen::default(),
        };
        let walked = walk.run(collection, &|met| {
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let (file, dumped, unread) = &mut *shared;
            match met {
                Met::Unreadable { count, why } => {
                    *unread += count.max(1);
                    tell(self.monitor, self.planned.to(), unreadable(count, &why));
                }
                Met::Documents(documents) => {
                    let bytes: u64 = documents.iter().map(|document| document.len() as u64).sum();
                    dumped.documents += documents.len() as u64;
                    dumped.bytes += bytes;
                    self.monitor.add(Counter::BytesRestored, bytes);
                    let written = documents.iter().try_for_each(|one| file.write_all(one));
                    written.unwrap_or_else(|error| failed.set(error));
                }
            }
            !failed.is_set()
        });
        failed.or(walked)?;
        let (file, _, unread) = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        file.put()?;
        Ok(unread)
    }
}

fn unreadable(count: u64, why: &str) -> String {
    match count {
        0 => format!("a part of its documents cannot be read: {why}"),
        count => format!("{count} of its documents cannot be read: {why}"),
    }
}

fn directory_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC
}

/// Makes a directory if need be, and opens it; a link is not followed.
fn enter(parent: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    match rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o755)) {
        Ok(()) => rustix::fs::fsync(parent)?,
        Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let flags = directory_flags() | OFlags::NOFOLLOW;
    Ok(rustix::fs::openat(parent, name, flags, Mode::empty())?)
}

/// A file that appears whole, or not at all.
struct NewFile<'a> {
    folder: &'a OwnedFd,
    name: String,
    temporary: String,
    file: Option<BufWriter<File>>,
}

impl<'a> NewFile<'a> {
    fn create(folder: &'a OwnedFd, name: &str) -> io::Result<Self> {
        // Short, for a name may be as long as names can be.
        let hash = blake3::hash(name.as_bytes()).to_hex();
        let hash = hash.get(..16).unwrap_or_default();
        let temporary = format!(".snap-{hash}.{}.part", std::process::id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let flags = flags | OFlags::NOFOLLOW;
        let file =
            rustix::fs::openat(folder, temporary.as_str(), flags, Mode::from_raw_mode(0o600))?;
        let file = Some(BufWriter::new(File::from(file)));
        Ok(Self { folder, name: name.to_string(), temporary, file })
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(bytes))
    }

    /// Makes it durable and gives it its name.
    fn put(mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.flush()?;
        file.get_ref().sync_all()?;
        let (from, to) = (self.temporary.as_str(), self.name.as_str());
        rustix::fs::renameat(self.folder, from, self.folder, to)?;
        rustix::fs::fsync(self.folder)?;
        self.file = None;
        Ok(())
    }
}

impl Drop for NewFile<'_> {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // Nothing more can be done about what stays.
            let _ = rustix::fs::unlinkat(self.folder, self.temporary.as_str(), AtFlags::empty());
        }
    }
}
