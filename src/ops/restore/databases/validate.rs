//! Looks at what a restore has put there: every document again, beside that of the snapshot.

use super::collection::CollectionRestore;
use super::conflict::{Decision, DocumentConflict};
use super::documents::{FirstError, Met};
use super::fields::FieldPath;
use super::pairs::{Pair, Pairing, together};
use super::plan::PlannedContent;
use super::report::{CollectionReport, Validation};
use super::{DatabaseRestoreError, DatabaseRestoreOptions};
use crate::model::{Collection, CollectionKind, Counter};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

impl CollectionRestore<'_> {
    /// What is there after this restore; `None` where there is nothing to look at. What may not be
    /// read is said in the answer.
    pub fn validate(
        &self,
        report: &CollectionReport,
    ) -> Result<Option<Validation>, DatabaseRestoreError> {
        let PlannedContent::Collection(collection) = &self.planned.content else { return Ok(None) };
        self.monitor.current(&report.to);
        match self.validate_documents(collection, report) {
            Ok(validation) => Ok(Some(validation)),
            Err(DatabaseRestoreError::Mongo(error)) if error.is_not_authorised() => {
                let unread = Some("this account may not read what is there".to_string());
                Ok(Some(Validation { unread, ..Validation::default() }))
            }
            Err(error) => Err(error),
        }
    }

    fn validate_documents(
        &self,
        collection: &Collection,
        report: &CollectionReport,
    ) -> Result<Validation, DatabaseRestoreError> {
        let DatabaseRestoreOptions { key, require, .. } = self.options;
        // Where nothing was, everything must be the same.
        let conflict = match report.was_there && !report.swapped {
            true => self.options.conflict.clone(),
            false => DocumentConflict::Overwrite,
        };
        let name = self.planned.data_name(collection);
        let place = (self.planned.to_database.as_str(), name.as_str());
        let is_series = collection.kind == CollectionKind::TimeSeries;
        let conflicts = [conflict];
        let pairing = Pairing::new(self.connection, place, key, &conflicts, is_series);
        let shared = Mutex::new(Validation::default());
        let failed = FirstError::default();
        let walked = self.walk().run(collection, &|met| {
            let Met::Documents(documents) = met else { return true };
            together(documents).all(|batch| {
                // One may be shown twice.
                let mut lacking = BTreeSet::new();
                let pairs = pairing.pairs(batch, &mut |at, live| {
                    if require.iter().any(|field| field.find(live).is_none()) {
                        lacking.insert(at);
                    }
                });
                match pairs {
                    Ok(pairs) => {
                        let mut validation = shared.lock().unwrap_or_else(PoisonError::into_inner);
                        validation.count(&pairs);
                        validation.lacking += lacking.len() as u64;
                    }
                    Err(error) => failed.set(error),
                }
                self.monitor.add(Counter::EntriesProcessed, batch.len() as u64);
                !failed.is_set()
            })
        });
        failed.or(walked)?;
        let mut validation = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        if !report.was_there || report.swapped {
            validation.there = Some(self.connection.count(place.0, place.1)?);
        }
        Ok(validation)
    }
}

impl Validation {
    fn count(&mut self, pairs: &[Pair]) {
        for pair in pairs {
            match pair {
                Pair::Missing => self.missing += 1,
                Pair::Identical { .. } => self.identical += 1,
                Pair::Differs { decisions, .. } => match decisions.first() {
                    None | Some(Decision::Keep) => self.kept += 1,
                    Some(Decision::Impossible(_)) => self.unusable += 1,
                    Some(_) => self.differing += 1,
                },
                Pair::Unusable(_) => self.unusable += 1,
            }
        }
    }

    /// What is not as it should be, in words; documents that failed were told before.
    pub fn findings(&self, report: &CollectionReport, require: &[FieldPath]) -> Vec<String> {
        let mut findings = Vec::new();
        if self.missing + self.differing + self.unusable > report.failed {
            let (missing, differing) = (self.missing, self.differing);
            findings.push(format!(
                "it was read again, and {missing} documents are missing, {differing} differ from \
                 what was put there: was it written by others?"
            ));
        }
        let all = self.identical + self.kept + self.differing;
        if let Some(there) = self.there.filter(|there| *there != all) {
            findings.push(format!("it was read again, and has {there} documents, not {all}"));
        }
        if self.lacking > 0 {
            let fields: Vec<&str> = require.iter().map(FieldPath::text).collect();
            let (lacking, fields) = (self.lacking, fields.join(", "));
            findings.push(format!("{lacking} of its documents lack one of {fields}"));
        }
        findings
    }
}
