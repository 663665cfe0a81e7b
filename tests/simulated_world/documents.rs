//! A scripted database: a collection is saved as a tree of documents, and then as overlays over
//! that tree, as the backup of databases does it where the server's log tells what changed.

use super::actors::Backup;
use super::site::{Place, Site};
use super::tree::Tree;
use snapstore::codec::{BlobClass, Compressor, DocumentBuilder, Elements, document_key};
use snapstore::format::SessionKind;
use snapstore::model::*;
use snapstore::repo::*;
use snapstore::storage::StorageError;
use snapstore::storage::sim::ActorContext;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where the collection lies in a snapshot.
const PATH: [&str; 4] = ["mongodb", "server", "shop", "orders"];
/// More overlays are put together.
const MOST_OVERLAYS: usize = 3;
/// How often a session that was shut out begins again.
const ATTEMPTS: usize = 3;

/// Documents by their keys; `None` is one that was deleted.
type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// The documents of a collection, in the order of their keys.
pub fn documents(collection: &BTreeMap<i32, (usize, i32)>) -> Vec<Vec<u8>> {
    collection.iter().map(|(id, content)| document(*id, *content)).collect()
}

fn document(id: i32, (length, version): (usize, i32)) -> Vec<u8> {
    let letter = |at: usize| char::from(b'a' + ((at * 7 + id as usize) % 26) as u8);
    let text: String = (0..length).map(letter).collect();
    DocumentBuilder::new().int32("_id", id).int32("version", version).string("text", &text).finish()
}

fn key(id: i32) -> Vec<u8> {
    let document = document(id, (0, 0));
    document_key(&Elements::new(&document).unwrap().find(b"_id").unwrap().unwrap()).unwrap()
}

/// What `after` has and `before` has not, or has otherwise.
fn changes(before: &Tree, after: &Tree) -> Changes {
    let written = after.documents.iter().filter(|(id, now)| before.documents.get(id) != Some(now));
    let deleted = before.documents.keys().filter(|id| !after.documents.contains_key(id));
    let written = written.map(|(id, now)| (key(*id), Some(document(*id, *now))));
    written.chain(deleted.map(|id| (key(*id), None))).collect()
}

impl Site {
    /// Saves a collection, again if the session was shut out, or if what the last snapshot should
    /// have is not there: then without relying on it.
    pub fn back_up_documents(
        &self,
        repository: &Arc<Repository>,
        context: &ActorContext,
        writer: &Writer,
        backup: &Backup,
    ) -> Result<(), RepoError> {
        self.notes().trees.insert(backup.label(), backup.tree.clone());
        let mut relies = backup.remembers;
        for attempt in 1.. {
            let session =
                Session::begin(repository, SessionKind::Backup, writer, Arc::new(Silent))?;
            match self.save_collection(&session, context, backup, relies) {
                Ok(id) => {
                    self.committed(Place::Home, id, backup.label());
                    return Ok(());
                }
                Err(error) => {
                    session.give_up();
                    let again = matches!(error, RepoError::Fenced { .. }) || error.is_damage();
                    relies &= !error.is_damage();
                    if !again || attempt == ATTEMPTS {
                        return Err(error);
                    }
                }
            }
        }
        unreachable!("attempts are counted")
    }

