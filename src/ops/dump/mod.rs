//! Dump: something in a snapshot as a stream of bytes. A file is its content, a folder an
//! archive.

mod content;
mod documents;
mod new_file;
mod pax;
mod spool;
mod tar;
mod zip;

pub use content::{copy_file, read_attribute};
pub use documents::{DocumentFormat, dump_collection, dump_document};
pub use new_file::NewFile;

use super::walk_tree::walk_tree;
use crate::model::{
    Counter, Directory, Entry, EntryName, EntryPath, File, Kind, Monitor, Problem, ProblemKind,
    Stage,
};
use crate::repo::{BlobReader, RepoError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tar::TarWriter;
use zip::ZipWriter;

/// How a folder becomes one stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// POSIX tar with pax headers: everything but sockets and inode flags.
    #[default]
    Tar,
    /// Files, folders and symbolic links, with their modes and times (whole seconds).
    Zip,
}

#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// Whoever takes the bytes does not.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
    /// The table of contents of a large zip waits in a file there.
    #[error("cannot keep the table of contents in {}: {cause}", .place.display())]
    Scratch { place: PathBuf, cause: io::Error },
    #[error("the user asked to stop")]
    Stopped,
    /// Neither a file nor a folder.
    #[error("it is {0}: it has no content of its own")]
    NoContent(String),
    #[error("there is no such document in it")]
    NoDocument,
}

/// What a dump wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DumpReport {
    pub entries: u64,
    /// Of files, before any compression.
    pub bytes: u64,
    /// Entries that the archive's format cannot hold, but for sockets; each was reported as a
    /// problem.
    pub left_out: u64,
}

/// An archive that is being written.
trait Archive {
    /// Appends an entry. `Some` says why the format cannot hold it.
    fn append(&mut self, path: &[u8], entry: &Entry) -> Result<Option<&'static str>, DumpError>;

    /// Writes what stands at the end.
    fn finish(&mut self) -> Result<(), DumpError>;
}

/// Writes the content of a file, zeros where it has holes.
pub fn dump_file(
    reader: &BlobReader,
    file: &File,
    out: &mut dyn Write,
    monitor: &dyn Monitor,
) -> Result<DumpReport, DumpError> {
    monitor.stage(Stage::Restoring);
    monitor.expect(Counter::BytesRestored, file.size);
    copy_file(reader, file, out, monitor)?;
    out.flush()?;
    Ok(DumpReport { entries: 1, bytes: file.size, left_out: 0 })
}

/// Writes a folder and all below it as an archive, in which paths begin with `name`; without one
/// they begin with the names in the folder. Memory does not grow with the sizes of files; up to
/// 64 MiB the first paths of hard links are kept. The table of contents of a large zip waits in a
/// file without a name in the folder `scratch`.
pub fn dump_folder(
    reader: &BlobReader,
    name: Option<&EntryName>,
    folder: &Entry,
    format: ArchiveFormat,
    scratch: &Path,
    out: &mut dyn Write,
    monitor: &dyn Monitor,
) -> Result<DumpReport, DumpError> {
    let Kind::Directory(Directory { tree, summary }) = &folder.kind else {
        return Ok(DumpReport::default());
    };
    monitor.stage(Stage::Restoring);
    monitor.expect(Counter::BytesRestored, summary.bytes);
    let mut archive: Box<dyn Archive + '_> = match format {
        ArchiveFormat::Tar => Box::new(TarWriter::new(reader, out, monitor)),
        ArchiveFormat::Zip => Box::new(ZipWriter::new(reader, scratch, out, monitor)),
    };
    let mut report = DumpReport::default();
    let mut root = EntryPath::root();
    if let Some(name) = name {
        root.push(name);
        append(archive.as_mut(), &root, folder, monitor, &mut report)?;
    }
    if let Some(tree) = tree {
        walk_tree(reader, &root, *tree, &mut |path, entry| {
            append(archive.as_mut(), path, entry, monitor, &mut report).map(|()| true)
        })?;
    }
    archive.finish()?;
    Ok(report)
}

fn append(
    archive: &mut dyn Archive,
    path: &EntryPath,
    entry: &Entry,
    monitor: &dyn Monitor,
    report: &mut DumpReport,
) -> Result<(), DumpError> {
    if monitor.stopped() {
        return Err(DumpError::Stopped);
    }
    monitor.current(path);
    if let Some(why) = archive.append(path.bytes(), entry)? {
        // A socket is nothing without the process that made it.
        let kind = match entry.kind {
            Kind::Socket => ProblemKind::Note,
            _ => ProblemKind::Unrestored,
        };
        report.left_out += u64::from(kind == ProblemKind::Unrestored);
        monitor.problem(Problem { kind, what: path.to_string(), why: why.to_owned() });
        return Ok(());
    }
    report.entries += 1;
    if let Kind::File(file) = &entry.kind {
        report.bytes = report.bytes.saturating_add(file.size);
    }
    Ok(())
}
