//! Objects as JSON.

use super::Shown;
use super::identify::{ambiguous, beginning, by_beginning};
use super::tree::put_bytes;
use crate::cli::asked::{Asked, find};
use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::json::SnapshotMessage;
use crate::cli::ls::node::hexadecimal;
use crate::cli::select::read_ledger;
use crate::codec::{BlobClass, Compression};
use crate::format::{Commit, IndexedPack, SlotKind};
use crate::model::{BlobId, PackId, Snapshot};
use crate::policy::Filter;
use crate::repo::{BlobReader, Repository};
use crate::storage::Folder;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::str::FromStr;
use std::sync::Arc;

pub fn config(repository: &Repository) -> Shown {
    let config = repository.config();
    let compression = match config.compression {
        Compression::None => json!("none"),
        Compression::Zstd(level) => json!({ "zstd": level }),
    };
    let retention: Vec<Value> = config
        .retention
        .iter()
        .map(|(rule, value)| json!({ "rule": rule, "value": value }))
        .collect();
    let object = json!({
        "repository": repository.id().hex(),
        "format": crate::format::VERSION,
        "chunks": {
            "least": config.chunks.least(),
            "average": config.chunks.average(),
            "largest": config.chunks.largest(),
        },
        "compression": compression,
        "pack_size": config.pack_size,
        "reserve": config.reserve,
        "retention": retention,
    });
    Shown::Json { id: repository.id().hex(), object }
}

/// By id, forgotten ones and tombstones too, or the latest of this host.
pub fn snapshot(
    context: &Context,
    repository: &Arc<Repository>,
    word: &OsString,
) -> Result<Shown, Failure> {
    let id = match word.eq_ignore_ascii_case("latest") {
        true => {
            let ledger = read_ledger(context, repository)?;
            find(context, &ledger, &Asked::named(word), &Filter::default())?.id.hex()
        }
        false => by_beginning(repository, Folder::Snapshots, "snapshot", &word.to_string_lossy())?,
    };
    let object = match repository.read_commit(parse(&id)?)? {
        Commit::Snapshot(snapshot) => snapshot_object(&snapshot)?,
        Commit::Tombstone { by } => json!({ "tombstone": true, "by": by.hex() }),
    };
    Ok(Shown::Json { id, object })
}

fn snapshot_object(snapshot: &Snapshot) -> Result<Value, Failure> {
    let mut object = serde_json::to_value(SnapshotMessage::from(snapshot))
        .map_err(|error| Failure::new(Code::Failed, error))?;
    let sources: Vec<Value> = snapshot
        .sources
        .iter()
        .map(|source| {
            let mut object = json!({ "as_of": source.as_of });
            put_bytes(&mut object, "address", &source.address);
            put_bytes(&mut object, "path", source.path.bytes());
            object
        })
        .collect();
    object["sources"] = json!(sources);
    object["writer"] = json!(hexadecimal(&snapshot.writer));
    object["sequence"] = json!(snapshot.sequence);
    object["previous"] = json!(snapshot.previous.map(|hash| hash.hex()));
    Ok(object)
}

/// A blob by the beginning of its id. The index keeps 24 bytes of an id.
pub fn find_blob(
    reader: &BlobReader,
    what: &str,
    text: &str,
) -> Result<(BlobClass, Vec<u8>, String), Failure> {
    let beginning = beginning(what, text)?;
    let catalog = reader.catalog();
    let index = catalog.index();
    let mut found: Vec<([u8; 24], u32)> = Vec::new();
    for (id, at) in index.iter() {
        let is_meant = hexadecimal(&id).starts_with(beginning.get(..48).unwrap_or(&beginning));
        if is_meant && found.last().is_none_or(|(last, _)| *last != id) {
            found.push((id, at.pack));
        }
    }
    let (cut, pack) = match found[..] {
        [] => {
            return Err(Failure::new(Code::Nothing, format!("there is no {what} {text}"))
                .hint("`snap cat index ID` and `snap cat pack ID` name blobs"));
        }
        [one] => one,
        _ => return Err(ambiguous(what, text, found.len())),
    };
    let pack = index.packs().get(pack as usize).map(|pack| (pack.id, pack.class));
    let (pack, class) = pack.ok_or_else(|| Failure::new(Code::Damage, "the index is damaged"))?;
    let size = catalog.listed().get(&pack).map_or(0, |listed| listed.size);
    let table = reader.repository().read_pack_table(&pack, size)?.table;
    let id = table.blobs.iter().map(|blob| blob.id).find(|id| id.bytes().starts_with(&cut));
    let id = id.ok_or_else(|| Failure::new(Code::Damage, "the index and the pack disagree"))?;
    Ok((class, reader.read(class, &id)?, id.hex()))
}

pub fn blob(repository: &Arc<Repository>, text: &str) -> Result<Shown, Failure> {
    let reader = BlobReader::new(Arc::clone(repository))?;
    find_blob(&reader, "blob", text).map(|(_, bytes, _)| Shown::Bytes(bytes))
}

