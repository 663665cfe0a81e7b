//! Databases that are backed up.

use crate::cli::context::Context;
use crate::cli::databases::connect;
use crate::cli::error::Failure;
use crate::cli::text::count;
use crate::ops::{DatabaseReport, DatabaseSource, DatabasesBackup};
use crate::policy::{Span, format_size};
use crate::settings::{DatabaseAddress, Profile};
use jiff::Timestamp;
use serde::Serialize;
use std::path::PathBuf;

/// Where nobody says otherwise.
const FULL_SCAN_EVERY: Span = Span::days(7);

#[derive(clap::Args, Debug, Clone, Default)]
#[command(next_help_heading = "Databases")]
pub struct DatabaseFlags {
    /// Take the database whose address is the first line of this file (may be repeated, like all
    /// of these) [or: SNAP_MONGODB_FILE, SNAP_MONGODB]
    #[arg(long = "mongodb-file", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Of a server named without a database, take only this one
    #[arg(long = "db", value_name = "NAME")]
    databases: Vec<String>,
    /// Take only this collection
    #[arg(long = "collection", value_name = "NAME")]
    collections: Vec<String>,
    /// Leave out this collection
    #[arg(long = "exclude-collection", value_name = "NAME")]
    excluded: Vec<String>,
    /// Keep the databases under this name [default: the replica set's name, or host:port]
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// Read a collection whole again after so long, though the server's log tells what changed,
    /// to prove that [default: 7d]
    #[arg(long, value_name = "TIME")]
    full_scan_every: Option<Span>,
}

/// Connects to every server that is named.
pub fn databases(
    context: &Context,
    flags: &DatabaseFlags,
    addresses: &[DatabaseAddress],
) -> Result<DatabasesBackup, Failure> {
    let profile = context.profile()?;
    let collections = match flags.collections.is_empty() {
        true => profile.map(Profile::collections).unwrap_or_default(),
        false => flags.collections.clone(),
    };
    let mut excluded = profile.map(Profile::excluded_collections).unwrap_or_default();
    excluded.extend(flags.excluded.iter().cloned());
    let mut sources = Vec::new();
    for address in addresses {
        let connection = connect(context, address)?;
        let named = connection.address().database().map(str::to_owned);
        let databases: Vec<Option<String>> = match (&named, flags.databases.as_slice()) {
            (_, []) => vec![named],
            (None, chosen) => chosen.iter().cloned().map(Some).collect(),
            (Some(_), _) => {
                return Err(Failure::usage("the address names a database, and --db another")
                    .hint("leave out one of them"));
            }
        };
        sources.extend(databases.into_iter().map(|database| DatabaseSource {
            connection: connection.clone(),
            database,
            collections: collections.clone(),
            excluded: excluded.clone(),
            server_name: flags.server_name.clone(),
        }));
    }
    let proved_since = Some(proved_since(context, flags)?);
    Ok(DatabasesBackup { sources, proved_since, read_everything: false })
}

/// What was read whole before this is read whole again.
fn proved_since(context: &Context, flags: &DatabaseFlags) -> Result<Timestamp, Failure> {
    let said = context.profile()?.and_then(Profile::full_scan_every);
    let every = flags.full_scan_every.or(said).unwrap_or(FULL_SCAN_EVERY);
    Ok(every.before(&context.now).unwrap_or(Timestamp::MIN))
}

/// One database, in the summary.
#[derive(Serialize)]
pub struct DatabaseMessage {
    name: String,
    collections: u64,
    documents: u64,
    bytes: u64,
    /// Of the database as a whole, at the cluster time.
    consistency: &'static str,
    #[serde(skip_serializing_if = "is_zero")]
    collections_later: u64,
    #[serde(skip_serializing_if = "is_zero")]
    collections_fuzzy: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_time: Option<String>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl From<&DatabaseReport> for DatabaseMessage {
    fn from(report: &DatabaseReport) -> Self {
        Self {
            name: report.name.clone(),
            collections: report.collections,
            documents: report.documents,
            bytes: report.bytes,
            consistency: if report.moment.is_some() { "exact" } else { "fuzzy" },
            collections_later: report.later,
            collections_fuzzy: report.fuzzy,
            cluster_time: report.moment.map(|moment| moment.to_string()),
        }
    }
}

/// A line for people.
pub fn line(report: &DatabaseReport) -> String {
    let collections = count(report.collections, "collection", "collections");
    let consistency = match report.moment {
        Some(moment) => format!("as of {}{}", moment.timestamp(), exceptions(report)),
        None => "fuzzy: read while others wrote".to_owned(),
    };
    format!(
        "  mongo   {}: {collections}, {}; {}; {consistency}",
        report.name,
        count(report.documents, "document", "documents"),
        format_size(report.bytes),
    )
}

/// Collections that are not of the moment of their database.
fn exceptions(report: &DatabaseReport) -> String {
    let exceptions = [(report.later, "a little later"), (report.fuzzy, "fuzzy")];
    let named = exceptions.iter().filter(|(number, _)| *number > 0);
    let named: Vec<String> = named.map(|(number, word)| format!("{number} {word}")).collect();
    if named.is_empty() { String::new() } else { format!(" ({})", named.join(", ")) }
}
