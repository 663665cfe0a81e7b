//! Import: backups that other programs made become snapshots, each with its own time.

mod archive;
mod bson_file;
mod checksums;
mod dump;
mod error;
mod gather;
mod metadata;
mod save;
mod series;
mod team;

pub use checksums::Verdict;
pub use error::ImportError;
pub use save::import;

use crate::model::{Host, Snapshot};
use crate::repo::Writer;
use jiff::{Timestamp, Zoned};
use std::path::{Path, PathBuf};

/// What a snapshot of an import says of itself, and how it is made.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    pub writer: Writer,
    pub host: Host,
    /// Sorted.
    pub tags: Vec<String>,
    /// In place of the backup's own time.
    pub begun: Option<Timestamp>,
    /// Local times in backups are of its zone.
    pub now: Zoned,
    /// Where the databases lie: `mongodb/<server name>/`.
    pub server_name: String,
    /// The database of documents that do not say theirs.
    pub database: Option<String>,
    /// Where documents are sorted that are too many for memory; nothing is left there.
    pub scratch: PathBuf,
    /// Reads and verifies everything, and stores nothing.
    pub dry_run: bool,
    /// The program and its version.
    pub program: String,
}

/// What became of one backup.
#[derive(Debug, Clone)]
pub struct ImportReport {
    /// `None` for a dry run.
    pub snapshot: Option<Snapshot>,
    /// The snapshot was there already: nothing was committed.
    pub was_there: bool,
    pub begun: Timestamp,
    pub databases: Vec<ImportedDatabase>,
    pub checksums: Verdict,
    /// Bytes added to the repository.
    pub bytes_stored: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportedDatabase {
    pub name: String,
    pub collections: u64,
    pub documents: u64,
    /// Bytes of its documents.
    pub bytes: u64,
}

/// One backup that can be imported.
#[derive(Debug, Clone)]
pub struct Importable {
    pub path: PathBuf,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Dump(dump::Dump),
    Archive,
    Team(Box<team::Survey>),
}

/// The backups at a path: a mongodump directory, one of its databases or one `.bson` file of it,
/// an archive of mongodump, a JSON backup; or a folder of archives and JSON backups, each of them
/// one, sorted by name. JSON files are read once from end to end.
///
/// Files of a folder that are no backups come back beside, with why they are none.
pub fn find_imports(path: &Path) -> Result<(Vec<Importable>, Vec<ImportError>), ImportError> {
    let kind = std::fs::metadata(path).map_err(|cause| ImportError::read(path, cause))?;
    if !kind.is_dir() {
        return Ok((vec![find_file(path)?], Vec::new()));
    }
    if let Some(dump) = dump::find(path)? {
        let content = Content::Dump(dump);
        return Ok((vec![Importable { path: path.to_path_buf(), content }], Vec::new()));
    }
    let (mut found, mut others) = (Vec::new(), Vec::new());
    for file in dump::listed(path)? {
        if file.is_file() {
            match find_file(&file) {
                Ok(one) => found.push(one),
                Err(error) => others.push(error),
            }
        }
    }
    match found.is_empty() {
        true => Err(others.pop().unwrap_or_else(|| ImportError::Nothing(path.to_path_buf()))),
        false => Ok((found, others)),
    }
}

fn find_file(path: &Path) -> Result<Importable, ImportError> {
    let content = if dump::is_bson_name(path) {
        Content::Dump(dump::of_file(path)?)
    } else if archive::is_archive(path)? {
        Content::Archive
    } else {
        Content::Team(Box::new(team::survey(path)?))
    };
    Ok(Importable { path: path.to_path_buf(), content })
}
