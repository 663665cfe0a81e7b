//! Compares collections of a snapshot with what is there. Writes nothing.

use super::collection::{ViewState, accounts_of, has_option, is_foreign, unfit};
use super::documents::{DocumentWalk, FirstError, Met};
use super::fields::{only_id, shown_id};
use super::ordered::extras;
use super::pairs::{Pair, Pairing, together};
use super::plan::{Planned, PlannedContent};
use super::report::{CollectionComparison, Outcome};
use super::standing::{OTHERS_THERE, Standing, standing};
use super::{DatabaseRestoreError, DatabaseRestoreOptions, Decision, DocumentConflict, MatchKey};
use crate::model::{Collection, CollectionKind, Counter, Documents, Monitor};
use crate::mongo::{Connection, Order, Place};
use crate::ops::restore::content::Blamed;
use crate::repo::BlobReader;
use std::sync::{Mutex, PoisonError};

/// Ids that are shown of each kind.
const SAMPLES: usize = 3;

/// One collection that is compared.
pub struct Comparing<'a> {
    pub reader: &'a BlobReader,
    pub connection: &'a Connection,
    pub planned: &'a Planned,
    pub options: &'a DatabaseRestoreOptions,
    /// The strategies that are asked about.
    pub conflicts: &'a [DocumentConflict],
    pub monitor: &'a dyn Monitor,
    pub blamed: &'a Blamed,
}

impl Comparing<'_> {
    pub fn run(&self) -> Result<CollectionComparison, DatabaseRestoreError> {
        let Planned { to_database, to_name, .. } = self.planned;
        let mut comparison = CollectionComparison {
            from: self.planned.from(),
            to: self.planned.to(),
            outcomes: vec![Outcome::default(); self.conflicts.len()],
            ..CollectionComparison::default()
        };
        self.monitor.current(&comparison.to);
        let place = self.connection.place(to_database, to_name)?;
        comparison.is_there = place != Place::Free;
        let collection = match &self.planned.content {
            PlannedContent::View { options } => {
                comparison.is_view = true;
                comparison.set_view(ViewState::of(&place, options));
                return Ok(comparison);
            }
            PlannedContent::Collection(collection) => collection,
        };
        if accounts_of(self.planned).is_some() {
            comparison.refused = Some("users and roles that are there stay".to_string());
            return Ok(comparison);
        }
        let unfit = unfit(&place, collection).map(str::to_string);
        comparison.refused = is_foreign(to_name).map(str::to_string).or(unfit);
        if comparison.refused.is_some() {
            return Ok(comparison);
        }
        self.documents(collection, place, comparison)
    }

    fn documents(
        &self,
        collection: &Collection,
        place: Place,
        comparison: CollectionComparison,
    ) -> Result<CollectionComparison, DatabaseRestoreError> {
        let name = self.planned.data_name(collection);
        let database = &self.planned.to_database;
        let is_free = place == Place::Free;
        let order = match &place {
            Place::Collection { options } if has_option(options, b"collation") => Order::Sorted,
            _ => Order::Index,
        };
        let has = if is_free { 0 } else { self.connection.count(database, &name)? };
        let shared = Mutex::new(comparison);
        let lock = || shared.lock().unwrap_or_else(PoisonError::into_inner);
        if has > 0 && matches!(collection.content, Documents::Stream(_)) {
            let comparison = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
            return self.in_order(collection, &name, comparison);
        }
        let place = (database.as_str(), name.as_str());
        let is_series = collection.kind == CollectionKind::TimeSeries;
        let key = &self.options.key;
        let pairing = Pairing::new(self.connection, place, key, self.conflicts, is_series);
        let failed = FirstError::default();
        let walked = self.walk().run(collection, &|met| match met {
            Met::Unreadable { count, .. } => {
                lock().fail(count.max(1));
                true
            }
            // No keys are there to be compared.
            Met::Documents(documents) => together(documents).all(|batch| {
                let pairs = match has == 0 && self.options.key == MatchKey::Id {
                    true => Ok(vec![Pair::Missing; batch.len()]),
                    false => pairing.pairs(batch, &mut |_, _| {}),
                };
                match pairs {
                    Ok(pairs) => lock().count(batch, &pairs),
                    Err(error) => {
                        failed.set(error);
                        return false;
                    }
                }
                self.monitor.add(Counter::EntriesProcessed, batch.len() as u64);
                true
            }),
        });
        failed.or(walked)?;
        let mut comparison = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        comparison.set_extra(has, self.options.selection.is_all());
        if comparison.extra.is_some_and(|extra| extra > 0) && *key == MatchKey::Id {
            let (reader, content) = (self.reader, &collection.content);
            comparison.samples.extra =
                extras(reader, self.connection, place, order, content, SAMPLES)?;
        }
        Ok(comparison)
    }

    /// What is kept in its order goes on from where it broke off, under every strategy.
    fn in_order(
        &self,
        collection: &Collection,
        name: &str,
        mut comparison: CollectionComparison,
    ) -> Result<CollectionComparison, DatabaseRestoreError> {
        let place = (self.planned.to_database.as_str(), name);
        let is_all = self.options.selection.is_all();
        let standing = match is_all {
            true => standing(&self.walk(), collection, self.connection, place)?,
            false => Standing { differs: true, ..Standing::default() },
        };
        match standing.fits() {
            true => comparison.set_standing(&standing),
            false => comparison.refused = Some(OTHERS_THERE.to_string()),
        }
        Ok(comparison)
    }

    fn walk(&self) -> DocumentWalk<'_> {
        let Self { reader, planned, options, monitor, blamed, .. } = *self;
        DocumentWalk::of(reader, planned, options, monitor, blamed)
    }
}

