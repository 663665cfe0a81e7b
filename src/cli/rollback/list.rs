//! What can be undone.

use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::table::{Cell, Table};
use crate::cli::text::{count, grouped, readable, time};
use crate::model::SnapshotSource;
use crate::ops::InPlaceRun;
use jiff::Timestamp;
use serde::Serialize;

/// What a run was.
pub fn word(run: &InPlaceRun) -> &'static str {
    if run.is_rollback() { "rollback of" } else { "restore of" }
}

fn sources(run: &InPlaceRun) -> impl Iterator<Item = &SnapshotSource> {
    run.parts().flat_map(|part| &part.safety.sources)
}

fn replaced(run: &InPlaceRun) -> u64 {
    run.parts().map(|part| part.replaced).sum()
}

fn created(run: &InPlaceRun) -> u64 {
    run.parts().map(|part| part.created).sum()
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
    /// Of the others, where it was of several: databases and files, or several servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    further_ids: Vec<String>,
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
            id: run.safety().id.hex(),
            short_id: run.safety().id.short(),
            time: run.safety().begun,
            kind: if run.is_rollback() { "rollback" } else { "restore" },
            from: run.from().hex(),
            further_ids: run.parts().skip(1).map(|part| part.safety.id.hex()).collect(),
            paths: sources(run).map(|source| text(&source.address)).collect(),
            files_replaced: replaced(run),
            files_created: created(run),
            undone: run.is_undone,
            unfinished: run.is_unfinished(),
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
            Cell::left(run.safety().id.short()),
            Cell::left(time(run.safety().begun, zone)),
            Cell::left(format!("{} {}", word(run), run.from().short())),
            Cell::right(grouped(replaced(run))),
            Cell::right(grouped(created(run))),
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
    let mut lines = table.render();
    lines.next().map_or(Ok(()), |head| context.output.line(head))?;
    for (line, run) in lines.zip(runs) {
        context.output.line(line)?;
        for source in sources(run) {
            context.output.line(format!("  {}", readable(&source.address)))?;
        }
    }
    Ok(())
}

fn state(run: &InPlaceRun) -> &'static str {
    match run {
        _ if run.is_undone => "undone",
        _ if run.is_continued() => "run again",
        _ if run.is_unfinished() => "not finished",
        _ => "",
    }
}
