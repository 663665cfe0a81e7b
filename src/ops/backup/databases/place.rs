//! Where databases lie in snapshots: `mongodb/<server>/<database>`, each name escaped.

use super::MONGODB;
use crate::model::{EntryName, EntryPath, SnapshotSource, unescape_name};
use crate::ops::backup::constant_name;

/// Where the databases of a server lie.
pub fn server_place(server: &EntryName) -> EntryPath {
    EntryPath::root().join(&constant_name(MONGODB)).join(server)
}

pub fn database_place(server: &EntryName, database: &EntryName) -> EntryPath {
    server_place(server).join(database)
}

/// Whether it is below `mongodb/`, or that itself.
pub fn is_of_databases(path: &EntryPath) -> bool {
    path.names().next().is_some_and(|name| name.bytes() == MONGODB)
}

/// The server and the database of a source.
pub fn place_of(source: &SnapshotSource) -> Option<(String, String)> {
    let names: Vec<EntryName> = source.path.names().collect();
    match &names[..] {
        [first, server, database] if first.bytes() == MONGODB => {
            Some((unescape_name(server)?, unescape_name(database)?))
        }
        _ => None,
    }
}
