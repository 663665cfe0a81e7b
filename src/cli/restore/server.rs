//! The server that databases of a snapshot came from: which one it is, and how to be let in.

use crate::cli::backup::{from_environment, in_files, sources_of};
use crate::cli::context::Context;
use crate::cli::databases::connect;
use crate::cli::error::Failure;
use crate::model::{EntryName, EntryPath, Snapshot, unescape_name};
use crate::mongo::{Address, Connection};
use crate::ops::MONGODB;
use crate::settings::{DatabaseAddress, SourceAddress, this_host};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The server that imports have, where they are told of no other.
const IMPORTED: &str = "mongodb://imported";

/// A server that a snapshot has databases of.
pub struct Origin {
    /// `mongodb/rs0`.
    pub path: EntryPath,
    /// As it was reached then, without password or database; none for what was imported.
    servers: BTreeSet<String>,
    databases: BTreeSet<String>,
}

/// Those of a snapshot that have anything at `places`, or below; without places all.
pub fn origins(snapshot: &Snapshot, places: &[EntryPath]) -> Vec<Origin> {
    let mut origins: BTreeMap<EntryPath, Origin> = BTreeMap::new();
    for source in &snapshot.sources {
        let names: Vec<EntryName> = source.path.names().collect();
        let [first, server, database, ..] = &names[..] else { continue };
        if first.bytes() != MONGODB {
            continue;
        }
        let path = EntryPath::root().join(first).join(server);
        let is_wanted = |place: &EntryPath| place.starts_with(&path) || path.starts_with(place);
        if !places.is_empty() && !places.iter().any(is_wanted) {
            continue;
        }
        let origin = origins.entry(path.clone()).or_insert_with(|| Origin {
            path,
            servers: BTreeSet::new(),
            databases: BTreeSet::new(),
        });
        let address = String::from_utf8_lossy(&source.address);
        origin.servers.extend(server_of(&address).filter(|server| server != IMPORTED));
        origin.databases.extend(unescape_name(database));
    }
    origins.into_values().collect()
}

/// `mongodb://host:port` of a whole address.
fn server_of(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let hosts = rest.split(['/', '?']).next()?.rsplit('@').next()?;
    let is_server = scheme.starts_with("mongodb") && !hosts.is_empty();
    is_server.then(|| format!("{scheme}://{hosts}"))
}

