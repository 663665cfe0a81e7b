//! What a restore of databases would do, for people and as JSON.

use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::table::{Cell, Table};
use crate::cli::text::{grouped, readable};
use crate::ops::{CollectionComparison, DocumentConflict, Outcome, Samples};
use serde::Serialize;

/// What is there beside what the snapshot has, and what each strategy would do about it.
pub struct Plan {
    pub comparisons: Vec<CollectionComparison>,
    pub conflicts: Vec<DocumentConflict>,
}

impl Plan {
    /// All that the strategy would do.
    pub fn of(&self, conflict: &DocumentConflict) -> Outcome {
        let at = self.conflicts.iter().position(|one| one == conflict);
        let outcomes = self.comparisons.iter().filter_map(|one| one.outcomes.get(at?));
        outcomes.fold(Outcome::default(), |sum, outcome| sum.with(*outcome))
    }

    /// Whether all strategies come to the same.
    pub fn is_one(&self) -> bool {
        self.comparisons.iter().all(|comparison| comparison.changed == 0)
    }

    pub fn show(&self, context: &Context) -> Result<(), Failure> {
        for comparison in &self.comparisons {
            context.output.object("comparison", &ComparisonMessage::from(comparison))?;
        }
        for conflict in &self.conflicts {
            let message = PlanMessage::new(conflict.name(), self.of(conflict));
            context.output.object("plan", &message)?;
        }
        self.collections(context)?;
        self.strategies(context)
    }

    fn collections(&self, context: &Context) -> Result<(), Failure> {
        let titles = ["identical", "changed", "missing", "extra"].map(Cell::right);
        let mut table = Table::new([Cell::left("")].into_iter().chain(titles));
        for one in self.comparisons.iter().filter(|one| !one.is_view && one.refused.is_none()) {
            let extra = one.extra.map_or_else(|| "-".to_string(), grouped);
            let counts = [one.identical, one.changed, one.missing].map(grouped);
            let counts = counts.into_iter().chain([extra]).map(Cell::right);
            table.row([Cell::left(readable(one.to.as_bytes()))].into_iter().chain(counts));
        }
        table.render().try_for_each(|line| context.output.say(line))?;
        for one in &self.comparisons {
            let name = readable(one.to.as_bytes());
            for line in remarks(one) {
                context.output.say(format!("  {name}: {line}"))?;
            }
        }
        Ok(())
    }

    fn strategies(&self, context: &Context) -> Result<(), Failure> {
        let titles = ["create", "overwrite", "merge", "keep", "fail"].map(Cell::right);
        let mut table = Table::new([Cell::left("--conflict")].into_iter().chain(titles));
        for conflict in &self.conflicts {
            let Outcome { inserted, overwritten, merged, present, failed } = self.of(conflict);
            let counts = [inserted, overwritten, merged, present, failed].map(grouped);
            let counts = counts.into_iter().map(Cell::right);
            table.row([Cell::left(conflict.name())].into_iter().chain(counts));
        }
        table.render().try_for_each(|line| context.output.say(line))
    }
}

/// What is special about a collection, and a few of its ids.
fn remarks(one: &CollectionComparison) -> Vec<String> {
    let mut remarks: Vec<String> = one.refused.iter().cloned().collect();
    if one.is_view {
        let what = match (one.missing, one.identical, one.changed) {
            (1, _, _) => "a view, which would be made",
            (_, 1, _) => "a view, the same",
            (_, _, 1) => "a view, another one: overwrite replaces it, the others leave it",
            _ => "a view, which would not be made",
        };
        remarks.push(what.to_string());
    }
    let Samples { changed, missing, extra } = &one.samples;
    for (word, ids) in [("changed", changed), ("missing", missing), ("extra", extra)] {
        if !ids.is_empty() {
            remarks.push(format!("{word}, such as {}", ids.join(" ")));
        }
    }
    if one.failed > 0 {
        remarks.push(format!("{} cannot be compared or read", grouped(one.failed)));
    }
    remarks
}

#[derive(Serialize)]
struct ComparisonMessage<'a> {
    from: &'a str,
    to: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    view: bool,
    exists: bool,
    identical: u64,
    changed: u64,
    missing: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra: Option<u64>,
    failed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<&'a str>,
    changed_samples: &'a [String],
    missing_samples: &'a [String],
    extra_samples: &'a [String],
}

impl<'a> From<&'a CollectionComparison> for ComparisonMessage<'a> {
    fn from(one: &'a CollectionComparison) -> Self {
        Self {
            from: &one.from,
            to: &one.to,
            view: one.is_view,
            exists: one.is_there,
            identical: one.identical,
            changed: one.changed,
            missing: one.missing,
            extra: one.extra,
            failed: one.failed,
            refused: one.refused.as_deref(),
            changed_samples: &one.samples.changed,
            missing_samples: &one.samples.missing,
            extra_samples: &one.samples.extra,
        }
    }
}

#[derive(Serialize)]
struct PlanMessage {
    conflict: &'static str,
    documents_restored: u64,
    documents_overwritten: u64,
    documents_merged: u64,
    documents_skipped: u64,
    documents_failed: u64,
}

impl PlanMessage {
    fn new(conflict: &'static str, outcome: Outcome) -> Self {
        let Outcome { inserted, overwritten, merged, present, failed } = outcome;
        Self {
            conflict,
            documents_restored: inserted,
            documents_overwritten: overwritten,
            documents_merged: merged,
            documents_skipped: present,
            documents_failed: failed,
        }
    }
}
