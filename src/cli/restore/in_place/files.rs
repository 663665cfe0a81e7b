//! Files go back to where they came from.

use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::progress::Progress;
use crate::cli::restore::report::{PlanMessage, Summary, list, print_counts};
use crate::cli::table::{Cell, Table};
use crate::cli::text::{count, grouped};
use crate::model::Snapshot;
use crate::ops::{
    Conflict, InPlaceOptions, InPlaceReport, RestoreOptions, RestorePlan, RestoreReport,
    RestoreStep, plan_in_place, restore_in_place,
};
use crate::policy::{format_duration, format_size};
use crate::repo::Repository;
use std::sync::Arc;
use std::time::Duration;

/// The strategies, by their names.
pub const STRATEGIES: [(&str, Conflict); 3] =
    [("skip", Conflict::Skip), ("overwrite", Conflict::Overwrite), ("newest", Conflict::Newest)];

/// Files of a snapshot that are to go back.
pub struct Files<'a> {
    pub context: &'a Context,
    pub repository: &'a Arc<Repository>,
    pub snapshot: &'a Snapshot,
    pub options: RestoreOptions,
    pub place: InPlaceOptions,
}

impl Files<'_> {
    /// What each strategy would do; `lists` names each thing that the one in force would.
    pub fn plan(&self, lists: bool) -> Result<RestorePlan, Failure> {
        let Self { context, repository, snapshot, options, place } = self;
        let progress = Progress::start(context);
        let step = |step: RestoreStep<'_>| {
            if lists {
                list(context, &step);
            }
        };
        let plan = plan_in_place(repository, snapshot, options, place, &step, progress.monitor());
        drop(progress);
        Ok(plan?)
    }

    /// What was done, and the safety snapshot of what was there.
    pub fn perform(
        &self,
        conflict: Conflict,
    ) -> Result<(RestoreReport, Option<Snapshot>), Failure> {
        let Self { context, repository, snapshot, place, .. } = self;
        let options = RestoreOptions { conflict, ..self.options.clone() };
        let progress = Progress::start(context);
        let step = |step: RestoreStep<'_>| list(context, &step);
        let monitor = progress.monitor();
        let done = restore_in_place(repository, snapshot, &options, place, &step, monitor);
        let elapsed = progress.elapsed();
        drop(progress);
        let InPlaceReport { safety, report } = done?;
        let mut summary = Summary::new(&report, snapshot, &options, elapsed);
        summary.safety_snapshot_id = safety.as_ref().map(|safety| safety.id.hex());
        context.output.object("summary", &summary)?;
        self.print(safety.is_some(), &report, elapsed)?;
        Ok((report, safety))
    }

    fn print(
        &self,
        changes: bool,
        report: &RestoreReport,
        elapsed: Duration,
    ) -> Result<(), Failure> {
        let output = &self.context.output;
        if !report.matched {
            return output.line("nothing in the snapshot matches");
        }
        if changes {
            let (bytes, duration) = (format_size(report.bytes), format_duration(elapsed));
            output.say(format!("restored in place: {bytes} in {duration}"))?;
        } else {
            output.say("nothing to do: everything is there already, or stays")?;
        }
        print_counts(self.context, report)
    }
}

/// The counts of each strategy.
pub fn show(context: &Context, plan: &RestorePlan, deletes: bool) -> Result<(), Failure> {
    for (name, conflict) in STRATEGIES {
        context.output.object("plan", &PlanMessage::new(name, plan.of(conflict)))?;
    }
    let mut head = vec![Cell::left("--conflict")];
    let mut titles = vec!["create", "replace", "metadata"];
    titles.extend(deletes.then_some("delete"));
    titles.extend(["keep", "identical", "write"]);
    head.extend(titles.into_iter().map(Cell::right));
    let mut table = Table::new(head);
    for (name, conflict) in STRATEGIES {
        let report = plan.of(conflict);
        let RestoreReport { created, replaced, metadata_changed, .. } = *report;
        let mut numbers = vec![created, replaced, metadata_changed];
        numbers.extend(deletes.then_some(report.deleted));
        numbers.extend([report.skipped, report.same]);
        let mut row = vec![Cell::left(name)];
        row.extend(numbers.into_iter().map(|number| Cell::right(grouped(number))));
        row.push(Cell::right(format_size(report.bytes)));
        table.row(row);
    }
    table.render().try_for_each(|line| context.output.say(line))
}

/// How it ends.
pub fn code_of(report: &RestoreReport) -> Result<Code, Failure> {
    match (report.matched, report.failed) {
        (false, _) => Ok(Code::Nothing),
        (true, 0) => Ok(Code::Done),
        (true, failed) => {
            let entries = count(failed, "entry", "entries");
            Err(Failure::new(Code::Failed, format!("{entries} could not be restored")).hint(
                "the reasons stand above; the rest is there. When they are mended run it again, \
                 with --conflict overwrite where something came back without a part of it",
            ))
        }
    }
}
