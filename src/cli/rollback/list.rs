//! What can be undone.

use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::table::{Cell, Table};
use crate::cli::text::{count, grouped, readable, time};
use crate::ops::InPlaceRun;
use jiff::Timestamp;
use serde::Serialize;

/// What a run was.
pub fn word(run: &InPlaceRun) -> &'static str {
    if run.origin.is_rollback { "rollback of" } else { "restore of" }
}

#[derive(Serialize)]
struct RunMessage {
    /// Of its safety snapshot.
    id: String,
    short_id: String,
    time: Timestamp,
    kind: &'static str,
    /// The snapshot that was restored, or the safety snapshot that was undone.
    from: String,
    paths: Vec<String>,
    files_replaced: u64,
    files_created: u64,
    undone: bool,
    unfinished: bool,
}

impl From<&InPlaceRun> for RunMessage {
    fn from(run: &InPlaceRun) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            id: run.safety.id.hex(),
            short_id: run.safety.id.short(),
            time: run.safety.begun,
            kind: if run.origin.is_rollback { "rollback" } else { "restore" },
            from: run.origin.from.hex(),
            paths: run.safety.sources.iter().map(|source| text(&source.address)).collect(),
            files_replaced: run.replaced,
            files_created: run.created,
            undone: run.is_undone,
            unfinished: run.is_unfinished,
        }
    }
}

/// All of this host, oldest first.
pub fn print(context: &Context, runs: &[InPlaceRun]) -> Result<Code, Failure> {
    let zone = context.now.time_zone();
    let head = ["id", "time", "what"].map(Cell::left).into_iter();
    let head = head.chain(["changed", "made"].map(Cell::right));
    let mut table = Table::new(head.chain([Cell::left("")]));
    for run in runs {
        context.output.object("run", &RunMessage::from(run))?;
        table.row([
            Cell::left(run.safety.id.short()),
            Cell::left(time(run.safety.begun, zone)),
            Cell::left(format!("{} {}", word(run), run.origin.from.short())),
            Cell::right(grouped(run.replaced)),
            Cell::right(grouped(run.created)),
            Cell::left(state(run)),
        ]);
    }
    if !runs.is_empty() {
        print_with_paths(context, &table, runs)?;
    }
    let number = count(runs.len() as u64, "restore in place", "restores in place");
    context.output.say(number)?;
    Ok(Code::Done)
}

/// Paths stand below their run, for they may be long.
fn print_with_paths(context: &Context, table: &Table, runs: &[InPlaceRun]) -> Result<(), Failure> {
    let mut lines = table.render().into_iter();
    lines.next().map_or(Ok(()), |head| context.output.line(head))?;
    for (line, run) in lines.zip(runs) {
        context.output.line(line)?;
        for source in &run.safety.sources {
            context.output.line(format!("  {}", readable(&source.address)))?;
        }
    }
    Ok(())
}

fn state(run: &InPlaceRun) -> &'static str {
    match run {
        _ if run.is_undone => "undone",
        _ if run.is_continued => "run again",
        _ if run.is_unfinished => "not finished",
        _ => "",
    }
}
