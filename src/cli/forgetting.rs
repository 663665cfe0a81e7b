//! What `forget` and `prune` have in common: a policy's decisions are shown, then carried out.

use super::ask;
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::json::{NoteMessage, SnapshotMessage};
use super::progress::Progress;
use super::retention::Retention;
use super::select::read_ledger;
use super::snapshots::group_title;
use super::table::{Cell, Table};
use super::text::{count, time};
use crate::model::{Snapshot, SnapshotKind};
use crate::ops::{ForgetGroup, forget, plan_forget};
use crate::policy::{Decision, GroupBy, group};
use crate::repo::{Ledger, Repository};
use serde::Serialize;

/// Which snapshots go.
#[derive(Default)]
pub struct Decided {
    pub forgotten: Vec<Snapshot>,
    kept: u64,
    /// Groups that a policy would have emptied: they stay as they are.
    refused: u64,
}

/// A snapshot with what becomes of it.
#[derive(Serialize)]
struct DecisionMessage {
    #[serde(flatten)]
    snapshot: SnapshotMessage,
    keep: bool,
    reasons: Vec<String>,
}

impl DecisionMessage {
    fn new(snapshot: &Snapshot, keep: bool, reasons: Vec<String>) -> Self {
        Self { snapshot: SnapshotMessage::from(snapshot), keep, reasons }
    }
}

/// What JSON summaries say of forgetting.
#[derive(Serialize)]
pub struct ForgetSummary {
    snapshots_kept: u64,
    snapshots_forgotten: u64,
    groups_refused: u64,
}

/// Has a policy decide, and shows it: with `all` every snapshot and why, else those that go.
pub fn decide(
    context: &Context,
    repository: &Repository,
    retention: &Retention,
    all: bool,
) -> Result<Decided, Failure> {
    let ledger = readable_ledger(context, repository)?;
    let Retention { policy, by, filter, .. } = retention;
    let plan = plan_forget(repository, policy, *by, filter, &context.now)?;
    let mut decided = Decided::default();
    for group in &plan.groups {
        show(context, group, all || context.output.is_verbose())?;
        if let Some(refused) = &group.refused {
            let title = group_title(&group.key);
            context.output.warning(&title, &refused.to_string(), "forgetting");
            decided.refused += 1;
        }
        decided.kept += group.decisions.iter().filter(|(_, decision)| decision.keep).count() as u64;
    }
    decided.forgotten = plan.forgotten().cloned().collect();
    show_untouched(context, &ledger, retention)?;
    if decided.is_empty() {
        return Ok(decided);
    }
    let (kept, forgotten) = (decided.kept, decided.forgotten.len() as u64);
    let kept = count(kept, "snapshot stays", "snapshots stay");
    context.output.say(format!("{kept}, {}", count(forgotten, "goes", "go")))?;
    Ok(decided)
}

/// A snapshot that cannot be read may be the one that a rule would keep.
fn readable_ledger(context: &Context, repository: &Repository) -> Result<Ledger, Failure> {
    let ledger = read_ledger(context, repository)?;
    match ledger.unreadable.len() as u64 {
        0 => Ok(ledger),
        number => {
            let objects = count(number, "snapshot object", "snapshot objects");
            let message = format!("{objects} cannot be read, so nothing is forgotten by rules");
            Err(Failure::new(Code::Damage, message)
                .hint("`snap repair snapshots` brings snapshots back"))
        }
    }
}

/// So many groups are named.
const NAMED: usize = 5;

