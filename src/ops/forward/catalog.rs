//! Which collections and views there are, as the log goes on: each by its UUID, under whatever
//! name.

use super::error::{Fault, ForwardError};
use super::is_own_affair;
use crate::codec::{DocumentBuilder, Element, Elements, document_key};
use crate::model::{ClusterTime, Collection, CollectionKind, Consistency};
use crate::mongo::oplog::apply_update;
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub type Uuid = [u8; 16];

pub const BUCKETS: &str = "system.buckets.";
pub const VIEWS: &str = "system.views";
/// Of the server, and in no snapshot.
const NOT_KEPT: [&str; 4] = [VIEWS, "system.profile", "system.version", "system.keys"];

/// A collection on its way.
#[derive(Debug, Clone)]
pub struct Followed {
    pub database: String,
    /// The one that documents lie in: of a time series that of its buckets.
    pub name: String,
    pub options: Vec<u8>,
    pub indexes: Vec<Vec<u8>>,
    /// What the snapshot has of it; `None` if it was made later, or emptied.
    pub base: Option<Base>,
    /// Changes before this one are not of it.
    pub since: u64,
    pub is_strict: bool,
}

/// A collection as a snapshot has it.
#[derive(Debug, Clone)]
pub struct Base {
    pub collection: Box<Collection>,
    /// Changes after this moment are not in it.
    pub from: ClusterTime,
}

/// All that there is in the databases that are rolled forward.
#[derive(Debug, Default)]
pub struct Catalog {
    pub databases: BTreeSet<String>,
    /// Others too, all of which were made since.
    pub takes_new: bool,
    pub collections: HashMap<Uuid, Followed>,
    /// By database: documents as in `system.views`, by the keys of their ids.
    views: BTreeMap<String, BTreeMap<Vec<u8>, Vec<u8>>>,
    /// Collections that are changed and that the snapshot does not have: it has left them out.
    pub strangers: BTreeMap<Uuid, String>,
    /// Where the databases were listed, or just before: what they are called, and how they are
    /// made, is changed by what comes after it. (Some were saved a little later than they were
    /// listed. To do such changes once more does no harm.)
    pub floor: Option<ClusterTime>,
    /// Changes of documents up to here are in all that the snapshot has.
    pub held: Option<ClusterTime>,
}

impl Catalog {
    /// Adds a collection of the snapshot. One that was read while others wrote was so after
    /// `begun`.
    pub fn add(
        &mut self,
        (database, name): (&str, &str),
        collection: Box<Collection>,
        begun: ClusterTime,
    ) -> Result<(), ForwardError> {
        let Some(uuid) = collection.uuid else {
            return Err(ForwardError::NoMoment(format!("{database}.{name}")));
        };
        let from = collection.moment.unwrap_or(begun);
        self.held = Some(self.held.map_or(from, |held| held.min(from)));
        let name = match collection.kind {
            CollectionKind::TimeSeries => format!("{BUCKETS}{name}"),
            CollectionKind::Ordinary => name.to_string(),
        };
        let followed = Followed {
            database: database.to_string(),
            name,
            options: collection.options.clone(),
            indexes: collection.indexes.clone(),
            is_strict: collection.consistency == Consistency::Exact,
            base: Some(Base { collection, from }),
            since: 0,
        };
        self.collections.insert(uuid, followed);
        Ok(())
    }

    pub fn add_view(&mut self, database: &str, name: &str, options: &[u8]) -> Result<(), Fault> {
        let id = format!("{database}.{name}");
        let document = Elements::new(options)?
            .try_fold(DocumentBuilder::new().string("_id", &id), |document, option| {
                option.map(|option| document.element(&option))
            });
        self.put_view(database, document?.finish())
    }

    fn put_view(&mut self, database: &str, document: Vec<u8>) -> Result<(), Fault> {
        let key = view_key(&document)?;
        self.views.entry(database.to_string()).or_default().insert(key, document);
        Ok(())
    }

    pub fn insert_view(&mut self, database: &str, document: &[u8]) -> Result<(), Fault> {
        self.put_view(database, document.to_vec())
    }

