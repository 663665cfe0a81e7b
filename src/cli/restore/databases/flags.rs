//! Flags that say which documents are restored, and how.

use super::selection::selection;
use crate::cli::error::Failure;
use crate::cli::restore::flags::ConflictFlag;
use crate::ops::{DatabaseRestoreOptions, DocumentConflict, FieldPath, MatchKey, Rename};
use std::path::PathBuf;

#[derive(clap::Args, Debug, Clone, Default)]
#[command(next_help_heading = "Databases")]
pub struct DatabaseFlags {
    /// Only this database, NAME or SERVER/NAME (may be repeated)
    #[arg(long = "db", value_name = "NAME")]
    databases: Vec<String>,
    /// Only this collection, NAME or DATABASE.NAME (may be repeated)
    #[arg(long = "collection", value_name = "NAME")]
    collections: Vec<String>,
    /// Only documents that this filter fits ('{"state.step": {"$gte": 3}}')
    #[arg(long, value_name = "JSON")]
    query: Option<String>,
    /// Only the document with this _id, JSON or a plain text (may be repeated)
    #[arg(long = "id", value_name = "VALUE")]
    ids: Vec<String>,
    /// Give collections that fit this ('shop.*') another name (may be repeated)
    #[arg(long, value_name = "PATTERN", requires = "to")]
    ns_from: Vec<String>,
    /// That name ('test.*'), for each --ns-from
    #[arg(long, value_name = "PATTERN", requires = "ns_from")]
    ns_to: Vec<String>,
    /// In place: the server's address is the first line of this file (may be repeated)
    #[arg(long = "mongodb-file", value_name = "FILE", conflicts_with_all = ["to", "target"])]
    address_files: Vec<PathBuf>,
    /// Match documents by these fields, not by _id (session_id,phone)
    #[arg(long, value_name = "FIELD", value_delimiter = ',', conflicts_with = "target")]
    key: Vec<String>,
    /// Which one wins with --conflict merge where both have a field [default: snapshot]
    #[arg(long, value_name = "WHICH", value_enum, conflicts_with = "target")]
    merge_prefer: Option<Prefer>,
    /// The field that says which document is newer, with --conflict newest
    #[arg(long, value_name = "FIELD", conflicts_with = "target")]
    newest_by: Option<String>,
    /// Load collections beside those that are there, and put them in their place in one step
    #[arg(long, conflicts_with_all = ["target", "conflict", "key", "query", "ids"])]
    swap: bool,
    /// Give collections that are made the UUIDs that they had (needs the role root or __system)
    #[arg(long, conflicts_with = "target")]
    keep_uuids: bool,
    /// Fields that every document must have afterwards (session_id,phone,messages)
    #[arg(long, value_name = "FIELD", value_delimiter = ',', conflicts_with = "target")]
    require: Vec<String>,
    /// Do not look at everything again afterwards
    #[arg(long, conflicts_with_all = ["target", "require"])]
    no_validation: bool,
    /// When indexes are made that let documents expire: held back where restored documents would
    /// be gone at once, or now
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, conflicts_with = "target")]
    ttl: Ttl,
}

#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefer {
    /// The document that is there
    Live,
    /// The one of the snapshot
    Snapshot,
}

#[derive(clap::ValueEnum, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ttl {
    /// Where nothing would expire at once; else the command is printed
    #[default]
    Safe,
    /// In any case
    Now,
}

impl DatabaseFlags {
    /// But for the strategy.
    pub fn options(&self) -> Result<DatabaseRestoreOptions, Failure> {
        if self.ns_from.len() != self.ns_to.len() {
            return Err(Failure::usage("each --ns-from needs its --ns-to")
                .hint("write --ns-from 'shop.*' --ns-to 'test.*'"));
        }
        let pairs = self.ns_from.iter().zip(&self.ns_to);
        let renames: Result<Vec<_>, _> = pairs.map(|(from, to)| Rename::new(from, to)).collect();
        let fields = self.key.iter().map(|name| field("--key", name));
        let key = match fields.collect::<Result<Vec<_>, _>>()? {
            fields if fields.is_empty() => MatchKey::Id,
            fields => MatchKey::Fields(fields),
        };
        let require = self.require.iter().map(|name| field("--require", name));
        Ok(DatabaseRestoreOptions {
            unvalidated: self.no_validation,
            require: require.collect::<Result<_, _>>()?,
            databases: self.databases.clone(),
            collections: self.collections.clone(),
            renames: renames.map_err(Failure::usage)?,
            expire_at_once: self.ttl == Ttl::Now,
            key,
            selection: selection(self.query.as_ref(), &self.ids)?,
            swap: self.swap,
            keep_uuids: self.keep_uuids,
            ..DatabaseRestoreOptions::default()
        })
    }

    /// Whether only some databases, collections or documents are wanted.
    pub fn selects(&self) -> bool {
        let Self { databases, collections, query, ids, .. } = self;
        let lists = [databases, collections, ids];
        query.is_some() || lists.into_iter().any(|list| !list.is_empty())
    }

    /// Files with addresses of servers.
    pub fn address_files(&self) -> &[PathBuf] {
        &self.address_files
    }

    pub fn is_swap(&self) -> bool {
        self.swap
    }

    /// The strategy of this name; what belongs to another one is refused.
    pub fn conflict(&self, named: Option<ConflictFlag>) -> Result<DocumentConflict, Failure> {
        if self.merge_prefer.is_some() && !matches!(named, Some(ConflictFlag::Merge)) {
            return Err(Failure::usage("--merge-prefer goes with --conflict merge"));
        }
        if self.newest_by.is_some() && !matches!(named, Some(ConflictFlag::Newest)) {
            return Err(Failure::usage("--newest-by goes with --conflict newest"));
        }
        match (named.unwrap_or_default(), self.newest()?) {
            (ConflictFlag::Skip, _) => Ok(DocumentConflict::Skip),
            (ConflictFlag::Overwrite, _) => Ok(DocumentConflict::Overwrite),
            (ConflictFlag::Merge, _) => Ok(self.merge()),
            (ConflictFlag::Newest, Some(newest)) => Ok(newest),
            (ConflictFlag::Newest, None) => {
                Err(Failure::usage("--conflict newest needs --newest-by for documents")
                    .hint("name the field that says how old one is: --newest-by updated_at"))
            }
        }
    }

    /// The strategy for files of documents, which are whole or not at all.
    pub fn conflict_of_files(named: Option<ConflictFlag>) -> DocumentConflict {
        match named.unwrap_or_default() {
            ConflictFlag::Overwrite => DocumentConflict::Overwrite,
            _ => DocumentConflict::Skip,
        }
    }

    /// All that can be compared with one another.
    pub fn strategies(&self) -> Result<Vec<DocumentConflict>, Failure> {
        let all = [DocumentConflict::Skip, DocumentConflict::Overwrite, self.merge()];
        Ok(all.into_iter().chain(self.newest()?).collect())
    }

    fn merge(&self) -> DocumentConflict {
        DocumentConflict::Merge { live_wins: self.merge_prefer == Some(Prefer::Live) }
    }

    fn newest(&self) -> Result<Option<DocumentConflict>, Failure> {
        let field = self.newest_by.as_ref().map(|name| field("--newest-by", name)).transpose()?;
        Ok(field.map(|field| DocumentConflict::Newest { field }))
    }
}

fn field(flag: &str, name: &str) -> Result<FieldPath, Failure> {
    FieldPath::new(name).ok_or_else(|| {
        Failure::usage(format!("{name:?} is no name of a field"))
            .hint(format!("write {flag} session_id, or state.step for a field inside another"))
    })
}
