//! What is done after the damage, and what must hold then.

use super::expected::{Found, Place};
use super::footprint::Footprint;
use super::inflict::Damage;
use super::restored::{needless, unsaid, wrong};
use super::sample::{Opened, Sample};
use super::tree::{self, Tree};
use super::world::scratch;
use snapstore::model::{BlobId, Monitor, Problem, SessionId, Silent, Snapshot};
use snapstore::ops::{
    CheckOptions, CheckReport, ReadData, RestoreError, check, repair_index, repair_snapshots,
    restore,
};
use snapstore::repo::{RepoError, Repository, Writer, read_marker};
use snapstore::storage::{MemoryStorage, ObjectName};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// A repository after a damage, and what is known of it.
pub struct Patient<'a> {
    pub sample: &'a Sample,
    pub footprint: &'a Footprint,
    pub storage: MemoryStorage,
    pub damage: Damage,
    pub name: ObjectName,
    pub place: Place,
    /// With a local cache from before the damage.
    pub with_cache: bool,
    pub workers: usize,
}

/// What went wrong.
pub type Verdict = Result<(), String>;

/// How much a restore brought.
enum Outcome {
    Whole,
    /// What was said of the rest.
    Partial(Vec<String>),
}

/// Keeps the problems that are reported.
#[derive(Default)]
pub struct Problems(pub Mutex<Vec<Problem>>);

impl Monitor for Problems {
    fn problem(&self, problem: Problem) {
        self.0.lock().unwrap().push(problem);
    }
}

fn said<T, E: std::fmt::Display>(what: &str, result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| format!("{what}: {error}"))
}

