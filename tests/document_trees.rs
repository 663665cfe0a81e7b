//! Trees of documents: what is written is read back, and a change touches the leaves around it.

use proptest::prelude::*;
use snapstore::codec::{BlobClass, ChunkParameters, Compression, DocumentBuilder, Secret};
use snapstore::codec::{Elements, document_key};
use snapstore::format::{RepositoryConfig, SessionKind, documents};
use snapstore::model::{BlobId, ChunkRef, DocumentTree, OsEntropy, Silent, SystemClock};
use snapstore::repo::{
    self, BlobReader, ChunkTreeWriter, Credential, CutDocuments, DocumentDifference, DocumentParts,
    DocumentTreeWriter, InitOptions, LeafCutter, OutOfOrder, Repository, Session, Surroundings,
    TreeSink, Writer,
};
use snapstore::storage::{MemoryStorage, RecordStorage, Verb};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

fn repository() -> Arc<Repository> {
    recorded().0
}

/// A repository, and what is asked of its storage.
fn recorded() -> (Arc<Repository>, RecordStorage) {
    let config = RepositoryConfig {
        chunks: ChunkParameters::STANDARD,
        compression: Compression::None,
        pack_size: 1 << 20,
        reserve: 0,
        retention: Vec::new(),
    };
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(OsEntropy));
    let storage = RecordStorage::new(Arc::new(MemoryStorage::new(Arc::new(SystemClock))));
    let surroundings = Surroundings { clock, entropy, cache: None, workers: 1 };
    let credential = Credential::KeyFile(Secret::new([7; 32]));
    let options = InitOptions { config, label: String::new() };
    let asked = Arc::new(storage.clone());
    (Arc::new(repo::init(asked, &credential, options, surroundings).unwrap()), storage)
}

fn document(id: i32, size: usize) -> Vec<u8> {
    let text: String = (0..size)
        .map(|at| char::from(b'a' + ((at + id.unsigned_abs() as usize) % 26) as u8))
        .collect();
    DocumentBuilder::new().int32("_id", id).string("text", &text).finish()
}

fn key(document: &[u8]) -> Vec<u8> {
    document_key(&Elements::new(document).unwrap().find(b"_id").unwrap().unwrap()).unwrap()
}

/// The root, and the blobs of leaves.
fn write(
    repository: &Arc<Repository>,
    documents: &[Vec<u8>],
) -> (Option<BlobId>, BTreeSet<BlobId>) {
    let changes = documents.iter().map(|document| (key(document), Some(document.clone())));
    write_changes(repository, &changes.collect())
}

/// The same of a tree in which a key may be deleted.
fn write_changes(
    repository: &Arc<Repository>,
    changes: &BTreeMap<Vec<u8>, Option<Vec<u8>>>,
) -> (Option<BlobId>, BTreeSet<BlobId>) {
    let session =
        Session::begin(repository, SessionKind::Backup, &Writer::default(), Arc::new(Silent))
            .unwrap();
    let mut compressor = repository.compressor().unwrap();
    let (mut cutter, mut cut) = (LeafCutter::new(repository), Vec::new());
    for (key, document) in changes {
        match document {
            Some(document) => cutter.push(key.clone(), document, &mut cut).unwrap(),
            None => cutter.delete(key.clone(), &mut cut).unwrap(),
        }
    }
    cut.extend(cutter.end());
    let (mut tree, mut leaves) = (DocumentTreeWriter::new(), BTreeSet::new());
    for part in cut {
        let mut sink = TreeSink { session: &session, compressor: &mut compressor };
        match part {
            CutDocuments::Leaf { last, count, plain } => {
                let id = session.save(BlobClass::Data, &plain, sink.compressor).unwrap();
                leaves.insert(id);
                tree.leaf(last, count, id, &mut sink).unwrap();
            }
            CutDocuments::Large { key, document } => {
                let id = session.save(BlobClass::Data, &document, sink.compressor).unwrap();
                let mut chunks = ChunkTreeWriter::new();
                chunks.push(ChunkRef { id, length: document.len() as u64 }, &mut sink).unwrap();
                let chunks = chunks.finish(&mut sink).unwrap();
                tree.large(key, chunks, &mut sink).unwrap();
            }
        }
    }
    let root =
        tree.finish(&mut TreeSink { session: &session, compressor: &mut compressor }).unwrap();
    session.flush().unwrap();
    (root, leaves)
}

