//! `snap ls`

pub mod node;

pub use node::permissions;

use super::asked::{Asked, find, fuzzy_line, lines_about};
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::json::SnapshotMessage;
use super::open::open;
use super::place::{SnapshotPlace, find_places, find_sources};
use super::select::{FilterFlags, read_ledger};
use crate::model::{Directory, Entry, EntryPath, Kind, Snapshot};
use crate::ops::walk_tree;
use crate::repo::BlobReader;
use node::{Node, long_line, shown_path};
use std::ffi::OsString;

const AFTER_HELP: &str = "\
Examples:
  snap ls latest
  snap ls -l 1a2b3c4d /srv/bot
  snap ls -l 1a2b3c4d:/srv/bot            the same
  snap ls -R --at yesterday /srv/bot/data
  snap ls -l latest bot                   the collections of a database";

/// List what is in a snapshot.
#[derive(clap::Args)]
#[command(
    after_help = AFTER_HELP,
    override_usage = "snap ls <ID|latest> [PATH]...\n       snap ls --at <TIME> [PATH]...",
)]
pub struct Arguments {
    /// The snapshot (an id or latest; not with --at), and folders or files in it [default: the
    /// sources]
    #[arg(value_name = "SNAPSHOT, PATH")]
    words: Vec<OsString>,
    /// Take the newest snapshot begun not after this
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Show mode, owner, size and time, too
    #[arg(short, long)]
    long: bool,
    /// Show all that is below
    #[arg(short = 'R', long)]
    recursive: bool,

    #[command(flatten)]
    filter: FilterFlags,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let asked = Asked::new(context, arguments.at.as_ref(), &arguments.words)?;
    let filter = arguments.filter.filter()?;
    let repository = open(context)?;
    let ledger = read_ledger(context, &repository)?;
    let snapshot = find(context, &ledger, &asked, &filter)?;
    let reader = BlobReader::for_reading(repository)?;
    let fuzzy = fuzzy_line(&reader, snapshot);
    let mut message = SnapshotMessage::from(snapshot);
    message.fuzzy = fuzzy.is_some();
    context.output.object("snapshot", &message)?;
    // On the side: what was asked for is the list.
    lines_about(context, snapshot, asked.at.as_ref()).iter().for_each(|line| {
        context.output.aside_line(line);
    });
    fuzzy.iter().for_each(|line| context.output.aside_line(line));
    for place in places(&reader, snapshot, &asked.paths)? {
        list(context, arguments, &reader, &place)?;
    }
    Ok(Code::Done)
}

/// What is to be listed: the paths, or all sources.
fn places(
    reader: &BlobReader,
    snapshot: &Snapshot,
    paths: &[OsString],
) -> Result<Vec<SnapshotPlace>, Failure> {
    if !paths.is_empty() {
        return find_places(reader, snapshot, paths);
    }
    Ok(find_sources(reader, snapshot)?)
}

/// A directory's content; of anything else itself.
fn list(
    context: &Context,
    arguments: &Arguments,
    reader: &BlobReader,
    place: &SnapshotPlace,
) -> Result<(), Failure> {
    let print = |path: &EntryPath, entry: &Entry| {
        if context.stop.is_asked() {
            return Err(Failure::stopped());
        }
        context.output.object("node", &Node::new(path, entry))?;
        match (context.output.is_json(), arguments.long) {
            (true, _) => Ok(()),
            (false, true) => context.output.line(long_line(path, entry, context.now.time_zone())),
            (false, false) => context.output.line(shown_path(path, entry)),
        }
    };
    let tree = match &place.entry {
        Entry { kind: Kind::Directory(Directory { tree, .. }), .. } => *tree,
        entry => return print(&place.path, entry),
    };
    match tree {
        Some(tree) => walk_tree(reader, &place.path, tree, &mut |path, entry| {
            print(path, entry).map(|()| arguments.recursive)
        }),
        None => Ok(()),
    }
}