pub fn index(repository: &Repository, text: &str) -> Result<Shown, Failure> {
    let id = by_beginning(repository, Folder::Index, "index", text)?;
    let index = repository.get_index(&parse(&id)?)?;
    let packs: Vec<Value> = index.packs.iter().map(pack_object).collect();
    let object = json!({ "session": index.session.hex(), "packs": packs });
    Ok(Shown::Json { id, object })
}

pub fn pack(repository: &Repository, text: &str) -> Result<Shown, Failure> {
    let id = by_beginning(repository, Folder::Packs, "pack", text)?;
    let pack: PackId = parse(&id)?;
    let name = crate::format::pack_name(&pack);
    let listed = repository.storage().list(Folder::Packs)?;
    let listed = listed.into_iter().find(|listed| listed.name.to_string() == name);
    let size = listed.map_or(0, |listed| listed.size);
    Ok(Shown::Json { id, object: pack_object(&repository.read_pack_table(&pack, size)?) })
}

fn pack_object(pack: &IndexedPack) -> Value {
    let blobs: Vec<Value> = pack
        .table
        .blobs
        .iter()
        .map(|blob| {
            json!({
                "id": blob.id.hex(),
                "offset": blob.place.frame.offset,
                "stored": blob.place.frame.stored,
                "start": blob.place.start,
                "plain": blob.place.plain,
            })
        })
        .collect();
    json!({
        "id": pack.id.hex(),
        "session": pack.session.hex(),
        "class": match pack.class {
            BlobClass::Data => "data",
            BlobClass::Tree => "tree",
        },
        "size": pack.size,
        "payload": pack.table.payload.map(|id: BlobId| id.hex()),
        "blobs": blobs,
    })
}

/// The head only: the ring stays sealed.
pub fn key(repository: &Repository, text: &str) -> Result<Shown, Failure> {
    let id = by_beginning(repository, Folder::Keys, "key", text)?;
    let slot = repository.read_slot(parse(&id)?)?;
    let head = slot.head;
    let kind = match head.kind {
        SlotKind::Password(parameters) => json!({
            "password": {
                "function": "argon2id",
                "memory_kib": parameters.memory_kib(),
                "passes": parameters.passes(),
                "lanes": parameters.lanes(),
            }
        }),
        SlotKind::KeyFile => json!("key_file"),
    };
    let object = json!({
        "label": head.label,
        "created": head.created,
        "kind": kind,
        "salt": hexadecimal(&head.salt),
        "sealed_ring_bytes": slot.sealed_ring.len(),
    });
    Ok(Shown::Json { id, object })
}

pub fn session(repository: &Repository, text: &str) -> Result<Shown, Failure> {
    let id = by_beginning(repository, Folder::Sessions, "session", text)?;
    let announcement = repository.read_announcement(parse(&id)?)?;
    let process = &announcement.process;
    let object = json!({
        "kind": format!("{:?}", announcement.kind).to_lowercase(),
        "host": announcement.host,
        "begun": announcement.begun,
        "process": process.process,
        "started_ticks": process.started,
        "machine": hexadecimal(&process.machine),
        "boot": hexadecimal(&process.boot),
        "namespace": process.namespace,
    });
    Ok(Shown::Json { id, object })
}

pub fn forgotten(repository: &Repository, text: &str) -> Result<Shown, Failure> {
    let id = by_beginning(repository, Folder::Forgotten, "forgotten snapshot", text)?;
    let forgotten = repository.read_forgotten_mark(parse(&id)?)?;
    let object = json!({
        "when": forgotten.when,
        "writer": hexadecimal(&forgotten.writer),
        "sequence": forgotten.sequence,
        "hash": forgotten.hash.hex(),
    });
    Ok(Shown::Json { id, object })
}

pub fn mark(repository: &Repository, text: &str) -> Result<Shown, Failure> {
    let number: u64 = text.parse().map_err(|_| {
        Failure::usage(format!("{text:?} is not the number of a mark")).hint("they count from 0")
    })?;
    let progress = repository.mark_progress()?;
    let Some(step) = progress.get(&number).filter(|step| step.marked) else {
        let numbers: Vec<String> = progress.keys().rev().take(5).map(u64::to_string).collect();
        let failure = Failure::new(Code::Nothing, format!("there is no mark {number}"));
        return Err(match numbers.is_empty() {
            true => failure.hint("no prune has marked anything yet"),
            false => failure.hint(format!("the newest are {}", numbers.join(", "))),
        });
    };
    let mark = repository.read_mark(number)?;
    let condemned: Vec<String> = mark.condemned.iter().map(PackId::hex).collect();
    let object = json!({
        "session": mark.session.hex(),
        "condemned": condemned,
        "final": step.finalised,
        "done": step.done,
    });
    Ok(Shown::Json { id: number.to_string(), object })
}

pub fn damaged(repository: &Repository, text: &str) -> Result<Shown, Failure> {
    let id = by_beginning(repository, Folder::Damaged, "damage mark", text)?;
    let damaged = repository.read_damage_mark(parse(&id)?)?;
    Ok(Shown::Json { object: json!({ "why": damaged.why, "when": damaged.when }), id })
}

/// An id from an object's name.
pub fn parse<T: FromStr>(id: &str) -> Result<T, Failure>
where
    T::Err: std::fmt::Display,
{
    id.parse().map_err(Failure::usage)
}
