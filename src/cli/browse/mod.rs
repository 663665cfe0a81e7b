//! `snap browse`

mod app;
mod contents;
mod cursor;
mod describe;
mod draw;
mod folder;
mod frame;
mod help;
mod key;
mod pager;
mod restoring;
#[cfg(test)]
mod sample;
mod terminal;
#[cfg(test)]
mod tests;
mod versions;

use super::asked::{Asked, find};
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::open::open;
use super::place::find_places;
use super::select::{FilterFlags, read_ledger};
use crate::model::{EntryPath, Snapshot, SnapshotKind};
use crate::ops::view::View;
use crate::repo::{Ledger, Repository};
use app::{App, Request};
use contents::{root_path, shown_path};
use draw::Painter;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::sync::Arc;

const AFTER_HELP: &str = "\
Examples:
  snap browse
  snap browse latest
  snap browse 1a2b3c4d:/srv/bot
  snap browse --host bot

Arrows move, Enter opens, Backspace goes back; / finds a name, Space marks, r
restores what is marked to a folder, v shows the versions of a file, ? shows
all keys. Nothing that is on the disk is replaced: a restore leaves alone what
is there. Databases become files there, in the layout of mongodump; `snap
restore` puts them back into a server.";

/// Look through snapshots in the terminal, and restore from them.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Begin in this snapshot (an id or latest), or at a path of it: ID:PATH
    #[arg(value_name = "ID")]
    snapshot: Option<OsString>,

    /// Show what restores and rollbacks kept for safety, too
    #[arg(short, long)]
    all: bool,
    #[command(flatten)]
    filter: FilterFlags,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    require_terminal(context)?;
    let filter = arguments.filter.filter()?;
    let repository = open(context)?;
    let ledger = read_ledger(context, &repository)?;
    let is_meant = |one: &&Snapshot| {
        filter.matches(one) && (arguments.all || one.kind == SnapshotKind::Backup)
    };
    let mut snapshots: Vec<Arc<Snapshot>> =
        ledger.live.iter().filter(is_meant).cloned().map(Arc::new).collect();
    snapshots.reverse();
    let start = start(context, arguments, &ledger, &repository)?;
    let view = View::new(Arc::clone(&repository))?;
    let mut app = App::new(&view, snapshots, context.now.time_zone().clone());
    if let Some((snapshot, path)) = start {
        app.go_to(&snapshot, &path).map_err(|why| Failure::new(Code::Failed, why))?;
    }
    let painter = Painter { has_colour: context.environment.get("NO_COLOR").is_none() };
    let restore = |request: &Request| restoring::restore(context, &repository, request);
    terminal::run(&mut app, painter, &context.stop, &restore)?;
    if context.stop.is_asked() { Err(Failure::stopped()) } else { Ok(Code::Done) }
}

fn require_terminal(context: &Context) -> Result<(), Failure> {
    let is_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    match is_terminal && !context.output.is_json() {
        true => Ok(()),
        false => Err(Failure::usage("browse needs a terminal to show itself in").hint(
            "`snap ls` lists what is in a snapshot, `snap restore` gets it back, also in scripts",
        )),
    }
}

/// Where to begin, if it was said.
fn start(
    context: &Context,
    arguments: &Arguments,
    ledger: &Ledger,
    repository: &Arc<Repository>,
) -> Result<Option<(Arc<Snapshot>, EntryPath)>, Failure> {
    let Some(word) = &arguments.snapshot else { return Ok(None) };
    let asked = Asked::new(context, None, std::slice::from_ref(word))?;
    let snapshot = find(context, ledger, &asked, &arguments.filter.filter()?)?;
    let reader = crate::repo::BlobReader::for_reading(Arc::clone(repository))?;
    let places = find_places(&reader, snapshot, &asked.paths)?;
    let (mut path, snapshot) = (EntryPath::root(), Arc::new(snapshot.clone()));
    if let Some(place) = places.first() {
        path = shown_path(&root_path(&snapshot), &place.path);
    }
    Ok(Some((snapshot, path)))
}