/// Servers that are the same have the same: no capitals, all ports, in order.
fn normal(server: &str) -> String {
    let (scheme, hosts) = server.split_once("://").unwrap_or(("", server));
    let whole = |host: &str| match host.rsplit_once(':') {
        Some((_, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host.to_lowercase(),
        _ => format!("{}:27017", host.to_lowercase()),
    };
    let hosts: BTreeSet<String> = hosts.split(',').map(whole).collect();
    let hosts: Vec<String> = hosts.into_iter().collect();
    format!("{}://{}", scheme.to_lowercase(), hosts.join(","))
}

/// Connects to where databases came from: at an address of this server that is known here, or
/// else as it was reached then, without a password. To no other server.
pub fn connect_to(
    context: &Context,
    snapshot: &Snapshot,
    origin: &Origin,
    files: &[PathBuf],
) -> Result<Connection, Failure> {
    let known = known(context, files)?;
    let mut fitting: Vec<&DatabaseAddress> =
        known.iter().filter(|known| origin.fits(known)).collect();
    // One of the whole server is let in to all its databases.
    fitting.sort_by_key(|known| parsed(known).is_some_and(|known| known.database().is_some()));
    if let Some(known) = fitting.first() {
        return connect(context, known);
    }
    let Some(server) = origin.servers.first() else { return Err(origin.unknown(snapshot)) };
    let own = [this_host(None).name, context.host()?.name];
    if is_own(server) && !own.contains(&snapshot.host.name) {
        return Err(origin.elsewhere(snapshot, server));
    }
    let address = DatabaseAddress::parse(server).map_err(|_| origin.unknown(snapshot))?;
    let connection = connect(context, &address).map_err(|failure| {
        failure.hint(
            "nothing was changed; that is the address which the snapshot names: if the server is \
             at another one now, name it with --to mongodb://host:port",
        )
    })?;
    match origin.is_let_in(&connection) {
        true => Ok(connection),
        false => Err(not_let_in(server)),
    }
}

/// Addresses of databases that this machine is told of: of `--mongodb-file`, the environment and
/// the profile.
fn known(context: &Context, files: &[PathBuf]) -> Result<Vec<DatabaseAddress>, Failure> {
    let mut known = in_files(files)?;
    known.extend(from_environment(context)?);
    known.extend(context.profile()?.map(sources_of).transpose()?.unwrap_or_default());
    let database = |source| match source {
        SourceAddress::Database(address) => Some(address),
        SourceAddress::Path(_) => None,
    };
    Ok(known.into_iter().filter_map(database).collect())
}

fn parsed(address: &DatabaseAddress) -> Option<Address> {
    address.reveal().parse().ok()
}

/// Whether each machine has such a server of its own.
fn is_own(server: &str) -> bool {
    let (_, hosts) = server.split_once("://").unwrap_or(("", server));
    let is_own = |host: &str| {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        name == "localhost" || name.starts_with("127.") || name == "[::1]"
    };
    hosts.split(',').any(is_own)
}

fn not_let_in(server: &str) -> Failure {
    Failure::new(crate::cli::code::Code::Failed, format!("{server} does not let us in"))
        .because("snapshots keep no password, and no other address of this server is known here")
        .hint(
            "nothing was changed; give its address with the password in SNAP_MONGODB, in a file \
             (--mongodb-file), in the profile, or with --to",
        )
}

impl Origin {
    /// Its databases, for people.
    fn shown(&self) -> String {
        let names: Vec<&str> = self.databases.iter().map(String::as_str).collect();
        names.join(", ")
    }

    fn fits(&self, known: &DatabaseAddress) -> bool {
        let Some(address) = parsed(known) else { return false };
        let Some(server) = server_of(&address.to_string()) else { return false };
        let is_server = self.servers.iter().any(|own| normal(own) == normal(&server));
        let is_of = |database: &str| self.databases.contains(database);
        is_server && address.database().is_none_or(is_of)
    }

    /// Whether the databases may be looked at.
    fn is_let_in(&self, connection: &Connection) -> bool {
        let looked = |database: &String| connection.place(database, "snap");
        let refused = self.databases.iter().filter_map(|database| looked(database).err());
        !refused.into_iter().any(|error| error.is_not_authorised())
    }

    fn unknown(&self, snapshot: &Snapshot) -> Failure {
        let (id, databases) = (snapshot.id.short(), self.shown());
        Failure::usage(format!("snapshot {id} does not say which server {databases} came from"))
            .hint(format!(
                "nothing was changed; `snap restore {id} --to mongodb://host:port` puts databases \
                 into that server, and named paths restore files alone"
            ))
    }

    fn elsewhere(&self, snapshot: &Snapshot, server: &str) -> Failure {
        let (id, databases) = (snapshot.id.short(), self.shown());
        let host = &snapshot.host.name;
        Failure::usage(format!(
            "{databases} came from {server} of the host {host}, not of this one"
        ))
        .hint(format!(
            "nothing was changed; `snap restore {id} --to mongodb://host:port` puts databases \
                 into that server, and named paths restore files alone"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_the_same_however_it_is_written() {
        for (one, other, same) in [
            ("mongodb://Host", "mongodb://host:27017", true),
            ("mongodb://a,b:27018", "mongodb://b:27018,a:27017", true),
            ("mongodb://a", "mongodb://a,b", false),
            ("mongodb://a:27018", "mongodb://a", false),
            ("mongodb+srv://a", "mongodb://a", false),
        ] {
            assert_eq!(normal(one) == normal(other), same, "{one} {other}");
        }
    }

    #[test]
    fn of_an_address_the_server_is_left() {
        for (address, server) in [
            ("mongodb://h:1,i/bot.users", Some("mongodb://h:1,i")),
            ("mongodb://me:secret@h/bot?x=y", Some("mongodb://h")),
            ("/srv/dump", None),
            ("mongodb://", None),
        ] {
            assert_eq!(server_of(address).as_deref(), server, "{address}");
        }
        assert!(is_own("mongodb://127.0.0.1:27017") && !is_own("mongodb://db1"));
    }
}
