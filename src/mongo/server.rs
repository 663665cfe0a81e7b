//! What kind of server it is.

use super::MongoError;
use bson::Document;

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    pub kind: ServerKind,
    /// `6.0.5`.
    pub version: String,
    /// The first two numbers of it.
    release: (u32, u32),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerKind {
    ReplicaSet {
        name: String,
    },
    /// It keeps no log of its changes, and so no history.
    Standalone,
    /// The router of a sharded cluster.
    Router,
}

impl Server {
    /// From the answers to `hello` and `buildInfo`.
    pub(super) fn new(hello: &Document, build: &Document) -> Result<Self, MongoError> {
        let version = build.get_str("version").unwrap_or("0.0").to_string();
        let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
        let release = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        if hello.get_bool("arbiterOnly").unwrap_or(false) {
            return Err(MongoError::Refused("it is an arbiter, which holds no data".to_string()));
        }
        if hello.get("configsvr").is_some() {
            let why = "it is a config server of a cluster: name the cluster's mongos instead";
            return Err(MongoError::Refused(why.to_string()));
        }
        if hello.get_bool("isreplicaset").unwrap_or(false) {
            let why = "it waits for rs.initiate(): run that, or start it without --replSet";
            return Err(MongoError::Refused(why.to_string()));
        }
        let kind = match (hello.get_str("setName"), hello.get_str("msg")) {
            (Ok(name), _) => ServerKind::ReplicaSet { name: name.to_string() },
            (_, Ok("isdbgrid")) => ServerKind::Router,
            _ => ServerKind::Standalone,
        };
        Ok(Self { kind, version, release })
    }

    /// Whether a moment can be read: snapshot reads outside transactions.
    pub fn has_snapshots(&self) -> bool {
        self.kind != ServerKind::Standalone && self.release >= (5, 0)
    }

    /// Whether there is a log of all changes that can be followed: a router has none of its own.
    pub fn has_log(&self) -> bool {
        self.has_snapshots() && matches!(self.kind, ServerKind::ReplicaSet { .. })
    }

    /// Whether the catalog can be read at a moment too.
    pub(super) fn has_catalog_snapshots(&self) -> bool {
        matches!(self.kind, ServerKind::ReplicaSet { .. }) && self.release >= (6, 0)
    }

    /// Whether capped collections can be read at a moment.
    pub fn has_capped_snapshots(&self) -> bool {
        self.has_snapshots() && self.release >= (8, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::doc;

    fn server(hello: Document, version: &str) -> Server {
        Server::new(&hello, &doc! { "version": version }).unwrap()
    }

    #[test]
    fn what_can_be_read_depends_on_kind_and_version() {
        let set = doc! { "setName": "rs0" };
        assert!(!server(set.clone(), "4.4.29").has_snapshots());
        assert!(server(set.clone(), "5.0.0").has_snapshots());
        assert!(!server(set.clone(), "5.0.0").has_catalog_snapshots());
        assert!(server(set.clone(), "6.0.5").has_catalog_snapshots());
        assert!(server(set, "8.0.0").has_capped_snapshots());
        assert!(!server(doc! {}, "8.0.0").has_snapshots());
        assert_eq!(server(doc! { "msg": "isdbgrid" }, "6.0.5").kind, ServerKind::Router);
    }

    #[test]
    fn servers_without_data_of_their_own_are_refused() {
        for hello in [doc! { "arbiterOnly": true }, doc! { "configsvr": 2 }] {
            assert!(Server::new(&hello, &doc! { "version": "6.0.5" }).is_err());
        }
    }
}