impl CollectionComparison {
    /// A view counts as one thing, which no outcome counts.
    fn set_view(&mut self, state: ViewState) {
        match state {
            ViewState::Missing => self.missing = 1,
            ViewState::Same => self.identical = 1,
            ViewState::Differs => self.changed = 1,
            ViewState::InTheWay => {
                self.refused = Some("a collection of this name is there".to_string());
            }
        }
    }

    fn set_standing(&mut self, standing: &Standing) {
        (self.identical, self.missing) = (standing.identical, standing.missing);
        self.extra = Some(standing.extra);
        for outcome in &mut self.outcomes {
            outcome.present += standing.identical;
            outcome.inserted += standing.missing;
        }
    }

    fn fail(&mut self, count: u64) {
        self.failed += count;
        self.outcomes.iter_mut().for_each(|outcome| outcome.failed += count);
    }

    fn count(&mut self, documents: &[&[u8]], pairs: &[Pair]) {
        for (document, pair) in documents.iter().zip(pairs) {
            match pair {
                Pair::Missing => {
                    self.missing += 1;
                    sample(&mut self.samples.missing, &only_id(document));
                    self.outcomes.iter_mut().for_each(|outcome| outcome.inserted += 1);
                }
                Pair::Identical { .. } => {
                    self.identical += 1;
                    self.outcomes.iter_mut().for_each(|outcome| outcome.present += 1);
                }
                Pair::Differs { id, decisions } => {
                    self.changed += 1;
                    sample(&mut self.samples.changed, id);
                    for (outcome, decision) in self.outcomes.iter_mut().zip(decisions) {
                        outcome.decided(decision);
                    }
                }
                Pair::Unusable(_) => self.fail(1),
            }
        }
    }

    /// `has` documents are there.
    fn set_extra(&mut self, has: u64, is_all: bool) {
        self.extra = is_all.then(|| has.saturating_sub(self.identical + self.changed));
    }
}

impl Outcome {
    fn decided(&mut self, decision: &Decision) {
        match decision {
            Decision::Keep => self.present += 1,
            Decision::Overwrite(_) => self.overwritten += 1,
            Decision::Merge(_) => self.merged += 1,
            Decision::Impossible(_) => self.failed += 1,
        }
    }
}

fn sample(samples: &mut Vec<String>, id: &[u8]) {
    if samples.len() < SAMPLES {
        samples.push(shown_id(id));
    }
}
