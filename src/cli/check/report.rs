//! What a check found, for people and as JSON.

use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::text::count;
use crate::model::SessionId;
use crate::ops::{CheckReport, Damage, Verification};
use crate::policy::{format_duration, format_size};
use crate::settings::config::CheckSchedule;
use jiff::Timestamp;
use serde::Serialize;
use std::time::Duration;

/// So many snapshots are named for an object, to people.
const NAMED: usize = 6;

#[derive(Serialize)]
struct DamageMessage<'a> {
    error: DamageText<'a>,
    during: &'static str,
    item: &'a str,
    /// Files that cannot be restored whole, as `snapshot:path`; the first few.
    files: &'a [String],
    more_files: u64,
    /// All that need something of it, the newest first.
    snapshots: Vec<String>,
}

#[derive(Serialize)]
struct DamageText<'a> {
    message: &'a str,
}

pub fn name(context: &Context, damage: &Damage) -> Result<(), Failure> {
    let Damage { object, why, files, more_files, snapshots, .. } = damage;
    let why = why.strip_prefix(&format!("{object} is damaged: ")).unwrap_or(why);
    let message = DamageMessage {
        error: DamageText { message: why },
        during: "checking",
        item: object,
        files,
        more_files: *more_files,
        snapshots: snapshots.iter().map(|id| id.hex()).collect(),
    };
    context.output.object("error", &message)?;
    context.output.line(format!("damaged: {object}\n  {why}"))?;
    for file in files {
        // Nothing after the snapshot: its root.
        let root = if file.ends_with(':') { "/" } else { "" };
        context.output.line(format!("  touches {file}{root}"))?;
    }
    if *more_files > 0 {
        let more = count(*more_files, "file", "files");
        context.output.line(format!("  and {more} more"))?;
    }
    if let [_, _, ..] = snapshots.as_slice() {
        context.output.line(format!("  in {}", in_snapshots(snapshots)))?;
    }
    Ok(())
}

/// `4 snapshots: 1a2b3c4d 5e6f7a8b …`
fn in_snapshots(snapshots: &[SessionId]) -> String {
    let mut text = count(snapshots.len() as u64, "snapshot", "snapshots") + ":";
    for id in snapshots.iter().take(NAMED) {
        text.push(' ');
        text += &id.short();
    }
    if snapshots.len() > NAMED {
        text.push_str(" …");
    }
    text
}

#[derive(Serialize)]
pub struct Summary<'a> {
    num_errors: u64,
    broken_packs: Vec<&'a str>,
    suggest_repair_index: bool,
    snapshots: u64,
    trees: u64,
    blobs: u64,
    packs: u64,
    packs_read: u64,
    bytes_read: u64,
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    verification: Option<VerificationSummary>,
    notes: &'a [String],
    /// What is to be kept elsewhere for --witness.
    witness: &'a str,
    total_duration: f64,
}

/// Of all packs, after data was read.
#[derive(Serialize)]
struct VerificationSummary {
    /// Within --max-age, or ever.
    packs_verified: u64,
    bytes_verified: u64,
    packs_never_verified: u64,
    /// Due, and not read because the time was up.
    packs_left: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest_verified: Option<Timestamp>,
}

impl From<&Verification> for VerificationSummary {
    fn from(verification: &Verification) -> Self {
        Self {
            packs_verified: verification.packs,
            bytes_verified: verification.bytes,
            packs_never_verified: verification.never,
            packs_left: verification.left,
            oldest_verified: verification.oldest,
        }
    }
}

impl<'a> Summary<'a> {
    pub fn new(report: &'a CheckReport, witness: &'a str, elapsed: Duration) -> Self {
        let packs = report.damages.iter().filter_map(|damage| {
            let (folder, rest) = damage.object.split_once('/')?;
            (folder == "packs").then(|| rest.rsplit('/').next().unwrap_or(rest))
        });
        Self {
            num_errors: report.damages.len() as u64,
            broken_packs: packs.collect(),
            suggest_repair_index: suggests_index(report),
            snapshots: report.snapshots,
            trees: report.trees,
            blobs: report.blobs,
            packs: report.packs,
            packs_read: report.packs_read,
            bytes_read: report.bytes_read,
            verification: report.verification.as_ref().map(VerificationSummary::from),
            notes: &report.notes,
            witness,
            total_duration: elapsed.as_secs_f64(),
        }
    }
}

