//! What must hold when the storms are over.

use super::actors::{Judgement, Prune};
use super::reading::Reading;
use super::site::{Body, Place, Site};
use snapstore::model::{BlobId, Silent, Snapshot};
use snapstore::ops::{self, CheckOptions, ReadData, Thrift};
use snapstore::repo::{BlobReader, RepoError, Repository};
use snapstore::storage::Folder;
use snapstore::storage::sim::ActorContext;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// The last requests of the storm arrive within so many steps.
const STEPS: usize = 300;

/// Nothing that was reported is lost, a prune needs no repair, and nothing is left behind.
pub fn examine(site: &Site, places: &[Place]) {
    for place in places {
        let inspect: Inspect = |site, place, repository, context| {
            site.nothing_is_lost(place, repository)?;
            site.last_prune(repository, context)?;
            site.keys_open(context);
            site.nothing_is_lost(place, repository).map(drop)
        };
        site.run(vec![("calm", inspection(site, *place, inspect))]);
    }
    let wait: Body<'_> = Box::new(|_, context| {
        (0..STEPS).for_each(|_| (context.pause)(Duration::ZERO));
    });
    site.run(vec![("late requests", wait)]);
    for place in places {
        let inspect: Inspect = |site, place, repository, context| {
            site.last_prune(repository, context)?;
            site.nothing_is_damaged(repository)?;
            let needed = site.nothing_is_lost(place, repository)?;
            site.nothing_is_left(repository, &needed)
        };
        site.run(vec![("end", inspection(site, *place, inspect))]);
    }
}

type Inspect = fn(&Site, Place, &Arc<Repository>, &ActorContext) -> Result<(), RepoError>;

fn inspection(site: &Site, place: Place, inspect: Inspect) -> Body<'_> {
    Box::new(move |_, context| {
        let repository = site.open(place, &context);
        if let Err(error) = inspect(site, place, &repository, &context) {
            site.fail(&context.name, error);
        }
    })
}

impl Site {
    /// Whoever seems to be there is dead.
    fn last_prune(
        &self,
        repository: &Arc<Repository>,
        context: &ActorContext,
    ) -> Result<(), RepoError> {
        let (_process, writer) = self.process(&context.name, u32::MAX);
        let thrift = Thrift { tolerated: 0.0, small: 0, rewrite: true };
        let prune = Prune { judgement: Judgement::Alone, patience: Duration::ZERO, thrift };
        let report = self.run_prune(repository, context, writer, prune)?;
        if !report.waiting_for.is_empty() {
            self.fail(&context.name, format!("waits for {:?}", report.waiting_for));
        }
        Ok(())
    }

    /// Every live snapshot is what was backed up; every snapshot that was reported and not
    /// forgotten is live. Returns the blobs that are needed.
    fn nothing_is_lost(
        &self,
        place: Place,
        repository: &Arc<Repository>,
    ) -> Result<BTreeSet<BlobId>, RepoError> {
        let live = repository.ledger()?.live;
        // One that a repair committed again stands for the first.
        let ids = live.iter().flat_map(|one| [one.id].into_iter().chain(one.original));
        let ids: BTreeSet<_> = ids.collect();
        let (committed, forgotten) = {
            let notes = self.notes();
            (notes.committed.clone(), notes.forgotten.clone())
        };
        for (id, (where_to, label)) in committed {
            if where_to == place && !ids.contains(&id) && !forgotten.contains(&id) {
                self.fail("examination", format!("{label} was reported and is lost"));
            }
        }
        let reader = BlobReader::new(Arc::clone(repository))?;
        let mut reading = Reading::new(&reader);
        live.iter().for_each(|snapshot| self.is_whole(&mut reading, snapshot));
        Ok(reading.needed)
    }

    fn is_whole(&self, reading: &mut Reading<'_>, snapshot: &Snapshot) {
        let label = &snapshot.tags[0];
        let tree = self.notes().trees[label].clone();
        match reading.difference(snapshot, &tree) {
            Ok(None) => {}
            Ok(Some(difference)) => self.fail(label, difference),
            Err(error) => self.fail(label, error),
        }
    }

    fn nothing_is_damaged(&self, repository: &Arc<Repository>) -> Result<(), RepoError> {
        let options = CheckOptions { read: ReadData::All, mark: false, ..CheckOptions::default() };
        let report = ops::check(repository, options, Arc::new(Silent))?;
        if !report.damages.is_empty() {
            self.fail("check", format!("{:?}", report.damages));
        }
        Ok(())
    }

    /// Every pack holds something that is needed and is in the index, every index line counts,
    /// and nobody is announced or waits to be finished.
    fn nothing_is_left(
        &self,
        repository: &Arc<Repository>,
        needed: &BTreeSet<BlobId>,
    ) -> Result<(), RepoError> {
        let catalog = repository.catalog(&HashSet::new())?;
        let listed: BTreeMap<_, _> = catalog.listed().iter().collect();
        for (id, listed) in listed {
            let table = repository.read_pack_table(id, listed.size)?.table;
            if !table.blobs.iter().any(|blob| needed.contains(&blob.id)) {
                self.fail("examination", format!("nobody needs pack {id}"));
            }
            if !catalog.index().packs().iter().any(|pack| pack.id == *id) {
                self.fail("examination", format!("no index names pack {id}"));
            }
        }
        for pack in catalog.index().packs() {
            if !catalog.listed().contains_key(&pack.id) {
                self.fail("examination", format!("pack {} is named and gone", pack.id));
            }
        }
        self.no_object_is_left(repository)
    }

    fn no_object_is_left(&self, repository: &Arc<Repository>) -> Result<(), RepoError> {
        for folder in [Folder::Sessions, Folder::Damaged] {
            for listed in repository.storage().list(folder)? {
                self.fail("examination", format!("{} is left", listed.name));
            }
        }
        if !repository.open_marks()?.is_empty() {
            self.fail("examination", "a mark is left open");
        }
        let ledger = repository.ledger()?;
        if !ledger.forgotten_commits.is_empty() {
            self.fail("examination", "a forgotten commit is left");
        }
        Ok(())
    }
}
