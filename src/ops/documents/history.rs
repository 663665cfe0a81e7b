//! The versions of one document, over snapshots.

use super::sought::SoughtDocument;
use crate::model::{
    Collection, Directory, Documents, EntryPath, Kind, Monitor, Snapshot, unescape_name,
};
use crate::ops::backup::MONGODB;
use crate::ops::walk_tree;
use crate::repo::{BlobReader, RepoError};
use std::collections::BTreeMap;

/// A document in one collection.
#[derive(Debug, Clone, Default)]
pub struct DocumentHistory {
    pub lines: Vec<DocumentLine>,
    /// The content of the collection in the last snapshot looked at, to be recognised.
    content: Option<Documents>,
}

/// A time in which nothing changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentLine {
    /// Numbers of the first and the last snapshot.
    pub first: usize,
    pub last: usize,
    /// `None` if it was not there.
    pub document: Option<Vec<u8>>,
    pub step: DocumentStep,
}

/// What began a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentStep {
    New,
    Changed,
    Absent,
    /// It is there again, after it was not.
    Back,
}

/// Looks for a document in the collections (of this name, `database.name` or path, if there is one) of
/// snapshots from old to new. A collection that is as in the snapshot before is not read again.
/// Memory: one version of the document for each line.
pub fn document_history(
    reader: &BlobReader,
    snapshots: &[&Snapshot],
    sought: &SoughtDocument,
    collection: Option<&str>,
    monitor: &dyn Monitor,
) -> Result<BTreeMap<EntryPath, DocumentHistory>, RepoError> {
    let mut histories: BTreeMap<EntryPath, DocumentHistory> = BTreeMap::new();
    for (number, snapshot) in snapshots.iter().enumerate() {
        let mut seen = Vec::new();
        each_collection(reader, snapshot, &mut |path, found| {
            if monitor.stopped() {
                return Err(RepoError::Stopped);
            }
            if collection.is_none_or(|wanted| is_named(path, wanted)) {
                seen.push(path.clone());
                let history = histories.entry(path.clone()).or_default();
                history.look(reader, number, found, sought)?;
            }
            Ok(())
        })?;
        // A collection that is not there has no document; a server that was not backed up says
        // nothing.
        for (path, history) in &mut histories {
            if !seen.contains(path) && has_database_of(snapshot, path) {
                history.add(number, None);
                history.content = None;
            }
        }
    }
    histories.retain(|_, history| !history.lines.is_empty());
    Ok(histories)
}

fn has_database_of(snapshot: &Snapshot, path: &EntryPath) -> bool {
    snapshot.sources.iter().any(|source| path.starts_with(&source.path))
}

/// Whether a collection is meant: by its name, by `database.name`, or by the end of its path.
fn is_named(path: &EntryPath, wanted: &str) -> bool {
    let names: Vec<String> = path.names().filter_map(|name| unescape_name(&name)).collect();
    let [.., database, name] = names.as_slice() else { return false };
    let whole = format!("/{}", names.join("/"));
    name == wanted
        || format!("{database}.{name}") == wanted
        || whole.ends_with(&format!("/{}", wanted.trim_matches('/')))
}

type CollectionSink<'a> = &'a mut dyn FnMut(&EntryPath, &Collection) -> Result<(), RepoError>;

fn each_collection(
    reader: &BlobReader,
    snapshot: &Snapshot,
    sink: CollectionSink<'_>,
) -> Result<(), RepoError> {
    let Some(root) = reader.find_entry(&snapshot.tree, MONGODB)? else { return Ok(()) };
    let Kind::Directory(Directory { tree: Some(tree), .. }) = root.kind else { return Ok(()) };
    let path = EntryPath::parse(MONGODB).unwrap_or_default();
    walk_tree(reader, &path, tree, &mut |path, entry| {
        match &entry.kind {
            Kind::Collection(collection) => sink(path, collection)?,
            Kind::Directory(_) => return Ok(true),
            _ => {}
        }
        Ok::<_, RepoError>(false)
    })
}

impl DocumentHistory {
    fn look(
        &mut self,
        reader: &BlobReader,
        number: usize,
        collection: &Collection,
        sought: &SoughtDocument,
    ) -> Result<(), RepoError> {
        if self.content.as_ref() == Some(&collection.content) {
            if let Some(line) = self.lines.last_mut() {
                line.last = number;
            }
            return Ok(());
        }
        let document = sought.find(reader, collection)?;
        self.content = Some(collection.content.clone());
        self.add(number, document);
        Ok(())
    }

    fn add(&mut self, number: usize, document: Option<Vec<u8>>) {
        let step = match (self.lines.last_mut(), &document) {
            (None, None) => return,
            (Some(last), document) if last.document == *document => {
                last.last = number;
                return;
            }
            (None, Some(_)) => DocumentStep::New,
            (Some(_), None) => DocumentStep::Absent,
            (Some(DocumentLine { document: None, .. }), Some(_)) => DocumentStep::Back,
            (Some(_), Some(_)) => DocumentStep::Changed,
        };
        self.lines.push(DocumentLine { first: number, last: number, document, step });
    }
}
