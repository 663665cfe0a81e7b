//! The archive that `mongodump --archive` writes: slices of collections, several at a time.
//!
//! A magic number; a document about the archive; one for each collection with its metadata; a
//! terminator (four times 0xff). Then slices: a document that names the collection, documents of
//! it, a terminator. The last slice of each says `EOF`, and the CRC-64 of its documents.

use super::ImportError;
use super::bson_file::{Next, next_document, open};
use super::gather::{Gatherer, Intake};
use super::metadata::{DescribedKind, Description};
use crate::codec::{Crc64, Element, Elements};
use crate::model::ProblemKind;
use std::collections::BTreeMap;
use std::io::{BufRead, Read};
use std::path::Path;

/// The first bytes.
const MAGIC: [u8; 4] = 0x8199_e26d_u32.to_le_bytes();
/// Bytes of documents that wait in memory, over all collections that are open.
const BUDGET: usize = 64 << 20;
const BUCKETS: &str = "system.buckets.";
const NOT_KEPT: [&str; 4] = ["system.views", "system.profile", "system.version", "system.keys"];

pub fn is_archive(path: &Path) -> Result<bool, ImportError> {
    let mut first = Vec::new();
    let read = open(path)?.take(MAGIC.len() as u64).read_to_end(&mut first);
    read.map_err(|cause| ImportError::read(path, cause))?;
    Ok(first == MAGIC)
}

/// Database and collection.
type Namespace = (String, String);

/// Gathers everything. `database` takes the place of the only one.
pub fn read(
    path: &Path,
    database: Option<&str>,
    gatherer: &mut Gatherer<'_>,
) -> Result<(), ImportError> {
    let mut reader = Reader::open(path)?;
    let descriptions = reader.prelude()?;
    let mut names: Vec<&String> = descriptions.keys().map(|(database, _)| database).collect();
    names.dedup();
    let only = database.filter(|_| names.len() == 1);
    Slices { reader, descriptions, only, open: BTreeMap::new(), gatherer }.run()
}

struct Reader<'a> {
    path: &'a Path,
    input: Box<dyn BufRead>,
    buffer: Vec<u8>,
}

impl<'a> Reader<'a> {
    fn open(path: &'a Path) -> Result<Self, ImportError> {
        let mut input = open(path)?;
        let mut magic = [0; 4];
        input.read_exact(&mut magic).map_err(|cause| ImportError::read(path, cause))?;
        Ok(Self { path, input, buffer: Vec::new() })
    }

    fn next(&mut self) -> Result<Next, ImportError> {
        next_document(&mut self.input, &mut self.buffer, self.path)
    }

    fn broken(&self, why: &str) -> ImportError {
        ImportError::broken(self.path, why)
    }

    /// What stands before the documents: the descriptions of all collections.
    fn prelude(&mut self) -> Result<BTreeMap<Namespace, Description>, ImportError> {
        let mut descriptions = BTreeMap::new();
        let mut is_header = true;
        loop {
            match self.next()? {
                Next::Document if std::mem::take(&mut is_header) => {}
                Next::Document => {
                    let (namespace, description) = self.description()?;
                    descriptions.insert(namespace, description);
                }
                Next::Terminator => return Ok(descriptions),
                Next::End => return Err(self.broken("it ends before its documents")),
            }
        }
    }

    fn description(&self) -> Result<(Namespace, Description), ImportError> {
        let database = self.text(b"db")?.unwrap_or_default();
        let collection = self.text(b"collection")?.unwrap_or_default();
        let description = match self.text(b"metadata")?.filter(|text| !text.is_empty()) {
            Some(text) => Description::parse(text.as_bytes()),
            None => Ok(Description::default()),
        };
        let description = description.map_err(|why| ImportError::broken(self.path, why))?;
        let collection = collection.strip_prefix(BUCKETS).unwrap_or(&collection).to_string();
        Ok(((database, collection), description))
    }

    fn find(&self, name: &[u8]) -> Result<Option<Element<'_>>, ImportError> {
        let found = Elements::new(&self.buffer).and_then(|elements| elements.find(name));
        found.map_err(|error| ImportError::broken(self.path, error))
    }

    fn text(&self, name: &[u8]) -> Result<Option<String>, ImportError> {
        let text = self.find(name)?.and_then(|element| element.text().map(<[u8]>::to_vec));
        let text = text.map(String::from_utf8).transpose();
        text.map_err(|_| self.broken("a name in it is no text"))
    }
}

