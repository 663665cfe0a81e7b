//! A piece of a tree, a list of chunks, a leaf of documents: what trees are made of.

use super::reading::comes_back;
use snapstore::format::{ChunkList, DocumentLeaf, Piece, PieceItems, documents, encode_entry};
use snapstore::model::{Entry, Kind, data_extents};

pub fn body(bytes: &[u8]) {
    if let Some(piece) = comes_back(bytes, Piece::decode, encode_piece)
        && let PieceItems::Entries(entries) = &piece.items
    {
        assert!(entries.is_sorted_by(|one, other| one.name < other.name));
        entries.iter().for_each(entry_holds);
    }
    comes_back(bytes, ChunkList::decode, ChunkList::encode);
    let encode = |leaf: &DocumentLeaf| leaf.clone().encode();
    if let Some(leaf) = comes_back(bytes, DocumentLeaf::decode, encode) {
        let whole = documents(&leaf.documents).map_while(Result::ok);
        assert!(whole.map(<[u8]>::len).sum::<usize>() <= leaf.documents.len());
    }
}

fn encode_piece(piece: &Piece) -> Vec<u8> {
    match &piece.items {
        PieceItems::Entries(entries) => {
            let encoded: Vec<u8> = entries.iter().flat_map(encode_entry).collect();
            Piece::encode_entries(entries.len(), &encoded)
        }
        PieceItems::Children(children) => Piece::encode_children(piece.level, children),
    }
}

/// What restores rely on.
fn entry_holds(entry: &Entry) {
    let name = entry.name.bytes();
    assert!(!name.is_empty() && !matches!(name, b"." | b".."), "{name:?} leads elsewhere");
    assert!(!name.contains(&b'/') && !name.contains(&0), "{name:?} leads elsewhere");
    assert!(name.len() <= 255 || matches!(entry.kind, Kind::Collection(_) | Kind::View { .. }));
    if let Some(first) = &entry.link_group {
        assert!(first.names().all(|name| name.bytes() != b".."));
    }
    if let Kind::File(file) = &entry.kind {
        let data: u64 = data_extents(file.size, &file.holes).map(|extent| extent.length).sum();
        assert_eq!(file.chunks.length(), Some(data));
    }
}
