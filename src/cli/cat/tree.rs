//! Pieces of directories as JSON.

use super::Shown;
use super::show::find_blob;
use crate::cli::asked::{Asked, find, split};
use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::ls::node::hexadecimal;
use crate::cli::place::find_places;
use crate::cli::select::read_ledger;
use crate::codec::BlobClass;
use crate::format::{Piece, PieceItems};
use crate::model::{
    AttributeValue, BlobId, ChunkTree, Collection, CollectionKind, Consistency, Directory,
    Documents, Entry, File, Kind, Metadata, Reading,
};
use crate::policy::Filter;
use crate::repo::{BlobReader, Repository};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::sync::Arc;

/// `ID:PATH` is a folder in a snapshot, `ID` a snapshot's root, or a piece.
pub fn show(
    context: &Context,
    repository: &Arc<Repository>,
    word: &OsString,
) -> Result<Shown, Failure> {
    let reader = BlobReader::new(Arc::clone(repository))?;
    let (id, path) = split(word);
    let ledger = read_ledger(context, repository)?;
    let asked = Asked { word: Some(id), at: None, paths: path.iter().cloned().collect() };
    let snapshot = match find(context, &ledger, &asked, &Filter::default()) {
        Ok(snapshot) => snapshot,
        Err(failure) if failure.code() == Code::Nothing && path.is_none() => {
            return piece(&reader, &word.to_string_lossy());
        }
        Err(failure) => return Err(failure),
    };
    let root = match find_places(&reader, snapshot, &asked.paths)?.pop() {
        None => snapshot.tree,
        Some(place) => match place.entry.kind {
            Kind::Directory(Directory { tree: Some(tree), .. }) => tree,
            _ => {
                return Err(Failure::new(Code::Nothing, "it is no folder that could be read")
                    .hint("`snap ls -l` shows what is what"));
            }
        },
    };
    Ok(Shown::Json { id: root.hex(), object: object(&reader.piece(&root)?) })
}

/// By the id of the blob.
fn piece(reader: &BlobReader, text: &str) -> Result<Shown, Failure> {
    let (class, _, id) = find_blob(reader, "snapshot or tree", text)?;
    if class != BlobClass::Tree {
        return Err(Failure::usage(format!("{text} is data, and no tree"))
            .hint(format!("write `snap cat blob {text}`")));
    }
    let blob: BlobId = super::show::parse(&id)?;
    Ok(Shown::Json { id, object: object(&reader.piece(&blob)?) })
}

fn object(piece: &Piece) -> Value {
    match &piece.items {
        PieceItems::Entries(entries) => {
            let entries: Vec<Value> = entries.iter().map(entry).collect();
            json!({ "level": piece.level, "entries": entries })
        }
        PieceItems::Children(children) => {
            let children: Vec<Value> = children
                .iter()
                .map(|child| {
                    let mut object = json!({ "id": child.id.hex(), "entries": child.entries });
                    put_bytes(&mut object, "last", &child.last);
                    if !child.chunks.nodes.is_empty() {
                        object["chunks"] = chunks(&child.chunks);
                    }
                    object
                })
                .collect();
            json!({ "level": piece.level, "children": children })
        }
    }
}

fn entry(entry: &Entry) -> Value {
    let mut object = json!({ "type": entry.kind.word() });
    put_bytes(&mut object, "name", entry.name.bytes());
    match &entry.kind {
        Kind::File(content) => object["content"] = file(content),
        Kind::Directory(Directory { tree, summary }) => {
            object["tree"] = json!(tree.map(|tree| tree.hex()));
            object["files"] = json!(summary.files);
            object["directories"] = json!(summary.directories);
            object["bytes"] = json!(summary.bytes);
        }
        Kind::Symlink { target } => put_bytes(&mut object, "target", target),
        Kind::CharacterDevice { major, minor } | Kind::BlockDevice { major, minor } => {
            object["major"] = json!(major);
            object["minor"] = json!(minor);
        }
        Kind::Collection(content) => object["collection"] = collection(content),
        Kind::View { options } => object["options"] = json!(hexadecimal(options)),
        Kind::Fifo | Kind::Socket => {}
    }
    if let Some(group) = &entry.link_group {
        put_bytes(&mut object, "link_group", group.bytes());
    }
    object["metadata"] = metadata(&entry.metadata);
    object
}