    pub fn update_view(&mut self, database: &str, id: &[u8], update: &[u8]) -> Result<(), Fault> {
        let key = view_key(id)?;
        let before = self.views.get(database).and_then(|views| views.get(&key));
        let before = before.map_or_else(|| id.to_vec(), Clone::clone);
        let updated = apply_update(&before, update);
        let updated = updated.map_err(|error| Fault::Unknown(format!("of a view: {error}")))?;
        self.put_view(database, updated.document)
    }

    pub fn delete_view(&mut self, database: &str, id: &[u8]) -> Result<(), Fault> {
        let key = view_key(id)?;
        if let Some(views) = self.views.get_mut(database) {
            views.remove(&key);
        }
        Ok(())
    }

    pub fn drop_views(&mut self, database: &str) {
        self.views.remove(database);
    }

    /// Whether a namespace is in a database that is rolled forward.
    pub fn has_database(&self, database: &str) -> bool {
        self.databases.contains(database) || self.takes_new && !is_own_affair(database)
    }

    /// The databases that there are now, those that were there and are empty included.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        let made = self.collections.values().map(|followed| &followed.database);
        let with_views = self.views.iter().filter(|(_, views)| !views.is_empty());
        let made = made.chain(with_views.map(|(name, _)| name));
        let made = made.filter(|name| self.has_database(name));
        self.databases.iter().chain(made).collect::<BTreeSet<_>>().into_iter()
    }

    /// Whether changes of this moment are in what the snapshot has of the collection.
    pub fn holds(&self, uuid: &Uuid, at: ClusterTime) -> bool {
        let base = self.collections.get(uuid).and_then(|followed| followed.base.as_ref());
        base.is_some_and(|base| at <= base.from)
    }

    /// A collection that is made by change number `since`.
    pub fn create(&mut self, uuid: Uuid, mut followed: Followed, since: u64) {
        if NOT_KEPT.contains(&followed.name.as_str()) || !self.has_database(&followed.database) {
            return;
        }
        followed.since = since;
        self.strangers.remove(&uuid);
        self.collections.insert(uuid, followed);
    }

    pub fn drop(&mut self, uuid: &Uuid) {
        self.collections.remove(uuid);
        self.strangers.remove(uuid);
    }

    pub fn drop_database(&mut self, database: &str, at: ClusterTime) {
        self.collections.retain(|_, followed| {
            let is_later = followed.base.as_ref().is_some_and(|base| at <= base.from);
            followed.database != database || is_later
        });
        self.strangers.retain(|_, name| name.split('.').next() != Some(database));
        self.drop_views(database);
    }

    /// Says that a collection is changed that nobody knows.
    pub fn meet_stranger(&mut self, uuid: Uuid, namespace: &str) {
        let name = namespace.split_once('.').map_or("", |(_, name)| name);
        if !NOT_KEPT.contains(&name) {
            self.strangers.entry(uuid).or_insert_with(|| namespace.to_string());
        }
    }

    /// The views of a database, with their options; without those that stand for time series.
    pub fn views(&self, database: &str) -> Result<Vec<(String, Vec<u8>)>, Fault> {
        let mut views = Vec::new();
        for document in self.views.get(database).into_iter().flat_map(BTreeMap::values) {
            let fields: Vec<Element<'_>> = Elements::new(document)?.collect::<Result<_, _>>()?;
            let text = |name: &[u8]| {
                let field = fields.iter().find(|field| field.name == name);
                field.and_then(Element::text).and_then(|text| std::str::from_utf8(text).ok())
            };
            let id = text(b"_id").and_then(|id| id.strip_prefix(database)?.strip_prefix('.'));
            let name = id.ok_or_else(|| Fault::Unknown("a view without a name".to_string()))?;
            if text(b"viewOn").and_then(|on| on.strip_prefix(BUCKETS)) == Some(name) {
                continue;
            }
            let options = fields.iter().filter(|field| field.name != b"_id");
            let options = options.fold(DocumentBuilder::new(), DocumentBuilder::element);
            views.push((name.to_string(), options.finish()));
        }
        Ok(views)
    }
}

fn view_key(document: &[u8]) -> Result<Vec<u8>, Fault> {
    let id = Elements::new(document)?.find(b"_id")?;
    let id = id.ok_or_else(|| Fault::Unknown("a view without a name".to_string()))?;
    Ok(document_key(&id)?)
}
