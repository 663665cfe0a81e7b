//! `--at` and `--before` of a restore.

use super::Arguments;
use super::databases::is_wanted;
use crate::cli::asked::Asked;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::moment::{self, Wanted};
use crate::model::Snapshot;
use crate::ops::Until;
use crate::repo::{Ledger, Repository};
use std::sync::Arc;

/// What was asked for, and, with a time, how far databases go.
pub fn asked(context: &Context, arguments: &Arguments) -> Result<(Asked, Option<Until>), Failure> {
    let (at, until) = match (&arguments.at, &arguments.before) {
        (None, None) => return Ok((Asked::new(context, None, &arguments.words)?, None)),
        (Some(text), _) => moment::at(context, text)?,
        (None, Some(text)) => moment::before(context, text)?,
    };
    let asked = Asked { word: None, at: Some(at), paths: arguments.words.clone() };
    Ok((asked, until.filter(|_| !arguments.no_log)))
}

/// The snapshot as it is at the moment, where databases are restored.
pub fn rolled(
    context: &Context,
    arguments: &Arguments,
    (repository, ledger): (&Arc<Repository>, &Ledger),
    (asked, until): (&Asked, Option<Until>),
    snapshot: Snapshot,
) -> Result<Snapshot, Failure> {
    let names_databases = asked.paths.iter().any(|path| !path.as_encoded_bytes().starts_with(b"/"));
    let wants = match asked.paths.is_empty() {
        true => is_wanted(arguments, false),
        false => names_databases || arguments.databases.selects(),
    };
    let wanted = Wanted {
        repository,
        ledger,
        asked,
        until: until.filter(|_| wants),
        addresses: arguments.databases.address_files(),
        wants_files: !arguments.databases.selects(),
        say: &|line| context.output.say(line),
    };
    moment::rolled(context, &wanted, snapshot)
}
