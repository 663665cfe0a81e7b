//! Which server is protected, and which of its databases.

use super::Arguments;
use crate::cli::backup::{from_environment, in_files, sources_of};
use crate::cli::context::Context;
use crate::cli::databases::connect;
use crate::cli::error::Failure;
use crate::mongo::Connection;
use crate::settings::{DatabaseAddress, SourceAddress};
use std::collections::BTreeSet;

pub struct Sources {
    pub connection: Connection,
    /// The name that snapshots keep it under.
    pub server: String,
    /// Sorted; none stands for all.
    pub databases: Vec<String>,
}

impl Sources {
    /// Those that are named, else the environment's, else the profile's: databases of one server.
    pub fn find(context: &Context, arguments: &Arguments) -> Result<Self, Failure> {
        let addresses = addresses(context, arguments)?;
        let mut found: Option<Self> = None;
        let (mut databases, mut is_whole) = (BTreeSet::new(), false);
        for address in &addresses {
            let connection = connect(context, address)?;
            let named = connection.address().database().map(str::to_owned);
            match (&named, arguments.databases.as_slice()) {
                (Some(_), [_, ..]) => {
                    return Err(Failure::usage("the address names a database, and --db another")
                        .hint("leave out one of them"));
                }
                (Some(name), []) => drop(databases.insert(name.clone())),
                (None, chosen) => databases.extend(chosen.iter().cloned()),
            }
            is_whole |= named.is_none() && arguments.databases.is_empty();
            let own = connection.name().to_owned();
            let server = arguments.server_name.clone().unwrap_or(own);
            match &found {
                Some(other) if other.connection.name() != connection.name() => {
                    return Err(Failure::usage(format!(
                        "{} and {} are two servers",
                        other.connection.address(),
                        connection.address()
                    ))
                    .hint("run one `snap protect` for each of them"));
                }
                Some(_) => {}
                None => found = Some(Self { connection, server, databases: Vec::new() }),
            }
        }
        let mut found = found.ok_or_else(nothing_named)?;
        if !is_whole {
            found.databases = databases.into_iter().collect();
        }
        Ok(found)
    }
}

fn addresses(context: &Context, arguments: &Arguments) -> Result<Vec<DatabaseAddress>, Failure> {
    let given = arguments.addresses.iter().cloned().map(SourceAddress::parse);
    let mut named: Vec<SourceAddress> = given.collect();
    if let Some(path) = named.iter().find(|source| matches!(source, SourceAddress::Path(_))) {
        return Err(Failure::usage(format!("{path} is no address of a server"))
            .hint("write mongodb://host:port/database"));
    }
    named.extend(in_files(&arguments.files)?);
    if named.is_empty() {
        named.extend(from_environment(context)?);
    }
    if named.is_empty() {
        named = context.profile()?.map(sources_of).transpose()?.unwrap_or_default();
    }
    let database = |source| match source {
        SourceAddress::Database(address) => Some(address),
        SourceAddress::Path(_) => None,
    };
    Ok(named.into_iter().filter_map(database).collect())
}

fn nothing_named() -> Failure {
    Failure::usage("nothing says which databases to protect").hint(
        "name them (`snap protect mongodb://host:port/database`), or list them in a profile \
         (`snap config init`)",
    )
}
