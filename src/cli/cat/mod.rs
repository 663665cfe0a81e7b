//! `snap cat`

mod identify;
mod segment;
mod show;
mod tree;

use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::open::open;
use crate::repo::Repository;
use serde::Serialize;
use serde_json::Value;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

const AFTER_HELP: &str = "\
Examples:
  snap cat config
  snap cat snapshot latest
  snap cat tree latest:/srv/bot      a folder, as it is stored
  snap cat blob 3f2a9c01 | less
  snap cat index 77aa01d4

Kinds and what names one: config; snapshot, session, forgotten ID; index,
pack, damaged ID; tree ID[:PATH] (a snapshot's, or a piece's own id); blob ID
(its bytes, as they were before they were sealed); key ID (its head); mark
NUMBER; segment STREAM/NUMBER (of the change log: the headers of its object).
The start of an ID is enough.

Bytes are shown in hexadecimal. A name that is not UTF-8, or has control
characters or backslashes, is written as `snap ls` does, with \\xff for a byte;
its bytes are beside it, as name_hex.

Master keys are not shown: on a screen, in a log or in a shell's history they
open the repository for everyone, and no password change takes that back.";

/// Show an object of the repository as JSON.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// What kind of object
    #[arg(value_name = "KIND", value_enum)]
    kind: KindFlag,
    /// Which one: an id or how it begins, ID:PATH of a tree, the number of a mark
    #[arg(value_name = "ID")]
    id: Option<OsString>,
}

#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum KindFlag {
    Config,
    Snapshot,
    Tree,
    Blob,
    Index,
    Pack,
    Key,
    Session,
    Forgotten,
    Mark,
    Damaged,
    Segment,
    #[value(hide = true)]
    Masterkey,
}

impl KindFlag {
    fn word(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Snapshot => "snapshot",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Index => "index",
            Self::Pack => "pack",
            Self::Key => "key",
            Self::Session => "session",
            Self::Forgotten => "forgotten",
            Self::Mark => "mark",
            Self::Damaged => "damaged",
            Self::Segment => "segment",
            Self::Masterkey => "masterkey",
        }
    }
}

/// `object`
#[derive(Serialize)]
struct ObjectMessage<'a> {
    kind: &'static str,
    id: &'a str,
    object: &'a Value,
}

/// What an object turned out to be.
pub enum Shown {
    Json { id: String, object: Value },
    Bytes(Vec<u8>),
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let kind = arguments.kind;
    if kind == KindFlag::Masterkey {
        return Err(Failure::usage("master keys are not shown").hint(
            "whoever sees one can open the repository for ever, whatever the password; to have a \
             second way in, keep a copy of a key file, or of the folder keys/ with its password",
        ));
    }
    if kind == KindFlag::Blob && context.output.is_json() {
        return Err(Failure::usage("a blob is bytes, and not JSON")
            .hint("leave out --json; `snap cat tree ID` shows pieces of folders as JSON"));
    }
    let repository = open(context)?;
    match show(context, &repository, kind, arguments.id.as_ref())? {
        Shown::Bytes(bytes) => write(context, &bytes)?,
        Shown::Json { id, object } if context.output.is_json() => {
            let message = ObjectMessage { kind: kind.word(), id: &id, object: &object };
            context.output.object("object", &message)?;
        }
        Shown::Json { object, .. } => {
            let text = serde_json::to_string_pretty(&object).map_err(io::Error::from)?;
            context.output.line(text)?;
        }
    }
    Ok(Code::Done)
}

fn show(
    context: &Context,
    repository: &Arc<Repository>,
    kind: KindFlag,
    id: Option<&OsString>,
) -> Result<Shown, Failure> {
    let word = match (kind, id) {
        (KindFlag::Config, None) => return Ok(show::config(repository)),
        (KindFlag::Config, Some(_)) => {
            return Err(Failure::usage("there is only one config").hint("write `snap cat config`"));
        }
        (_, Some(word)) => word,
        (kind, None) => {
            let word = kind.word();
            let hint = format!("write `snap cat {word} ID`; `snap cat --help` says what IDs are");
            return Err(Failure::usage(format!("no {word} was named")).hint(hint));
        }
    };
    let text = word.to_string_lossy();
    match kind {
        KindFlag::Snapshot => show::snapshot(context, repository, word),
        KindFlag::Tree => tree::show(context, repository, word),
        KindFlag::Blob => show::blob(repository, &text),
        KindFlag::Index => show::index(repository, &text),
        KindFlag::Pack => show::pack(repository, &text),
        KindFlag::Key => show::key(repository, &text),
        KindFlag::Session => show::session(repository, &text),
        KindFlag::Forgotten => show::forgotten(repository, &text),
        KindFlag::Mark => show::mark(repository, &text),
        KindFlag::Damaged => show::damaged(repository, &text),
        KindFlag::Segment => segment::segment(repository, &text),
        KindFlag::Config | KindFlag::Masterkey => Ok(show::config(repository)),
    }
}

/// Bytes as they are; a screen gets texts only.
fn write(context: &Context, bytes: &[u8]) -> Result<(), Failure> {
    let is_text = std::str::from_utf8(bytes)
        .is_ok_and(|text| text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t')));
    if io::stdout().is_terminal() && !is_text {
        return Err(Failure::usage("the blob is no text that a terminal can show")
            .hint("write `| xxd` or `> FILE` behind it"));
    }
    context.output.flush()?;
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    Ok(stdout.flush()?)
}