pub fn print(
    context: &Context,
    schedule: &CheckSchedule,
    report: &CheckReport,
    elapsed: Duration,
) -> Result<(), Failure> {
    for note in &report.notes {
        context.output.say(format!("note: {note}"))?;
    }
    context.output.say(format!(
        "checked {}, {}, {} in {}",
        count(report.snapshots, "snapshot", "snapshots"),
        count(report.trees, "tree", "trees"),
        count(report.packs, "pack", "packs"),
        format_duration(elapsed),
    ))?;
    if report.packs_read > 0 {
        let packs = count(report.packs_read, "pack", "packs");
        context.output.say(format!("read {packs}, {}", format_size(report.bytes_read)))?;
    }
    if let Some(verification) = &report.verification {
        print_verification(context, schedule, verification)?;
    }
    if report.damages.is_empty() {
        context.output.say("no damage found")?;
    }
    Ok(())
}

/// How much is verified, where somebody asked for it or it is not all.
fn print_verification(
    context: &Context,
    schedule: &CheckSchedule,
    verification: &Verification,
) -> Result<(), Failure> {
    let Verification { packs, all_packs, left, .. } = *verification;
    let is_limited = schedule.max_age.is_some() || schedule.max_duration.is_some();
    if packs == all_packs && !is_limited {
        return Ok(());
    }
    if left > 0 {
        let packs = count(left, "pack is", "packs are");
        context.output.say(format!("the time is up: {packs} left to the next check"))?;
    }
    let since = match schedule.max_age {
        Some(age) => format!("verified within {age}"),
        None => "verified so far".to_owned(),
    };
    context.output.say(format!(
        "{since}: {packs} of {}, {} of {}{}",
        count(all_packs, "pack", "packs"),
        format_size(verification.bytes),
        format_size(verification.all_bytes),
        longest_ago(context, verification),
    ))?;
    match verification.is_remembered {
        true => Ok(()),
        false => {
            context.output.say("  which the next check will not know, for no local copies are kept")
        }
    }
}

fn longest_ago(context: &Context, verification: &Verification) -> String {
    match (verification.never, verification.oldest) {
        (0, Some(oldest)) => {
            let age = context.now.timestamp().duration_since(oldest);
            let age = Duration::try_from(age).unwrap_or_default();
            format!("; the longest ago {} ago", format_duration(age))
        }
        (0, None) => String::new(),
        (never, _) => format!("; {} never", count(never, "pack", "packs")),
    }
}

/// Whether an object of this folder is damaged.
fn has(report: &CheckReport, folder: &str) -> bool {
    report.damages.iter().any(|damage| damage.object.starts_with(folder))
}

fn names_index_repair(damage: &Damage) -> bool {
    damage.object.starts_with("index/") || damage.why.contains("`snap repair index`")
}

fn suggests_index(report: &CheckReport) -> bool {
    report.damages.iter().any(names_index_repair)
}

pub fn damaged(damages: u64, report: &CheckReport) -> Failure {
    let mut steps = Vec::new();
    if suggests_index(report) {
        steps.push("`snap repair index` makes the index whole");
    }
    if has(report, "snapshots/") || has(report, "forgotten/") {
        steps.push("`snap repair snapshots` brings snapshots back");
    }
    let is_indexed = |damage: &&Damage| !names_index_repair(damage);
    let packs = report.damages.iter().filter(|damage| damage.object.starts_with("packs/"));
    let packs: Vec<&Damage> = packs.filter(is_indexed).collect();
    if !packs.is_empty() {
        steps.push("run `snap backup` again: what it still finds is stored anew");
    }
    if packs.iter().any(|damage| damage.was_known) {
        steps.push(
            "it was known before: what no backup has brought back is lost here, so `snap forget` \
             the snapshots that are named, or `snap copy` them from another repository",
        );
    }
    if has(report, "chain of writer") || has(report, "what was forgotten") {
        steps.push(
            "the storage hides snapshots, lost them, or was put back to an older state: if you \
             know why, `snap repair snapshots --accept-lost` brings back what it can and accepts \
             the rest",
        );
    }
    if steps.is_empty() {
        steps.push("nothing mends this; what is named above is what is lost");
    }
    let objects = count(damages, "object is", "objects are");
    Failure::new(Code::Damage, format!("{objects} damaged")).hint(steps.join("; "))
}
