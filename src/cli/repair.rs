//! `snap repair`

use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::open::{open, this_writer};
use super::progress::Progress;
use super::text::count;
use crate::ops::{IndexRepair, SnapshotRepair, accept_lost, repair_index, repair_snapshots};
use serde::Serialize;

const AFTER_HELP: &str = "\
`snap check` says which of the two helps. Both leave alone what is right, and
may be run while backups are running.";

/// Mend what `snap check` found.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Make the index whole again, from the packs themselves
    Index,
    /// Bring back snapshots that cannot be read, from the spare copies in their packs
    Snapshots {
        /// Accept that the others are lost: check does not name them again
        #[arg(long)]
        accept_lost: bool,
    },
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let repository = open(context)?;
    let progress = Progress::start(context);
    let (writer, monitor) = (this_writer(), progress.monitor());
    match arguments.what {
        What::Index => {
            let repair = repair_index(&repository, &writer, &monitor);
            drop(progress);
            print_index(context, &repair?)
        }
        What::Snapshots { accept_lost: accept } => {
            let repair = repair_snapshots(&repository, &writer, &monitor);
            drop(progress);
            let repair = repair?;
            let is_mended = repair.hopeless.is_empty();
            let accepted = (accept && is_mended).then(|| accept_lost(&repository)).transpose()?;
            print_snapshots(context, &repair, accepted)
        }
    }
}

#[derive(Serialize)]
struct IndexSummary<'a> {
    packs_added: u64,
    objects_removed: &'a [String],
    unreadable_packs: &'a [String],
}

fn print_index(context: &Context, repair: &IndexRepair) -> Result<Code, Failure> {
    let IndexRepair { packs_added, objects_removed, unreadable_packs } = repair;
    let packs_added = *packs_added;
    let summary = IndexSummary { packs_added, objects_removed, unreadable_packs };
    context.output.object("summary", &summary)?;
    for name in objects_removed {
        context.output.line(format!("removed {name}, which could not be read"))?;
    }
    for name in unreadable_packs {
        context.output.line(format!("cannot read {name}: what it holds stays lost"))?;
    }
    context.output.say(match (packs_added, objects_removed.is_empty()) {
        (0, true) => "the index is whole".to_owned(),
        (packs, _) => format!("added {} to the index", count(packs, "pack", "packs")),
    })?;
    Ok(if unreadable_packs.is_empty() { Code::Done } else { Code::Damage })
}

#[derive(Serialize)]
struct SnapshotsSummary {
    restored: Vec<Restored>,
    forgotten_again: Vec<String>,
    hopeless: Vec<Hopeless>,
    /// With --accept-lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted_lost: Option<u64>,
}

#[derive(Serialize)]
struct Restored {
    id: String,
    original: String,
}

#[derive(Serialize)]
struct Hopeless {
    object: String,
    why: String,
}

fn print_snapshots(
    context: &Context,
    repair: &SnapshotRepair,
    accepted: Option<u64>,
) -> Result<Code, Failure> {
    let SnapshotRepair { restored, forgotten_again, hopeless } = repair;
    let summary = SnapshotsSummary {
        restored: restored
            .iter()
            .map(|(old, new)| Restored { id: new.hex(), original: old.hex() })
            .collect(),
        forgotten_again: forgotten_again.iter().map(|id| id.hex()).collect(),
        hopeless: hopeless
            .iter()
            .map(|(object, why)| Hopeless { object: object.clone(), why: why.clone() })
            .collect(),
        accepted_lost: accepted,
    };
    context.output.object("summary", &summary)?;
    for (old, new) in restored {
        let (old, new) = (old.short(), new.short());
        context.output.line(format!("brought back snapshot {old} as {new}"))?;
    }
    for id in forgotten_again {
        context.output.line(format!("forgot snapshot {} again", id.short()))?;
    }
    for (object, why) in hopeless {
        context.output.line(format!("no spare copy of {object}: {why}"))?;
    }
    if let Some(lost @ 1..) = accepted {
        let lost = count(lost, "lost snapshot", "lost snapshots");
        context.output.line(format!("{lost} accepted: the chains are whole again"))?;
    } else if restored.is_empty() && forgotten_again.is_empty() && hopeless.is_empty() {
        context.output.say("all snapshots can be read")?;
    }
    Ok(if hopeless.is_empty() { Code::Done } else { Code::Damage })
}
