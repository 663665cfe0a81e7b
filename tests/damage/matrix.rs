//! Every damage to every object of a sample.

use super::expected::Place;
use super::footprint::Footprint;
use super::inflict::Damage;
use super::later::{Patient, Verdict};
use super::sample::Sample;
use snapstore::repo::Repository;
use snapstore::storage::{MemoryStorage, ObjectName};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// One damage, to be tried.
#[derive(Debug)]
pub struct Case {
    pub name: ObjectName,
    pub damage: Damage,
    /// Chooses between with and without a local cache, one and two workers.
    pub variant: usize,
}

/// A sample at one time of its life.
pub struct Ward<'a> {
    sample: &'a Sample,
    storage: &'a MemoryStorage,
    whole: Arc<Repository>,
    footprint: Footprint,
}

impl<'a> Ward<'a> {
    /// One while nothing is going on, and one while much is.
    pub fn all(sample: &'a Sample) -> [Self; 2] {
        let quiet = sample.open(&sample.quiet, false, 1).unwrap().repository;
        let snapshots = quiet.ledger().unwrap().live;
        let root = format!("files{}", sample.root().display());
        [&sample.quiet, &sample.busy].map(|storage| {
            let whole = sample.open(storage, false, 1).unwrap().repository;
            let footprint = Footprint::new(&whole, storage, &snapshots, &root);
            Self { sample, storage, whole, footprint }
        })
    }

    /// Its objects. Of the second ward only those that the first does not have.
    pub fn objects(&self) -> Vec<ObjectName> {
        let mut objects = Sample::objects(self.storage);
        if !std::ptr::eq(self.storage, &self.sample.quiet) {
            objects.retain(|name| {
                self.sample.quiet.raw(name).is_none() || name.to_string().starts_with("snapshots/")
            });
        }
        objects
    }

    /// Bytes.
    pub fn length(&self, name: &ObjectName) -> usize {
        self.storage.raw(name).unwrap().len()
    }

    pub fn bytes_of(&self, name: &ObjectName) -> Vec<u8> {
        self.storage.raw(name).unwrap()
    }

    /// Two others of the same kind.
    pub fn others(&self, name: &ObjectName) -> Vec<ObjectName> {
        let is_other = |other: &&ObjectName| other.folder() == name.folder() && *other != name;
        self.storage.names().iter().filter(is_other).take(2).cloned().collect()
    }

    /// Inflicts it on a copy, and does what is to be done then.
    pub fn run(&self, case: &Case, act: &dyn Fn(&Patient<'_>) -> Verdict) -> Verdict {
        let storage = self.storage.fork();
        case.damage.inflict(&storage, &case.name);
        let place = Place::of(&case.name, &self.whole, self.storage, &self.footprint);
        let patient = Patient {
            sample: self.sample,
            footprint: &self.footprint,
            storage,
            damage: case.damage.clone(),
            name: case.name.clone(),
            place,
            with_cache: case.variant % 2 == 1,
            workers: 1 + case.variant / 2 % 2,
        };
        match catch_unwind(AssertUnwindSafe(|| act(&patient))) {
            Ok(verdict) => verdict.map_err(|why| format!("{case:?} ({place:?}): {why}")),
            Err(_) => Err(format!("{case:?} ({place:?}): panic")),
        }
    }
}