fn read(repository: &Arc<Repository>, root: Option<BlobId>) -> Vec<Vec<u8>> {
    read_tree(repository, &DocumentTree::of(root))
}

fn read_tree(repository: &Arc<Repository>, tree: &DocumentTree) -> Vec<Vec<u8>> {
    let reader = BlobReader::new(Arc::clone(repository)).unwrap();
    documents_of(&reader, reader.document_parts(tree).unwrap())
}

fn documents_of(reader: &BlobReader, parts: DocumentParts<'_>) -> Vec<Vec<u8>> {
    parts
        .flat_map(|part| {
            let bytes = reader.documents(&part.unwrap()).unwrap();
            documents(&bytes).map(|document| document.unwrap().to_vec()).collect::<Vec<_>>()
        })
        .collect()
}

/// What differs between two trees.
fn differences(
    reader: &BlobReader,
    old: &DocumentTree,
    new: &DocumentTree,
) -> Vec<DocumentDifference> {
    let differences = reader.document_differences(old, new).unwrap();
    differences.map(Result::unwrap).collect()
}

/// The same of two maps.
fn differences_of_maps(
    old: &BTreeMap<i32, Vec<u8>>,
    new: &BTreeMap<i32, Vec<u8>>,
) -> Vec<DocumentDifference> {
    let ids: BTreeSet<i32> = old.keys().chain(new.keys()).copied().collect();
    let pair = |id| DocumentDifference { old: old.get(&id).cloned(), new: new.get(&id).cloned() };
    ids.into_iter().map(pair).filter(|pair| pair.old != pair.new).collect()
}

/// How many blobs are read while something is done.
fn reads<T>(storage: &RecordStorage, work: impl FnOnce() -> T) -> (usize, T) {
    storage.clear();
    let done = work();
    let calls = storage.calls();
    (calls.iter().filter(|recorded| recorded.call.verb == Verb::GetRange).count(), done)
}

/// What one backup changes: ids, and the sizes of their documents or that they are deleted.
type Changes = BTreeMap<i32, Option<usize>>;

/// Documents of all sizes; `small` of a hundred are small.
fn changes(small: u32) -> impl Strategy<Value = Changes> {
    let size = prop_oneof![
        small => 0..2000_usize,
        (100 - small) * 3 / 4 => 20_000..90_000_usize,
        (100 - small) / 4 => 1_050_000..1_200_000_usize,
    ];
    prop::collection::btree_map(0..300_i32, prop::option::weighted(0.7, size), 0..120)
}

/// A tree with what is in it.
type State = (DocumentTree, BTreeMap<i32, Vec<u8>>);

