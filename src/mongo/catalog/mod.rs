//! What is in a database: collections with their options and indexes, and views.

mod lists;
mod snapshot;

use super::reply::{elements, find, text};
use super::{Connection, MongoError};
use crate::codec::{DocumentBuilder, Element, ElementType};
use crate::model::ClusterTime;
use std::collections::HashMap;

/// Everything in a database.
pub struct Catalog {
    /// Sorted by name.
    pub namespaces: Vec<Namespace>,
    /// As it was at the moment that was asked for; else as it is.
    pub is_of_moment: bool,
}

impl Catalog {
    pub fn is_empty(&self) -> bool {
        self.namespaces.is_empty()
    }
}

/// A collection or view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    pub name: String,
    pub kind: NamespaceKind,
    /// What `create` is given to make it again: one BSON document.
    pub options: Vec<u8>,
    pub uuid: Option<[u8; 16]>,
    /// Index specifications, all of them.
    pub indexes: Vec<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamespaceKind {
    Collection(Order),
    /// Documents are those of the buckets.
    TimeSeries(Order),
    View,
}

/// How the documents of a collection can be read in the order of their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By the index of `_id`, in ranges.
    Index,
    /// The server sorts: its index has another order.
    Sorted,
    /// Not at all: a capped collection, or one without an index of `_id`.
    Natural,
}

impl Namespace {
    /// The collection that the documents are in.
    pub fn data_name(&self) -> String {
        match self.kind {
            NamespaceKind::TimeSeries(_) => format!("{BUCKETS}{}", self.name),
            _ => self.name.clone(),
        }
    }

    pub fn order(&self) -> Option<Order> {
        match self.kind {
            NamespaceKind::Collection(order) | NamespaceKind::TimeSeries(order) => Some(order),
            NamespaceKind::View => None,
        }
    }

    pub fn is_capped(&self) -> bool {
        let capped = find("options", &self.options, b"capped");
        matches!(capped, Ok(Some(capped)) if capped.is_true())
    }
}

const BUCKETS: &str = "system.buckets.";

/// The server's own: made again from other things (views), written by a profiler, or of this very
/// server (its version and its keys).
const NOT_KEPT: [&str; 4] = ["system.views", "system.profile", "system.version", "system.keys"];

impl Connection {
    /// What is in a database, as it was at a moment, or (without one, or where the server cannot
    /// tell) as it is.
    pub fn catalog(&self, database: &str, at: Option<ClusterTime>) -> Result<Catalog, MongoError> {
        let listed = match at.filter(|_| self.server().has_catalog_snapshots()) {
            Some(at) => match self.catalog_at(database, at) {
                // The role `read` may list, and not look into the catalog itself.
                Err(error) if error.is_not_authorised() => None,
                listed => Some(listed?),
            },
            None => None,
        };
        let is_of_moment = listed.is_some();
        let listed = listed.map_or_else(|| self.catalog_now(database), Ok)?;
        let mut namespaces = gathered(listed);
        namespaces.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Catalog { namespaces, is_of_moment })
    }
}

/// One line of a catalog, before time series are put together with their buckets.
struct Listed {
    name: String,
    kind: ListedKind,
    options: Vec<u8>,
    uuid: Option<[u8; 16]>,
    indexes: Vec<Vec<u8>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ListedKind {
    Collection,
    View,
    TimeSeries,
}

impl ListedKind {
    fn of(word: &str) -> Option<Self> {
        match word {
            "collection" => Some(Self::Collection),
            "view" => Some(Self::View),
            "timeseries" => Some(Self::TimeSeries),
            _ => None,
        }
    }
}

/// Puts time series together with their buckets.
fn gathered(listed: Vec<Listed>) -> Vec<Namespace> {
    let (series, others): (Vec<_>, Vec<_>) =
        listed.into_iter().partition(|listed| listed.kind == ListedKind::TimeSeries);
    let (buckets, others): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|listed| listed.name.starts_with(BUCKETS));
    let mut buckets: HashMap<String, Listed> =
        buckets.into_iter().map(|listed| (listed.name.clone(), listed)).collect();
    let mut namespaces: Vec<Namespace> = series
        .into_iter()
        .filter_map(|series| {
            let buckets = buckets.remove(&format!("{BUCKETS}{}", series.name))?;
            Some(time_series(series.name, buckets))
        })
        .collect();
    // Buckets without their series are a collection like others.
    let others = others.into_iter().chain(buckets.into_values());
    let kept = others.filter(|listed| !NOT_KEPT.contains(&listed.name.as_str()));
    namespaces.extend(kept.map(ordinary));
    namespaces
}

fn ordinary(listed: Listed) -> Namespace {
    let kind = match listed.kind {
        ListedKind::View => NamespaceKind::View,
        _ => NamespaceKind::Collection(order(&listed)),
    };
    let Listed { name, options, uuid, indexes, .. } = listed;
    Namespace { name, kind, options, uuid, indexes }
}

/// What `create` takes of a time series; the buckets have their validator and cluster by
/// themselves.
const TIME_SERIES_OPTIONS: [&[u8]; 4] =
    [b"timeseries", b"expireAfterSeconds", b"collation", b"storageEngine"];

fn time_series(name: String, buckets: Listed) -> Namespace {
    let kind = NamespaceKind::TimeSeries(order(&buckets));
    let options = elements("options", &buckets.options).unwrap_or_default();
    let options = options.iter().filter(|option| TIME_SERIES_OPTIONS.contains(&option.name));
    let options = options.fold(DocumentBuilder::new(), DocumentBuilder::element).finish();
    Namespace { name, kind, options, uuid: buckets.uuid, indexes: buckets.indexes }
}

fn order(listed: &Listed) -> Order {
    let options = elements("options", &listed.options).unwrap_or_default();
    let option = |name: &[u8]| options.iter().find(|option| option.name == name);
    let is_capped = option(b"capped").is_some_and(Element::is_true);
    let is_clustered = option(b"clusteredIndex").is_some();
    let has_id_index = listed.indexes.iter().any(|index| is_id_index(index));
    if is_capped || !(is_clustered || has_id_index) {
        return Order::Natural;
    }
    match option(b"collation") {
        None => Order::Index,
        Some(_) => Order::Sorted,
    }
}

/// Whether a specification is that of the index of `_id`.
pub fn is_id_index(index: &[u8]) -> bool {
    let Ok(Some(key)) = find("index", index, b"key") else { return false };
    match elements("index", key.value).as_deref() {
        Ok([only]) => only.name == b"_id" && only.integer() == Some(1),
        _ => false,
    }
}

/// A UUID among the elements of a document.
fn uuid(options: &[Element<'_>]) -> Option<[u8; 16]> {
    let element = options.iter().find(|option| option.name == b"uuid")?;
    let is_uuid = element.kind == ElementType::Binary && element.value.get(4) == Some(&4);
    is_uuid.then(|| element.value.get(5..)?.try_into().ok())?
}

/// The text of an element that must be there.
fn required(what: &str, document: &[Element<'_>], name: &str) -> Result<String, MongoError> {
    let element = document.iter().find(|element| element.name == name.as_bytes());
    let missing = || MongoError::answer(what, format!("it has no {name}"));
    element.and_then(text).ok_or_else(missing)
}