/// Options and indexes are BSON, as the server gave them.
fn collection(collection: &Collection) -> Value {
    let indexes: Vec<String> = collection.indexes.iter().map(|one| hexadecimal(one)).collect();
    let mut object = json!({
        "time_series": collection.kind == CollectionKind::TimeSeries,
        "documents": collection.count,
        "size": collection.size,
        "exact": collection.consistency == Consistency::Exact,
        "cluster_time": collection.moment.map(|moment| moment.to_string()),
        "uuid": collection.uuid.map(|uuid| hexadecimal(&uuid)),
        "options_hex": hexadecimal(&collection.options),
        "indexes_hex": indexes,
    });
    match &collection.content {
        Documents::Tree(tree) => {
            object["tree"] = json!(tree.base.map(|root| root.hex()));
            let overlays: Vec<String> = tree.overlays.iter().map(|root| root.hex()).collect();
            object["overlays"] = json!(overlays);
        }
        Documents::Stream(stream) => object["chunks"] = chunks(stream),
    }
    object
}

fn file(file: &File) -> Value {
    let holes: Vec<[u64; 2]> = file.holes.iter().map(|hole| [hole.offset, hole.length]).collect();
    json!({
        "size": file.size,
        "hash": file.hash.map(|hash| hash.hex()),
        "reading": match file.reading {
            Reading::Steady => "steady",
            Reading::Grew => "grew",
            Reading::Torn => "torn",
        },
        "holes": holes,
        "chunks": chunks(&file.chunks),
    })
}

fn chunks(chunks: &ChunkTree) -> Value {
    let nodes: Vec<Value> = chunks
        .nodes
        .iter()
        .map(|node| json!({ "id": node.id.hex(), "length": node.length }))
        .collect();
    json!({ "depth": chunks.depth, "nodes": nodes })
}

fn metadata(metadata: &Metadata) -> Value {
    let attributes: Vec<Value> = metadata
        .attributes
        .iter()
        .map(|attribute| {
            let mut object = match &attribute.value {
                AttributeValue::Inline(value) => json!({ "value_hex": hexadecimal(value) }),
                AttributeValue::Chunks(tree) => json!({ "chunks": chunks(tree) }),
            };
            put_bytes(&mut object, "name", &attribute.name);
            object
        })
        .collect();
    json!({
        "mode": format!("{:04o}", metadata.mode),
        "user": metadata.user,
        "group": metadata.group,
        "user_name": metadata.user_name,
        "group_name": metadata.group_name,
        "modified": { "seconds": metadata.modified.seconds, "nanoseconds": metadata.modified.nanoseconds() },
        "attributes": attributes,
        "flags": metadata.flags.raw(),
    })
}

/// Bytes that should be text: readable under `key`, and in hexadecimal beside it where the two
/// are not the same.
pub fn put_bytes(object: &mut Value, key: &str, bytes: &[u8]) {
    let mut shown = String::new();
    for part in bytes.utf8_chunks() {
        for character in part.valid().chars() {
            match character {
                '\\' => shown.push_str("\\\\"),
                _ if character.is_control() => shown.extend(character.escape_default()),
                _ => shown.push(character),
            }
        }
        part.invalid().iter().for_each(|byte| shown.push_str(&format!("\\x{byte:02x}")));
    }
    if shown.as_bytes() != bytes {
        object[format!("{key}_hex")] = json!(hexadecimal(bytes));
    }
    object[key] = json!(shown);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_have_their_bytes_beside_them() {
        let mut object = json!({});
        put_bytes(&mut object, "name", b"plain");
        put_bytes(&mut object, "last", b"a\\\n\xff");
        assert_eq!(
            object,
            json!({ "name": "plain", "last": "a\\\\\\n\\xff", "last_hex": "615c0aff" })
        );
    }
}
