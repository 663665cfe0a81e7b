//! The directory that mongodump writes: a folder for each database, in it `<name>.bson` and
//! `<name>.metadata.json`, packed by gzip or not.

use super::ImportError;
use super::bson_file::{Next, next_document, open};
use super::gather::Gatherer;
use super::metadata::{DescribedKind, Description};
use crate::model::{Problem, ProblemKind};
use crate::ops::restore::{buckets_name, file_name};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Databases of a dump.
#[derive(Debug, Clone, Default)]
pub struct Dump {
    databases: Vec<Database>,
    /// What changed while the dump was made, which is not applied.
    oplog: Option<PathBuf>,
    /// When the newest of its files was written.
    pub modified: Timestamp,
}

#[derive(Debug, Clone)]
struct Database {
    /// The folder's.
    name: String,
    collections: BTreeMap<String, Files>,
}

/// The files of one collection.
#[derive(Debug, Clone, Default)]
struct Files {
    documents: Option<PathBuf>,
    metadata: Option<PathBuf>,
}

const BUCKETS: &str = "system.buckets.";
/// Files that are larger are none that mongodump writes.
const LARGEST_METADATA: u64 = 16 << 20;
/// The server's own, which no snapshot keeps; and the users of one database, which lie in `admin`.
const NOT_KEPT: [&str; 7] = [
    "system.views",
    "system.profile",
    "system.version",
    "system.keys",
    "$admin.system.users",
    "$admin.system.roles",
    "$admin.system.version",
];

pub fn is_bson_name(path: &Path) -> bool {
    matches!(part_of(path), Some((_, Part::Documents)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Documents,
    Metadata,
}

/// The collection that a file is of, as its name says, and what of it.
fn part_of(path: &Path) -> Option<(String, Part)> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_suffix(".gz").unwrap_or(name);
    let (stem, part) = match name.strip_suffix(".bson") {
        Some(stem) => (stem, Part::Documents),
        None => (name.strip_suffix(".metadata.json")?, Part::Metadata),
    };
    Some((unescape(stem), part))
}

/// `%2F` for `/`, as mongodump writes names.
fn unescape(name: &str) -> String {
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|_| *first == b'%');
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        plain.push(code.unwrap_or(*first));
        rest = if code.is_some() { behind.get(2..).unwrap_or_default() } else { behind };
    }
    String::from_utf8(plain).unwrap_or_else(|_| name.to_string())
}

/// The names in a folder, sorted.
pub fn listed(folder: &Path) -> Result<Vec<PathBuf>, ImportError> {
    let failed = |cause| ImportError::read(folder, cause);
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let paths = entries.map(|entry| Ok(entry.map_err(failed)?.path()));
    let mut paths = paths.collect::<Result<Vec<_>, ImportError>>()?;
    paths.sort();
    Ok(paths)
}

/// The dump in a folder, which may also be that of one database; `None` if there is none.
pub fn find(folder: &Path) -> Result<Option<Dump>, ImportError> {
    let mut dump = Dump::default();
    let listed_here = listed(folder)?;
    let (oplogs, files): (Vec<_>, Vec<_>) = listed_here.iter().cloned().partition(|path| {
        path.file_name().is_some_and(|name| name == "oplog.bson" || name == "oplog.bson.gz")
    });
    dump.oplog = oplogs.into_iter().next();
    if !dump.add(folder, &files)? {
        for inner in listed_here.iter().filter(|path| path.is_dir()) {
            dump.add(inner, &listed(inner)?)?;
        }
    }
    Ok((!dump.databases.is_empty()).then_some(dump))
}

/// One file of documents, with its metadata where they lie beside it.
pub fn of_file(path: &Path) -> Result<Dump, ImportError> {
    let absolute = std::path::absolute(path).map_err(|cause| ImportError::read(path, cause))?;
    let folder = absolute.parent().unwrap_or(&absolute);
    let wanted = part_of(&absolute).map(|(name, _)| name);
    let mut files = listed(folder)?;
    files.retain(|file| match part_of(file) {
        Some((name, Part::Documents)) => *file == absolute && Some(name) == wanted,
        Some((name, Part::Metadata)) => {
            Some(name.as_str()) == wanted.as_deref().map(|name| name.trim_start_matches(BUCKETS))
        }
        None => false,
    });
    let mut dump = Dump::default();
    dump.add(folder, &files)?;
    Ok(dump)
}