/// What backups one after the other make of a collection that was empty; and all changes since
/// the first one as one overlay.
fn grown(repository: &Arc<Repository>, backups: Vec<Changes>) -> (Vec<State>, DocumentTree) {
    let mut model: BTreeMap<i32, Vec<u8>> = BTreeMap::new();
    let mut tree = DocumentTree::default();
    let mut states = vec![(tree.clone(), model.clone())];
    let mut together = BTreeMap::new();
    for (number, mut changed) in backups.into_iter().enumerate() {
        if number == 0 {
            changed.retain(|_, size| size.is_some());
        }
        // The text of a document tells which tree it is of.
        let made = changed
            .into_iter()
            .map(|(id, size)| (id, size.map(|size| document(id, size + number))));
        let changed: BTreeMap<i32, Option<Vec<u8>>> = made.collect();
        let by_key = changed.iter().map(|(id, one)| (key(&document(*id, 0)), one.clone()));
        let by_key: BTreeMap<_, _> = by_key.collect();
        let (root, _) = write_changes(repository, &by_key);
        match number {
            0 => tree.base = root,
            _ => tree.overlays.extend(root),
        }
        if number > 0 {
            together.extend(by_key);
        }
        for (id, one) in changed {
            match one {
                Some(one) => drop(model.insert(id, one)),
                None => drop(model.remove(&id)),
            }
        }
        states.push((tree.clone(), model.clone()));
    }
    let (root, _) = write_changes(repository, &together);
    (states, DocumentTree { base: tree.base, overlays: root.into_iter().collect() })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn documents_come_back_in_order(sizes in prop::collection::vec(
        prop_oneof![8 => 0..2000_usize, 2 => 50_000..300_000_usize, 1 => 1_000_000..1_200_000_usize],
        0..60,
    )) {
        let written: Vec<_> = sizes.iter().zip(0..).map(|(size, id)| document(id, *size)).collect();
        let repository = repository();
        let (root, _) = write(&repository, &written);
        prop_assert_eq!(root.is_none(), written.is_empty());
        prop_assert!(read(&repository, root) == written);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn overlays_over_a_base_are_what_a_map_has(
        backups in prop::collection::vec(changes(66), 1..6),
    ) {
        let repository = repository();
        let (mut states, together) = grown(&repository, backups);
        let (tree, model) = states.pop().unwrap();
        let expected: Vec<Vec<u8>> = model.into_values().collect();
        prop_assert!(read_tree(&repository, &tree) == expected);
        prop_assert!(read_tree(&repository, &together) == expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]
    #[test]
    fn two_trees_differ_in_what_two_maps_do(
        backups in prop::collection::vec(changes(95), 1..6),
    ) {
        let repository = repository();
        let (mut states, together) = grown(&repository, backups);
        let (tree, model) = states[states.len() - 1].clone();
        let all: Vec<Vec<u8>> = model.values().cloned().collect();
        // The same documents in other trees.
        states.push((DocumentTree::of(write(&repository, &all).0), model.clone()));
        states.push((together, model.clone()));
        let doubled = tree.overlays.iter().chain(&tree.overlays).copied().collect();
        states.push((DocumentTree { base: tree.base, overlays: doubled }, model));
        let reader = BlobReader::new(Arc::clone(&repository)).unwrap();
        for (old, before) in &states {
            for (new, after) in &states {
                prop_assert!(differences(&reader, old, new) == differences_of_maps(before, after));
            }
            are_found(&reader, old, before)?;
        }
    }
}

/// What is sought comes, and nothing that comes is other than it should be.
fn are_found(
    reader: &BlobReader,
    tree: &DocumentTree,
    model: &BTreeMap<i32, Vec<u8>>,
) -> Result<(), TestCaseError> {
    for some in [vec![0, 7, 8, 150, 299], vec![299], Vec::new()] {
        let keys = some.iter().map(|id| key(&document(*id, 0))).collect();
        let parts = reader.document_parts(tree).unwrap().only(Some(&keys));
        let found = documents_of(reader, parts);
        prop_assert!(found.iter().all(|one| model.values().any(|there| there == one)));
        let sought = found.iter().filter(|one| keys.contains(&key(one)));
        prop_assert!(sought.eq(some.iter().filter_map(|id| model.get(id))));
    }
    Ok(())
}

#[test]
fn a_change_touches_the_leaves_around_it() {
    let repository = repository();
    for (size, count) in [(300, 20_000), (12_000, 1000)] {
        let before: Vec<_> = (0..count).map(|id| document(2 * id, size)).collect();
        let (_, leaves) = write(&repository, &before);
        assert!(leaves.len() > 10, "{} leaves", leaves.len());
        for at in [0, count as usize / 2, count as usize] {
            let mut after = before.clone();
            after.insert(at, document(2 * at as i32 - 1, size));
            let (root, now) = write(&repository, &after);
            // One, or two where it is cut; those after a leaf that ended because it was full.
            assert!(now.difference(&leaves).count() <= 5, "{size} bytes, at {at}");
            assert!(read(&repository, root) == after);
        }
    }
}

#[test]
fn documents_out_of_order_are_refused() {
    let repository = repository();
    let (mut cutter, mut cut) = (LeafCutter::new(&repository), Vec::new());
    let mut push = |id| cutter.push(key(&document(id, 1)), &document(id, 1), &mut cut);
    assert_eq!(push(2), Ok(()));
    assert_eq!(push(2), Err(OutOfOrder));
    assert_eq!(push(1), Err(OutOfOrder));
    assert_eq!(push(3), Ok(()));
}

/// Sixty thousand documents in some 70 leaves. What is read of two states is what differs, and the
/// leaves of the base that a change lies over, once each.
#[test]
fn of_two_states_only_what_differs_is_read() {
    let (repository, storage) = recorded();
    let all: Vec<_> = (0..60_000).map(|id| document(id, 300)).collect();
    let (base, leaves) = write(&repository, &all);
    let base = DocumentTree::of(base);
    let laid_over = |below: &DocumentTree, ids: &mut dyn Iterator<Item = i32>| {
        let changed = ids.map(|id| (key(&document(id, 0)), Some(document(id, 301))));
        let (overlay, leaves) = write_changes(&repository, &changed.collect());
        let mut tree = below.clone();
        tree.overlays.extend(overlay);
        (tree, leaves.len())
    };
    let (old, old_leaves) = laid_over(&base, &mut (0..60_000).step_by(50));
    let reader = BlobReader::new(Arc::clone(&repository)).unwrap();
    let read = |old: &DocumentTree, new: &DocumentTree| {
        let (read, differences) = reads(&storage, || differences(&reader, old, new));
        (read, differences.len())
    };
    let lists = 1 + base.roots().count() + old.overlays.len();

    let same = read(&old, &old);
    assert!(same.0 <= lists && same.1 == 0, "{same:?}");
    // One in a hundred, anywhere: the leaves of the base are read once, and not for either side.
    let (scattered, scattered_leaves) = laid_over(&old, &mut (7..60_000).step_by(100));
    let (count, found) = read(&old, &scattered);
    eprintln!("{} leaves; scattered: {count} reads of {found} differences", leaves.len());
    assert_eq!(found, 600);
    let most = leaves.len() + old_leaves + scattered_leaves + 2 * lists;
    assert!(count <= most, "{count} reads, at most {most}");
    // As many in one place.
    let (gathered, _) = laid_over(&old, &mut (30_001..31_201).step_by(2));
    let (count, found) = read(&old, &gathered);
    eprintln!("gathered: {count} reads of {found} differences");
    assert_eq!(found, 600);
    assert!(count <= 20, "{count} reads");
    // What both overlays say the same of needs no base.
    let (again, _) = laid_over(&base, &mut (0..60_000).step_by(50));
    let (other, _) = laid_over(&again, &mut std::iter::once(40_000));
    let (count, found) = read(&old, &other);
    assert_eq!(found, 0);
    assert!(count < 20, "{count} reads");
}

#[test]
fn a_document_is_found_without_reading_the_others() {
    let (repository, storage) = recorded();
    let all: Vec<_> = (0..60_000).map(|id| document(id, 300)).collect();
    let tree = DocumentTree::of(write(&repository, &all).0);
    let reader = BlobReader::new(repository).unwrap();
    let keys = BTreeSet::from([500, 501, 59_000].map(|id| key(&document(id, 0))));
    let (count, parts) = reads(&storage, || {
        let parts = reader.document_parts(&tree).unwrap().only(Some(&keys));
        let read: Vec<_> = parts.map(|part| reader.documents(&part.unwrap()).unwrap()).collect();
        read.len()
    });
    assert!(parts <= 3 && count <= 6, "{parts} parts, {count} reads");
}