    fn save_collection(
        &self,
        session: &Session,
        context: &ActorContext,
        backup: &Backup,
        relies: bool,
    ) -> Result<SessionId, RepoError> {
        let repository = session.repository();
        let last = self.last_snapshot(backup.host).filter(|_| relies);
        let known = match &last {
            Some((id, tree)) => last_documents(session, *id)?.map(|documents| (documents, tree)),
            None => None,
        };
        let mut compressor = repository.compressor()?;
        let content = match known {
            Some((mut known, tree)) if known.overlays.len() < MOST_OVERLAYS => {
                let changes = changes(tree, &backup.tree);
                known.overlays.extend(save_documents(session, &mut compressor, &changes)?);
                known
            }
            _ => {
                let changes = changes(&Tree::default(), &backup.tree);
                DocumentTree::of(save_documents(session, &mut compressor, &changes)?)
            }
        };
        let content = Documents::Tree(content);
        let count = backup.tree.documents.len() as u64;
        let collection = Collection { content, count, ..collection() };
        let tree = save_path(session, &mut compressor, Kind::Collection(Box::new(collection)))?;
        let link = repository.next_link()?;
        let begun = context.clock.now();
        let snapshot = Snapshot {
            id: session.id(),
            kind: SnapshotKind::Backup,
            begun,
            taken: begun,
            host: Host::default(),
            sources: Vec::new(),
            tags: vec![backup.label()],
            tree,
            summary: Summary::default(),
            problems: 0,
            writer: link.writer,
            sequence: link.sequence,
            previous: link.previous,
            parent: None,
            original: None,
            program: "test".to_string(),
            in_place: None,
        };
        session.commit(&snapshot)?;
        repository.remember_snapshot(&snapshot);
        Ok(session.id())
    }
}

fn collection() -> Collection {
    Collection {
        kind: CollectionKind::Ordinary,
        options: DocumentBuilder::new().finish(),
        uuid: None,
        indexes: Vec::new(),
        content: Documents::default(),
        count: 0,
        size: 0,
        consistency: Consistency::Exact,
        moment: None,
        log_entry: None,
        scanned: None,
    }
}

/// The collection as a snapshot has it, if the session may rely on that.
fn last_documents(session: &Session, last: SessionId) -> Result<Option<DocumentTree>, RepoError> {
    if !session.may_reuse_unread(last)? {
        return Ok(None);
    }
    let repository = session.repository();
    let snapshot = match repository.read_commit(last) {
        Ok(snapstore::format::Commit::Snapshot(snapshot)) => snapshot,
        // Forgotten and pruned since then.
        Ok(_) | Err(RepoError::Storage(StorageError::Absent { .. })) => return Ok(None),
        Err(error) => return Err(error),
    };
    let reader = BlobReader::sharing(Arc::clone(repository), session.catalog_shared());
    let mut path = EntryPath::root();
    PATH.iter().for_each(|name| path.push(&EntryName::new(name.as_bytes()).unwrap()));
    let found = reader.find_path(&snapshot.tree, &path)?;
    Ok(found.and_then(|entry| match entry.kind {
        Kind::Collection(collection) => match collection.content {
            Documents::Tree(tree) => Some(tree),
            Documents::Stream(_) => None,
        },
        _ => None,
    }))
}

/// One tree of documents; the id of its root.
fn save_documents(
    session: &Session,
    compressor: &mut Compressor,
    changes: &Changes,
) -> Result<Option<BlobId>, RepoError> {
    let repository = session.repository();
    let (mut cutter, mut cut) = (LeafCutter::new(repository), Vec::new());
    for (key, document) in changes {
        match document {
            Some(document) => cutter.push(key.clone(), document, &mut cut).unwrap(),
            None => cutter.delete(key.clone(), &mut cut).unwrap(),
        }
    }
    cut.extend(cutter.end());
    let mut tree = DocumentTreeWriter::new();
    for part in cut {
        let CutDocuments::Leaf { last, count, plain } = part else { panic!("none is so large") };
        let id = session.save(BlobClass::Data, &plain, compressor)?;
        tree.leaf(last, count, id, &mut TreeSink { session, compressor })?;
    }
    tree.finish(&mut TreeSink { session, compressor })
}

/// The directories above the collection; the id of the root.
fn save_path(
    session: &Session,
    compressor: &mut Compressor,
    collection: Kind,
) -> Result<BlobId, RepoError> {
    let mut kind = collection;
    let mut root = None;
    for name in PATH.iter().rev() {
        let name = EntryName::new(name.as_bytes()).unwrap();
        let entry = Entry { name, kind, metadata: Metadata::default(), link_group: None };
        let mut tree = TreeWriter::new();
        let mut sink = TreeSink { session, compressor };
        tree.push(&entry, &mut sink)?;
        let id = tree.finish(&mut sink)?;
        root = Some(id);
        kind = Kind::Directory(Directory { tree: Some(id), summary: Summary::default() });
    }
    Ok(root.unwrap())
}
