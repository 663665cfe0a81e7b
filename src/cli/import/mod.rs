//! `snap import`

mod report;

use super::backup::tags;
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::open::{locate, no_repository_named, open_located, this_writer};
use super::progress::Progress;
use super::version::PROGRAM;
use crate::ops::{ImportError, ImportOptions, Importable, find_imports, import};
use crate::policy::parse_exact;
use crate::repo::Repository;
use crate::settings::this_host;
use crate::storage::{DiscardStorage, Storage};
use std::path::PathBuf;
use std::sync::Arc;

const AFTER_HELP: &str = "\
Examples:
  snap import dump/                      what mongodump wrote
  snap import --host bot backups/        JSON backups: a snapshot of each
  snap import nightly.archive.gz         of mongodump --archive --gzip
  snap import --db bot users.bson        one collection
  snap import --server-name rs0 dump/    beside the snapshots of that server

What can be imported: a mongodump folder, one database or one .bson file of it
(with the .metadata.json beside it); an archive of mongodump; JSON backups
{\"backup_metadata\": {…}, \"collections\": {name: [documents]}, \"checksums\":
{…}}. All of them may be packed by gzip. Extended JSON in values ({\"$oid\": …},
{\"$date\": …}, {\"$numberDecimal\": …}) becomes what it stands for.

A JSON backup says when it was made; of a dump the time of its newest file is
taken. Checksums are tried against the usual ways of writing JSON; what was
found out is said. A backup that is broken is refused whole. One that was
imported before is found to be there.

Nobody knows whether others wrote while such a backup was made: it is marked
fuzzy. Documents are sorted in memory, then in nameless files in TMPDIR.";

/// Make snapshots of backups that other programs made.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Folders and files with backups
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// Give the snapshots tags, joined by commas (may be repeated)
    #[arg(long, value_name = "TAGS")]
    tag: Vec<String>,
    /// Say that they are of this host [default: this machine's name]
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    host: Option<String>,
    /// Say that the backup began then [default: what it says itself]
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Save nothing, read and verify everything
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// The database, in place of what the backup (of one database) or its folder says
    #[arg(long = "db", value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    database: Option<String>,
    /// Keep the databases under this name of a server
    #[arg(long, value_name = "NAME", default_value = "imported",
          value_parser = clap::builder::NonEmptyStringValueParser::new())]
    server_name: String,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let options = options(context, arguments)?;
    let mut backups = Backups::default();
    for path in &arguments.paths {
        backups.find(context, path)?;
    }
    if arguments.time.is_some() && backups.found.len() > 1 {
        return Err(Failure::usage("--time is one time, and there are several backups")
            .hint("import them one by one"));
    }
    let repository = repository(context, arguments)?;
    let (mut refused, alone) = (backups.refused, backups.found.len() + backups.refused == 1);
    for one in &backups.found {
        let progress = Progress::start(context);
        let report = import(&repository, one, &options, &progress.monitor());
        drop(progress);
        match report {
            Ok(report) => report::print(context, one, &report, arguments.dry_run)?,
            Err(error) if alone || !is_of_the_backup(&error) => return Err(error.into()),
            Err(error) => {
                refused += 1;
                refuse(context, &error);
            }
        }
    }
    Ok(if refused > 0 { Code::Incomplete } else { Code::Done })
}

/// What was found, and how many that are broken.
#[derive(Default)]
struct Backups {
    found: Vec<Importable>,
    refused: usize,
}

impl Backups {
    fn find(&mut self, context: &Context, path: &std::path::Path) -> Result<(), Failure> {
        let (found, others) = find_imports(path)?;
        self.found.extend(found);
        for other in others {
            match &other {
                ImportError::NoBackup { path, why } if context.output.is_verbose() => {
                    context.output.note(&path.display().to_string(), why);
                }
                ImportError::NoBackup { .. } => {}
                _ => {
                    self.refused += 1;
                    refuse(context, &other);
                }
            }
        }
        Ok(())
    }
}

/// Others may be well.
fn is_of_the_backup(error: &ImportError) -> bool {
    matches!(
        error,
        ImportError::Broken { .. } | ImportError::NoBackup { .. } | ImportError::Read { .. }
    )
}

fn refuse(context: &Context, error: &ImportError) {
    let (path, why) = match error {
        ImportError::Broken { path, why } | ImportError::NoBackup { path, why } => {
            (path.display().to_string(), format!("refused, nothing of it is imported: {why}"))
        }
        error => ("import".to_owned(), error.to_string()),
    };
    context.output.warning(&path, &why, "importing");
}

fn options(context: &Context, arguments: &Arguments) -> Result<ImportOptions, Failure> {
    let begun = arguments.time.as_ref().map(|text| parse_exact(text, &context.now)).transpose()?;
    Ok(ImportOptions {
        writer: this_writer(),
        host: match &arguments.host {
            Some(name) => this_host(Some(name.clone())),
            None => context.host()?,
        },
        tags: tags(None, &arguments.tag)?,
        begun,
        now: context.now.clone(),
        server_name: arguments.server_name.clone(),
        database: arguments.database.clone(),
        scratch: std::env::temp_dir(),
        dry_run: arguments.dry_run,
        program: PROGRAM.to_owned(),
    })
}

fn repository(context: &Context, arguments: &Arguments) -> Result<Arc<Repository>, Failure> {
    let located = locate(context)?.ok_or_else(|| no_repository_named(context))?;
    let wrap = |storage: Arc<dyn Storage>| match arguments.dry_run {
        true => Arc::new(DiscardStorage::new(storage)) as Arc<dyn Storage>,
        false => storage,
    };
    open_located(context, &located, wrap)
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        let failure = |code| Self::new(code, &error);
        match error {
            ImportError::Repo(error) => error.into(),
            ImportError::Stopped => Self::stopped(),
            ImportError::Broken { .. } => failure(Code::Failed)
                .hint("nothing of it was imported; is there another copy of it?"),
            ImportError::NoBackup { .. } => {
                failure(Code::Failed).hint("`snap help import` says what can be imported")
            }
            ImportError::Nothing(_) => {
                failure(Code::Nothing).hint("`snap help import` says what can be imported")
            }
            ImportError::Scratch(_) => failure(Code::Failed)
                .hint("free some space there, or name another folder in TMPDIR"),
            ImportError::Read { .. } => failure(Code::Failed),
        }
    }
}