impl Patient<'_> {
    /// Every later action, each on a copy.
    pub fn live_on(&self) -> Verdict {
        let opened = match self.open() {
            Ok(opened) => opened,
            Err(error) => return self.does_not_open(&error),
        };
        self.is_found(&self.check(&opened.repository, false)?)?;
        said("restore", self.fork().restore_all())?;
        said("prune first", self.fork().prune_first())?;
        said("backup first", self.fork().backup_first())?;
        said("heal", self.fork().heal())
    }

    /// Opened and checked: found, or known not to be.
    pub fn is_noticed(&self) -> Verdict {
        match self.open() {
            Ok(opened) => self.is_found(&self.check(&opened.repository, false)?),
            Err(error) => self.does_not_open(&error),
        }
    }

    fn fork(&self) -> Self {
        let (damage, name) = (self.damage.clone(), self.name.clone());
        Self { storage: self.storage.fork(), damage, name, ..*self }
    }

    fn open(&self) -> Result<Opened, RepoError> {
        self.sample.open(&self.storage, self.with_cache, self.workers)
    }

    fn opened(&self) -> Result<Opened, String> {
        said("it does not open any more", self.open())
    }

    /// Of what is in the way of opening, the object is named; but a slot that was changed cannot
    /// be told from a wrong password.
    fn does_not_open(&self, error: &RepoError) -> Verdict {
        let text = error.to_string();
        let is_clear = match error {
            RepoError::WrongKey { .. } => matches!(self.place, Place::KeySlot | Place::Marker),
            RepoError::NoKeySlot { .. } => self.place == Place::KeySlot,
            RepoError::TooNew { .. } => self.place == Place::Marker,
            _ => text.contains(&self.name.to_string()),
        };
        match self.expected() == Found::AtOpening && is_clear {
            true => Ok(()),
            false => Err(format!("it does not open: {text}")),
        }
    }

    fn expected(&self) -> Found {
        self.place.expected(&self.damage)
    }

    fn is_found(&self, report: &CheckReport) -> Verdict {
        let names: Vec<&String> = report.damages.iter().map(|damage| &damage.object).collect();
        let is_as_expected = match self.expected() {
            Found::AtOpening if names.is_empty() => self.tells_another_time(),
            Found::AtOpening | Found::ByName => names.contains(&&self.name.to_string()),
            Found::As(beginning) => names.iter().any(|name| name.starts_with(beginning)),
            Found::Harmless | Found::ByWitness => names.is_empty(),
        };
        match is_as_expected {
            true => Ok(()),
            false => Err(format!("{:?} expected, check says {:#?}", self.expected(), report)),
        }
    }

    /// Whether all that happened to `snap.json` is that it was made at another time.
    fn tells_another_time(&self) -> bool {
        let marker = |storage: &MemoryStorage| read_marker(storage).unwrap();
        let (before, now) = (marker(&self.sample.quiet), marker(&self.storage));
        before.repository == now.repository && before.created != now.created
    }

    fn check(&self, repository: &Arc<Repository>, mark: bool) -> Result<CheckReport, String> {
        let options = CheckOptions { read: ReadData::All, mark, ..CheckOptions::default() };
        said("check", check(repository, options, Arc::new(Silent)))
    }

    fn restore_all(&self) -> Verdict {
        self.restore_but(&self.footprint.lost(&self.storage))
    }

    /// Restores every snapshot that there is: nothing wrong appears, all that needs none of the
    /// `lost` blobs does, and of what is not there it was said.
    fn restore_but(&self, lost: &HashSet<BlobId>) -> Verdict {
        let repository = self.opened()?.repository;
        for snapshot in &said("ledger", repository.ledger())?.live {
            let Some(wanted) = self.sample.trees.get(&snapshot.id) else { continue };
            let untouched = self.footprint.untouched(&snapshot.id, lost).cloned().collect();
            let restored = self.restore(&repository, snapshot, wanted, &untouched).map(drop);
            said(&snapshot.id.short(), restored)?;
        }
        Ok(())
    }

    fn restore(
        &self,
        repository: &Arc<Repository>,
        snapshot: &Snapshot,
        wanted: &Tree,
        untouched: &HashSet<PathBuf>,
    ) -> Result<Outcome, String> {
        let target = scratch();
        let problems = Arc::new(Problems::default());
        let options = self.sample.restore_options(target.path());
        let monitor = Arc::clone(&problems) as Arc<dyn Monitor>;
        let report = restore(repository, snapshot, &options, &|_| {}, monitor);
        let root = self.sample.root();
        let found = tree::read(&target.path().join(root.strip_prefix("/").unwrap()));
        wrong(wanted, &found)?;
        let missing: Vec<&PathBuf> =
            wanted.keys().filter(|path| !found.contains_key(*path)).collect();
        match report {
            Ok(report) if missing.is_empty() && report.failed == 0 => return Ok(Outcome::Whole),
            Ok(report) if report.failed == 0 => {
                return Err(format!("{missing:?} missing, nothing said"));
            }
            Ok(_) => unsaid(&missing, &root, &problems)?,
            Err(RestoreError::Repo(error)) if error.is_damage() => {}
            Err(error) => return Err(error.to_string()),
        }
        needless(&missing, untouched, &problems)?;
        let said = problems.0.lock().unwrap();
        Ok(Outcome::Partial(said.iter().map(|p| format!("{}: {}", p.what, p.why)).collect()))
    }

    /// A snapshot of the source as it is, whole.
    fn restore_whole(&self, repository: &Arc<Repository>, snapshot: &Snapshot) -> Verdict {
        let wanted = tree::read(&self.sample.root());
        match self.restore(repository, snapshot, &wanted, &HashSet::new())? {
            Outcome::Whole => Ok(()),
            Outcome::Partial(said) => Err(format!("it is not whole: {said:?}")),
        }
    }

    /// A prune before anybody has looked: it works, or refuses and says why. Nothing more is lost
    /// by it.
    fn prune_first(&self) -> Verdict {
        let opened = self.opened()?;
        if let Err(error) = self.sample.prune(&opened.repository, true)
            && !self.names_it(&error.to_string())
        {
            return Err(format!("it does not say what is damaged: {error}"));
        }
        said("restore", self.restore_but(&self.footprint.lost_after_prune(&self.storage)))
    }

    /// Whether a text names what was damaged.
    fn names_it(&self, text: &str) -> bool {
        let other = match &self.damage {
            Damage::Swap(other) => other.to_string(),
            _ => self.name.to_string(),
        };
        let settings = self.place == Place::Settings && text.starts_with("config is damaged");
        text.contains(&self.name.to_string()) || text.contains(&other) || settings
    }

    /// A backup that nobody warned may build on what is damaged; then check says so, and the one
    /// after it heals.
    fn backup_first(&self) -> Verdict {
        let opened = self.opened()?;
        let repository = &opened.repository;
        let new = match self.backup(repository) {
            Ok(new) => new,
            Err(error) if self.names_it(&error) => return Ok(()),
            Err(error) => return Err(format!("it does not say what is damaged: {error}")),
        };
        let whole = self.restore_whole(repository, &new);
        let report = self.check(repository, true)?;
        match (whole, touches(&report, &new.id)) {
            (Ok(()), None) => Ok(()),
            (Ok(()), Some(damage)) => Err(format!("it is whole, and check says {damage}")),
            (Err(why), None) => Err(format!("check does not see that it is not whole: {why}")),
            (Err(_), Some(_)) => {
                let next = said("next backup", self.backup(repository))?;
                said("next backup", self.restore_whole(repository, &next))
            }
        }
    }

    fn backup(&self, repository: &Arc<Repository>) -> Result<Snapshot, String> {
        let report = self.sample.backup(repository, Arc::new(Silent));
        Ok(report.map_err(|error| error.to_string())?.snapshot.unwrap())
    }

    /// The way out: check with marks, repair, backup; then the new snapshot is whole. When only
    /// that is left, and a prune was there, nothing is wrong any more.
    fn heal(&self) -> Verdict {
        let repository = &self.with_settings()?.repository;
        self.check(repository, true)?;
        self.repair(repository)?;
        let new = match self.backup(repository) {
            // What an open mark condemns is not known, until a prune has set it aside.
            Err(error) if self.place == Place::OpenMark && self.names_it(&error) => {
                said("prune", self.sample.prune(repository, true))?;
                self.backup(repository)
            }
            other => other,
        };
        let new = said("backup", new)?;
        if let Some(damage) = touches(&self.check(repository, true)?, &new.id) {
            return Err(format!("not healed: {damage}"));
        }
        self.restore_whole(repository, &new)?;
        self.forget_all_but(repository, &new)?;
        // An orphan that cannot be read may be of somebody under way, for a day.
        self.sample.clock.advance(jiff::SignedDuration::from_hours(25));
        said("prune", self.sample.prune(repository, true))?;
        said("second prune", self.sample.prune(repository, true))?;
        self.restore_whole(repository, &new)?;
        let report = self.check(repository, true)?;
        match report.damages.is_empty() == self.place.is_mended(&self.damage) {
            true => Ok(()),
            false => Err(format!("in the end: {report:#?}")),
        }
    }

    /// Settings that were lost are put again.
    fn with_settings(&self) -> Result<Opened, String> {
        let opened = self.opened()?;
        if opened.repository.settings_are_known().is_ok() {
            return Ok(opened);
        }
        let config = opened.repository.config().clone();
        said("put settings", opened.repository.put_config(&config))?;
        self.opened()
    }

    fn repair(&self, repository: &Arc<Repository>) -> Verdict {
        let (monitor, writer): (Arc<dyn Monitor>, _) = (Arc::new(Silent), Writer::default());
        said("repair index", repair_index(repository, &writer, &monitor))?;
        said("repair snapshots", repair_snapshots(repository, &writer, &monitor))?;
        Ok(())
    }

    fn forget_all_but(&self, repository: &Repository, kept: &Snapshot) -> Verdict {
        let live = said("ledger", repository.ledger())?.live;
        for snapshot in live.iter().filter(|snapshot| snapshot.id != kept.id) {
            said("forget", repository.forget(snapshot))?;
        }
        Ok(())
    }
}

/// A damage that touches files of a snapshot.
fn touches(report: &CheckReport, snapshot: &SessionId) -> Option<String> {
    let of = format!("{}:", snapshot.short());
    let is_of = |file: &String| file.starts_with(&of);
    let touching = report.damages.iter().find(|damage| damage.files.iter().any(is_of));
    touching.map(|damage| format!("{damage:?}"))
}