impl Dump {
    /// Adds the database whose files these are; false if none of them is of any.
    fn add(&mut self, folder: &Path, files: &[PathBuf]) -> Result<bool, ImportError> {
        let mut collections: BTreeMap<String, Files> = BTreeMap::new();
        for path in files {
            let Some((name, part)) = part_of(path).filter(|_| path.is_file()) else { continue };
            let name = match (part, name.strip_prefix(BUCKETS)) {
                (Part::Documents, Some(series)) => series.to_string(),
                _ => name,
            };
            let files = collections.entry(name).or_default();
            match part {
                Part::Documents => files.documents = Some(path.clone()),
                Part::Metadata => files.metadata = Some(path.clone()),
            }
            self.modified = self.modified.max(modified(path)?);
        }
        if collections.is_empty() {
            return Ok(false);
        }
        join_series(&mut collections)?;
        let folder =
            std::path::absolute(folder).map_err(|cause| ImportError::read(folder, cause))?;
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or("imported");
        self.databases.push(Database { name: unescape(name), collections });
        Ok(true)
    }

    /// Gathers everything. `database` names the only one.
    pub fn read(
        &self,
        database: Option<&str>,
        gatherer: &mut Gatherer<'_>,
    ) -> Result<(), ImportError> {
        if let Some(oplog) = &self.oplog {
            let why = "changes made while the dump was taken are not applied: it is kept as it was \
                 read, and marked fuzzy";
            gatherer.tell(ProblemKind::Note, oplog.display().to_string(), why);
        }
        let only = database.filter(|_| self.databases.len() == 1);
        for Database { name: folder, collections } in &self.databases {
            let database = only.unwrap_or(folder);
            for (name, files) in collections {
                files.read(database, name, gatherer)?;
            }
        }
        Ok(())
    }
}

/// Shortened names tell not that the documents of a time series, which lie in another collection,
/// belong to its metadata.
fn join_series(collections: &mut BTreeMap<String, Files>) -> Result<(), ImportError> {
    let mut joined = Vec::new();
    for (name, files) in collections.iter() {
        let (None, Some(path)) = (&files.documents, &files.metadata) else { continue };
        let Some(series) = describe(path)?.series() else { continue };
        let documents = unescape(&file_name(&buckets_name(&series)));
        let documents = documents.strip_prefix(BUCKETS).unwrap_or(&documents).to_string();
        if documents != *name {
            joined.push((name.clone(), documents));
        }
    }
    for (name, documents) in joined {
        let Some(found) = collections.remove(&documents) else { continue };
        if let Some(files) = collections.get_mut(&name) {
            files.documents = found.documents;
        }
    }
    Ok(())
}

impl Files {
    fn read(
        &self,
        database: &str,
        name: &str,
        gatherer: &mut Gatherer<'_>,
    ) -> Result<(), ImportError> {
        if NOT_KEPT.contains(&name) {
            let why = "it is the server's own, and not kept".to_string();
            let what = format!("{database}.{name}");
            gatherer.monitor.problem(Problem { kind: ProblemKind::Note, what, why });
            return Ok(());
        }
        let mut description = match &self.metadata {
            Some(path) => describe(path)?,
            None => Description::default(),
        };
        let name = description.name.take();
        let name = name.unwrap_or_else(|| self.name().unwrap_or_default());
        if description.kind == DescribedKind::View {
            return gatherer.view(database, &name, description);
        }
        let mut intake = gatherer.intake(description.is_natural());
        if let Some(path) = &self.documents {
            let mut input = open(path)?;
            let mut buffer = Vec::new();
            loop {
                match next_document(&mut input, &mut buffer, path)? {
                    Next::Document => gatherer.push(&mut intake, &buffer)?,
                    Next::End => break,
                    Next::Terminator => {
                        return Err(ImportError::broken(path, "it is no file of documents"));
                    }
                }
            }
        }
        gatherer.collection(database, &name, description, intake)
    }

    /// As the file names say it.
    fn name(&self) -> Option<String> {
        let (name, part) = part_of(self.documents.as_ref().or(self.metadata.as_ref())?)?;
        Some(match (part, name.strip_prefix(BUCKETS)) {
            (Part::Documents, Some(series)) => series.to_string(),
            _ => name,
        })
    }
}

fn describe(path: &Path) -> Result<Description, ImportError> {
    let mut text = Vec::new();
    let read = open(path)?.take(LARGEST_METADATA).read_to_end(&mut text);
    read.map_err(|cause| ImportError::read(path, cause))?;
    Description::parse(&text).map_err(|why| ImportError::broken(path, why))
}

pub fn modified(path: &Path) -> Result<Timestamp, ImportError> {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    let modified = modified.map_err(|cause| ImportError::read(path, cause))?;
    Timestamp::try_from(modified).map_err(|error| ImportError::broken(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unescaped() {
        for (written, name) in [("a%2Fb", "a/b"), ("100%", "100%"), ("%zz", "%zz"), ("%25", "%")] {
            assert_eq!(unescape(written), name);
        }
        let part = |name: &str| part_of(Path::new(name)).map(|(name, _)| name);
        assert_eq!(part("x/users.bson.gz").as_deref(), Some("users"));
        assert_eq!(part("users.metadata.json").as_deref(), Some("users"));
        assert_eq!(part("users.json"), None);
    }
}
