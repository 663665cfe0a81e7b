//! One entry of the log.

use super::command::{Command, uuid};
use crate::codec::{DocumentError, Element, ElementType, Elements};
use crate::model::ClusterTime;
use crate::mongo::reply::cluster_time;

/// An entry, its parts as they lie in its bytes.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// `ts`: its place in the log.
    pub at: ClusterTime,
    /// `t`: how often there was an election before; -1 where it is not told.
    pub term: i64,
    /// `wall`, in milliseconds since 1970.
    pub wall: Option<i64>,
    /// What stands in the entry itself: of several at once the command `applyOps`.
    pub operation: Operation<'a>,
    pub role: Role,
    /// `prevOpTime`: of a transaction, the part before this one; of other writes that may be
    /// tried again, the write before, which is complete in itself.
    pub previous: Option<ClusterTime>,
    /// Whether there is a `prevOpTime`, also one of nothing: not in what a user's `applyOps` did.
    pub has_previous: bool,
    pub raw: &'a [u8],
}

/// What was done, in an entry or inside `applyOps`.
#[derive(Debug, Clone)]
pub struct Operation<'a> {
    pub kind: OperationKind<'a>,
    /// `ns`: `database.collection`, or `database.$cmd`.
    pub namespace: &'a [u8],
    /// `ui`: of the collection.
    pub uuid: Option<[u8; 16]>,
    /// `o`; empty bytes where there is none.
    pub object: &'a [u8],
    /// `o2`.
    pub second: Option<&'a [u8]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationKind<'a> {
    /// `o` is the document.
    Insert {
        id: Option<Element<'a>>,
    },
    /// `o` is the new document, or says what changes in it.
    Update {
        id: Option<Element<'a>>,
        /// There may have been no such document before.
        is_upsert: bool,
    },
    Delete {
        id: Option<Element<'a>>,
    },
    Command(Command<'a>),
    /// A note of the server to itself.
    Nothing,
    /// `op`, which is none that is known.
    Other(&'a [u8]),
}

/// What an entry is of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It counts by itself.
    Alone,
    /// Operations that count when the end of their transaction comes.
    Part {
        is_prepared: bool,
    },
    /// The last part of a transaction that was not prepared: all of it counts from here on.
    End,
    /// The end of a prepared transaction, which counts from `at` on.
    Commit {
        at: Option<ClusterTime>,
    },
    Abort,
}

impl<'a> Entry<'a> {
    /// Reads the fields of an entry; those that are not known are passed over.
    pub fn read(raw: &'a [u8]) -> Result<Self, DocumentError> {
        let fields: Vec<Element<'a>> = Elements::new(raw)?.collect::<Result<_, _>>()?;
        let field = |name: &[u8]| fields.iter().find(|field| field.name == name);
        let operation = Operation::of(&fields)?;
        let previous = field(b"prevOpTime").map(previous).transpose()?.flatten();
        let is_separate = field(b"multiOpType").is_some_and(|kind| kind.integer() == Some(1));
        let role = role(&operation, is_separate, previous)?;
        Ok(Self {
            at: field(b"ts").and_then(cluster_time).ok_or(DocumentError::Outside { at: 0 })?,
            term: field(b"t").and_then(Element::integer).unwrap_or(-1),
            wall: field(b"wall").and_then(milliseconds),
            operation,
            role,
            previous,
            has_previous: field(b"prevOpTime").is_some(),
            raw,
        })
    }
}

/// The time in `{ts, t}`; `None` for the time before everything.
fn previous(field: &Element<'_>) -> Result<Option<ClusterTime>, DocumentError> {
    let Some(inside) = field.elements() else { return Ok(None) };
    let time = inside?.find(b"ts")?.as_ref().and_then(cluster_time);
    Ok(time.filter(|time| *time != ClusterTime::default()))
}

fn milliseconds(field: &Element<'_>) -> Option<i64> {
    let is_date = field.kind == ElementType::DateTime;
    is_date.then(|| field.value.try_into().ok().map(i64::from_le_bytes))?
}

fn role(
    operation: &Operation<'_>,
    is_separate: bool,
    previous: Option<ClusterTime>,
) -> Result<Role, DocumentError> {
    let OperationKind::Command(command) = operation.kind else { return Ok(Role::Alone) };
    let is_set = |name: &[u8]| -> Result<bool, DocumentError> {
        let flag = Elements::new(operation.object)?.find(name)?;
        Ok(flag.is_some_and(|flag| flag.is_true()))
    };
    Ok(match command {
        Command::ApplyOperations if is_set(b"prepare")? => Role::Part { is_prepared: true },
        Command::ApplyOperations if is_set(b"partialTxn")? => Role::Part { is_prepared: false },
        Command::ApplyOperations if previous.is_some() && !is_separate => Role::End,
        Command::Commit { at } => Role::Commit { at },
        Command::Abort => Role::Abort,
        _ => Role::Alone,
    })
}

impl<'a> Operation<'a> {
    /// From the fields of an entry, or of an element of `applyOps`.
    pub(super) fn of(fields: &[Element<'a>]) -> Result<Self, DocumentError> {
        let field = |name: &[u8]| fields.iter().find(|field| field.name == name);
        let object = field(b"o").map(|field| field.value).unwrap_or_default();
        let second = field(b"o2").map(|field| field.value);
        let is_array = field(b"o").is_some_and(|field| field.kind == ElementType::Array);
        let id = |document: Option<&'a [u8]>| match document {
            Some(document) if !document.is_empty() => Elements::new(document)?.find(b"_id"),
            _ => Ok(None),
        };
        let op = field(b"op").and_then(Element::text).unwrap_or_default();
        let kind = match op {
            // Several at once: taken apart by who goes through the operations.
            b"i" if is_array => OperationKind::Insert { id: None },
            b"i" => OperationKind::Insert { id: id(Some(object))? },
            b"u" => OperationKind::Update {
                id: id(second)?,
                is_upsert: field(b"b").is_some_and(Element::is_true),
            },
            b"d" => OperationKind::Delete { id: id(Some(object))? },
            b"c" => OperationKind::Command(Command::of(object)?),
            b"n" => OperationKind::Nothing,
            other => OperationKind::Other(other),
        };
        let namespace = field(b"ns").and_then(Element::text).unwrap_or_default();
        let uuid = field(b"ui").and_then(uuid);
        Ok(Self { kind, namespace, uuid, object, second })
    }
}
