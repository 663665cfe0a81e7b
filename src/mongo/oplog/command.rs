//! What a command in the log does.

use crate::codec::{DocumentError, Element, ElementType, Elements};
use crate::model::ClusterTime;
use crate::mongo::reply::cluster_time;

/// A command, by what it means for the documents of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command<'a> {
    Create,
    Drop,
    /// The collection keeps its UUID.
    Rename {
        /// `database.collection`.
        to: &'a [u8],
        /// The collection that had that name, and is gone.
        dropped: Option<[u8; 16]>,
    },
    /// Options: validators, times of expiry, pipelines of views.
    ChangeOptions,
    /// Something about indexes, named by the command.
    Indexes(&'a [u8]),
    DropDatabase,
    /// Holds other operations: see [`super::Operations`].
    ApplyOperations,
    /// A prepared transaction counts from this moment on.
    Commit {
        at: Option<ClusterTime>,
    },
    Abort,
    /// It may change anything.
    Other(&'a [u8]),
}

impl<'a> Command<'a> {
    /// From `o` of an entry: the command is its first field.
    pub(super) fn of(object: &'a [u8]) -> Result<Self, DocumentError> {
        let fields: Vec<Element<'a>> = Elements::new(object)?.collect::<Result<_, _>>()?;
        let Some(first) = fields.first() else { return Ok(Self::Other(b"")) };
        let field = |name: &[u8]| fields.iter().find(|field| field.name == name);
        Ok(match first.name {
            b"create" => Self::Create,
            b"drop" => Self::Drop,
            b"renameCollection" => Self::Rename {
                to: field(b"to").and_then(Element::text).unwrap_or_default(),
                dropped: field(b"dropTarget").and_then(uuid),
            },
            b"collMod" => Self::ChangeOptions,
            b"createIndexes" | b"startIndexBuild" | b"commitIndexBuild" | b"abortIndexBuild"
            | b"dropIndexes" | b"deleteIndexes" | b"dropIndex" | b"deleteIndex" => {
                Self::Indexes(first.name)
            }
            b"dropDatabase" => Self::DropDatabase,
            b"applyOps" => Self::ApplyOperations,
            b"commitTransaction" => {
                Self::Commit { at: field(b"commitTimestamp").and_then(cluster_time) }
            }
            b"abortTransaction" => Self::Abort,
            other => Self::Other(other),
        })
    }
}

/// A UUID: a binary of subtype 4.
pub(super) fn uuid(element: &Element<'_>) -> Option<[u8; 16]> {
    let is_uuid = element.kind == ElementType::Binary && element.value.get(4) == Some(&4);
    is_uuid.then(|| element.value.get(5..)?.try_into().ok())?
}