/// Names the snapshots of the profile's host that no profile forgets by its rules: those of before
/// its sources or tags were changed, say.
fn show_untouched(
    context: &Context,
    ledger: &Ledger,
    retention: &Retention,
) -> Result<(), Failure> {
    let Some(own) = retention.looked_after.first() else { return Ok(()) };
    let is_untouched = |snapshot: &&Snapshot| {
        snapshot.kind == SnapshotKind::Backup
            && own.hosts.contains(&snapshot.host.name)
            && !retention.looked_after.iter().any(|filter| filter.matches(snapshot))
    };
    let untouched: Vec<&Snapshot> = ledger.live.iter().filter(is_untouched).collect();
    if untouched.is_empty() {
        return Ok(());
    }
    let number = count(untouched.len() as u64, "snapshot", "snapshots");
    let verb = if untouched.len() == 1 { "is" } else { "are" };
    let message =
        format!("{number} of other sources or tags {verb} not touched by the profile's policy");
    context.output.object("note", &NoteMessage { item: "retention", message: &message })?;
    context.output.say(format!("{message}:"))?;
    let groups = group(untouched, GroupBy { host: false, paths: true, tags: true });
    for group in groups.iter().take(NAMED) {
        let number = group.snapshots.len();
        context.output.say(format!("  {number:>4}  {}", group_title(&group.key)))?;
    }
    if let Some(more) = groups.len().checked_sub(NAMED).filter(|more| *more > 0) {
        context.output.say(format!("        and {more} more kinds"))?;
    }
    context.output.say("  rules given as flags are for all: snap prune --keep-daily 7 --dry-run")
}

impl Decided {
    /// Those that the user named.
    pub fn named(
        context: &Context,
        forgotten: Vec<Snapshot>,
        live: usize,
    ) -> Result<Self, Failure> {
        for snapshot in &forgotten {
            let message = DecisionMessage::new(snapshot, false, vec!["named".to_owned()]);
            context.output.object("snapshot", &message)?;
        }
        let kept = live.saturating_sub(forgotten.len()) as u64;
        Ok(Self { forgotten, kept, refused: 0 })
    }

    pub fn summary(&self) -> ForgetSummary {
        ForgetSummary {
            snapshots_kept: self.kept,
            snapshots_forgotten: self.forgotten.len() as u64,
            groups_refused: self.refused,
        }
    }

    /// Whether there was no snapshot to decide about.
    pub fn is_empty(&self) -> bool {
        self.kept == 0 && self.refused == 0 && self.forgotten.is_empty()
    }

    /// How the command ends, all else being well.
    pub fn code(&self) -> Result<Code, Failure> {
        if self.refused == 0 {
            return Ok(Code::Done);
        }
        let groups = count(self.refused, "group was", "groups were");
        Err(Failure::new(Code::Failed, format!("{groups} left as they are"))
            .hint("add a rule that keeps some of them, or forget them by their ids"))
    }
}

fn show(context: &Context, group: &ForgetGroup, all: bool) -> Result<(), Failure> {
    let zone = context.now.time_zone();
    let mut table = Table::new(["", "id", "begun", "why"].map(Cell::left));
    let shown = group.decisions.iter().filter(|(_, decision)| all || !decision.keep);
    let mut rows = 0;
    for (snapshot, decision) in shown {
        let Decision { keep, reasons, .. } = decision;
        let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
        let message = DecisionMessage::new(snapshot, *keep, reasons.clone());
        context.output.object("snapshot", &message)?;
        table.row([
            Cell::left(if *keep { "keep" } else { "forget" }),
            Cell::left(snapshot.id.short()),
            Cell::left(time(snapshot.begun, zone)),
            Cell::lines(reasons),
        ]);
        rows += 1;
    }
    if rows == 0 || context.output.is_quiet() {
        return Ok(());
    }
    context.output.line(format!("{}:", group_title(&group.key)))?;
    table.render().try_for_each(|line| context.output.line(line))?;
    context.output.line("")
}

/// Forgets what was decided; asks first where somebody is there to answer.
pub fn forget_all(
    context: &Context,
    repository: &Repository,
    decided: &Decided,
    ask: bool,
) -> Result<(), Failure> {
    let snapshots = &decided.forgotten;
    if snapshots.is_empty() {
        return Ok(());
    }
    let number = count(snapshots.len() as u64, "snapshot", "snapshots");
    if ask && ask::is_possible() && !ask::confirm(&format!("forget {number}?"), &context.stop)? {
        return Err(not_confirmed());
    }
    let progress = Progress::start(context);
    let forgotten = forget(repository, snapshots.iter(), progress.monitor().as_ref());
    drop(progress);
    forgotten?;
    for snapshot in snapshots.iter().filter(|_| context.output.is_verbose()) {
        context.output.line(format!("forgot snapshot {}", snapshot.id.short()))?;
    }
    context.output.say(format!("forgot {number}"))
}

/// The answer was no.
pub fn not_confirmed() -> Failure {
    Failure::new(Code::Failed, "nothing was changed").hint("--yes does it without asking")
}