/// A collection whose documents are coming.
struct OpenCollection {
    intake: Intake,
    sum: Crc64,
}

struct Slices<'a, 'g> {
    reader: Reader<'a>,
    /// Of collections that have not ended.
    descriptions: BTreeMap<Namespace, Description>,
    only: Option<&'a str>,
    open: BTreeMap<Namespace, OpenCollection>,
    gatherer: &'a mut Gatherer<'g>,
}

impl Slices<'_, '_> {
    fn run(mut self) -> Result<(), ImportError> {
        loop {
            match self.reader.next()? {
                Next::Document => self.slice()?,
                Next::End => return self.finish(),
                Next::Terminator => return Err(self.reader.broken("a slice in it has no head")),
            }
        }
    }

    /// From the document that names the collection to the terminator.
    fn slice(&mut self) -> Result<(), ImportError> {
        let database = self.reader.text(b"db")?.unwrap_or_default();
        let name = self.reader.text(b"collection")?.unwrap_or_default();
        let name = name.strip_prefix(BUCKETS).unwrap_or(&name).to_string();
        let is_last = self.reader.find(b"EOF")?.is_some_and(|last| last.is_true());
        let sum = self.reader.find(b"CRC")?.and_then(|sum| sum.integer());
        let namespace = (database, name);
        let mut open = match self.open.remove(&namespace) {
            Some(open) => open,
            None => self.begin(&namespace),
        };
        loop {
            match self.reader.next()? {
                Next::Terminator => break,
                Next::End => return Err(self.reader.broken("it ends in the middle of a slice")),
                Next::Document => {
                    open.sum.update(&self.reader.buffer);
                    self.gatherer.push(&mut open.intake, &self.reader.buffer)?;
                    let held = self.open.values().map(|open| open.intake.held()).sum::<usize>();
                    if held + open.intake.held() > BUDGET {
                        open.intake.spill()?;
                        self.open.values_mut().try_for_each(|open| open.intake.spill())?;
                    }
                }
            }
        }
        if !is_last {
            self.open.insert(namespace, open);
            return Ok(());
        }
        if sum != Some(open.sum.value() as i64) {
            let why = format!(
                "the checksum of {}.{} is of other documents than those that are there",
                namespace.0, namespace.1
            );
            return Err(self.reader.broken(&why));
        }
        self.end(namespace, open)
    }

    fn begin(&self, namespace: &Namespace) -> OpenCollection {
        let description = self.descriptions.get(namespace);
        let is_natural = description.is_some_and(Description::is_natural);
        OpenCollection { intake: self.gatherer.intake(is_natural), sum: Crc64::default() }
    }

    /// Stores a collection that is complete.
    fn end(&mut self, namespace: Namespace, open: OpenCollection) -> Result<(), ImportError> {
        let description = self.descriptions.remove(&namespace).unwrap_or_default();
        let (database, name) = namespace;
        if database.is_empty() {
            let why = "changes made while the dump was taken are not applied: it is kept as it was \
                 read, and marked fuzzy";
            self.gatherer.tell(ProblemKind::Note, name, why);
            return Ok(());
        }
        if NOT_KEPT.contains(&name.as_str()) {
            let why = "it is the server's own, and not kept";
            self.gatherer.tell(ProblemKind::Note, format!("{database}.{name}"), why);
            return Ok(());
        }
        let database = self.only.unwrap_or(&database);
        self.gatherer.collection(database, &name, description, open.intake)
    }

    /// At the end of the file all collections must have ended; views have no documents.
    fn finish(mut self) -> Result<(), ImportError> {
        for ((database, name), description) in std::mem::take(&mut self.descriptions) {
            if description.kind != DescribedKind::View {
                let why = format!("it ends before the end of {database}.{name}");
                return Err(self.reader.broken(&why));
            }
            let database = self.only.unwrap_or(&database);
            self.gatherer.view(database, &name, description)?;
        }
        match self.open.is_empty() {
            true => Ok(()),
            false => Err(self.reader.broken("it ends before the end of its collections")),
        }
    }
}
