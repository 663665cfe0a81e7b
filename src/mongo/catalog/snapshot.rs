//! The catalog at a moment, by `$listCatalog`.

use super::{Listed, ListedKind, required, uuid};
use crate::codec::{DocumentBuilder, Element};
use crate::model::ClusterTime;
use crate::mongo::connection::at_moment;
use crate::mongo::reply::elements;
use crate::mongo::{Connection, MongoError};

const WHAT: &str = "the catalog";

impl Connection {
    pub(super) fn catalog_at(
        &self,
        database: &str,
        at: ClusterTime,
    ) -> Result<Vec<Listed>, MongoError> {
        let stage =
            |name: &str, value: &[u8]| DocumentBuilder::new().document(name, value).finish();
        let list = stage("$listCatalog", &DocumentBuilder::new().finish());
        let only = stage("$match", &DocumentBuilder::new().string("db", database).finish());
        let command = DocumentBuilder::new()
            .int32("aggregate", 1)
            .documents("pipeline", [&list[..], &only])
            .document("cursor", &DocumentBuilder::new().finish());
        let (lines, time) = self.list("admin", WHAT, at_moment(command, Some(at)))?;
        if time != Some(at) {
            return Err(MongoError::Absent { what: WHAT.to_string() });
        }
        lines.iter().filter_map(|line| listed(line).transpose()).collect()
    }
}

/// `None` for kinds that are not known.
fn listed(line: &[u8]) -> Result<Option<Listed>, MongoError> {
    let line = elements(WHAT, line)?;
    let Some(kind) = ListedKind::of(&required(WHAT, &line, "type")?) else { return Ok(None) };
    let name = required(WHAT, &line, "name")?;
    if kind != ListedKind::Collection {
        let options = kept(&line, |name| matches!(name, b"viewOn" | b"pipeline" | b"collation"));
        return Ok(Some(Listed { name, kind, options, uuid: None, indexes: Vec::new() }));
    }
    let described = inside(&line, b"md")?;
    let options = inside(&described, b"options")?;
    let uuid = uuid(&options);
    let options = kept(&options, |name| name != b"uuid");
    Ok(Some(Listed { name, kind, options, uuid, indexes: indexes(&described)? }))
}

/// Those that are finished.
fn indexes(described: &[Element<'_>]) -> Result<Vec<Vec<u8>>, MongoError> {
    let mut indexes = Vec::new();
    for index in inside(described, b"indexes")? {
        let index = elements(WHAT, index.value)?;
        let is_ready = index.iter().any(|element| element.name == b"ready" && element.is_true());
        let specification = inside(&index, b"spec")?;
        if is_ready {
            // Servers before 4.4 wrote the namespace into it.
            indexes.push(kept(&specification, |name| name != b"ns"));
        }
    }
    Ok(indexes)
}

/// The elements of the document or array of this name; none if there is none.
fn inside<'a>(document: &[Element<'a>], name: &[u8]) -> Result<Vec<Element<'a>>, MongoError> {
    match document.iter().find(|element| element.name == name) {
        Some(element) if element.elements().is_some() => elements(WHAT, element.value),
        _ => Ok(Vec::new()),
    }
}

fn kept(document: &[Element<'_>], keep: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let kept = document.iter().filter(|element| keep(element.name));
    kept.fold(DocumentBuilder::new(), DocumentBuilder::element).finish()
}
