//! The verbs, as actors of a simulated world.

use super::chance::Chance;
use super::reading::Reading;
use super::site::{Body, Place, Site};
use super::source::TreeSource;
use super::tree::Tree;
use snapstore::model::*;
use snapstore::ops::{self, *};
use snapstore::repo::{BlobReader, RepoError, Repository, Undecided, Writer};
use snapstore::storage::StorageError;
use snapstore::storage::sim::ActorContext;
use std::sync::Arc;
use std::time::Duration;

/// A backup of a tree; what it commits has the label as its tag.
#[derive(Debug, Clone)]
pub struct Backup {
    pub host: &'static str,
    pub number: u32,
    pub tree: Tree,
    /// Whether the host still knows what it looked like when it was last backed up.
    pub remembers: bool,
}

impl Backup {
    pub fn label(&self) -> String {
        format!("{}.{}", self.host, self.number)
    }
}

/// How a prune tells who is dead.
#[derive(Debug, Clone, Copy)]
pub enum Judgement {
    /// It sees the processes.
    Exact,
    /// Only by the lack of signs of life.
    Patient,
    /// It is wrong now and then.
    Rash,
    /// It takes everybody for dead.
    Alone,
}

#[derive(Debug, Clone, Copy)]
pub struct Prune {
    pub judgement: Judgement,
    pub patience: Duration,
    pub thrift: Thrift,
}

/// What an actor does.
pub enum Verb {
    Backup(Backup),
    Prune(Prune),
    /// Up to so many snapshots.
    Forget(usize),
    Check(ReadData),
    /// Reads all there is.
    Read,
    RepairIndex,
    RepairSnapshots,
    /// Of a collection and nothing else.
    BackupDocuments(Backup),
    /// All snapshots from home.
    Copy,
    /// All snapshots.
    Restore,
    /// Makes the key of this number, and perhaps replaces it by the next, or takes it away.
    ChangeKeys(u8),
}

impl Site {
    /// A process of this number that does one thing after the other.
    pub fn actor(&self, place: Place, process: u32, verbs: Vec<Verb>) -> Body<'_> {
        Box::new(move |_, context| {
            let (_process, writer) = self.process(&context.name, process);
            let repository = self.open(place, &context);
            for verb in verbs {
                if let Err(error) = self.act(&repository, &context, writer.clone(), verb) {
                    self.judge(&context.name, &error);
                }
            }
        })
    }

    fn act(
        &self,
        repository: &Arc<Repository>,
        context: &ActorContext,
        writer: Writer,
        verb: Verb,
    ) -> Result<(), RepoError> {
        match verb {
            Verb::Backup(backup) => self.back_up(repository, context, writer, &backup),
            Verb::Prune(prune) => self.run_prune(repository, context, writer, prune).map(drop),
            Verb::Forget(count) => self.forget(repository, context, count),
            Verb::Check(read) => self.check(repository, context, read),
            Verb::Read => self.read(repository, context),
            Verb::RepairIndex => self.repair(repository, context, writer),
            Verb::RepairSnapshots => self.repair_snapshots(repository, context, writer),
            Verb::BackupDocuments(backup) => {
                self.back_up_documents(repository, context, &writer, &backup)
            }
            Verb::Copy => self.copy(repository, context, writer),
            Verb::Restore => self.restore(repository, context),
            Verb::ChangeKeys(number) => self.change_keys(context, number),
        }
    }

    fn back_up(
        &self,
        repository: &Arc<Repository>,
        context: &ActorContext,
        writer: Writer,
        backup: &Backup,
    ) -> Result<(), RepoError> {
        let (label, tree) = (backup.label(), &backup.tree);
        self.notes().trees.insert(label.clone(), tree.clone());
        let recorded = self.last_snapshot(backup.host).filter(|_| backup.remembers);
        let options = backup_options(writer, &label, context.clock.now());
        let mut prepare = |read_everything: bool, _: Arc<dyn Monitor>| {
            let recorded = recorded.as_ref().filter(|_| !read_everything);
            Ok(Prepared {
                source: Box::new(TreeSource::new(tree, recorded.map(|(_, tree)| tree))),
                sources: Vec::new(),
                databases: ops::DatabasesBackup::default(),
                recorded: recorded.map(|(snapshot, _)| *snapshot),
                ended: Box::new(|_| ()),
                committed: Box::new(|_| ()),
            })
        };
        match ops::backup_source(repository, &options, &mut prepare, Arc::new(Silent)) {
            Ok(BackupReport { snapshot: Some(snapshot), problems: 0, .. }) => {
                self.committed(Place::Home, snapshot.id, label);
            }
            Err(BackupError::Repo(error)) => return Err(error),
            other => self.fail(&context.name, format!("{other:?}")),
        }
        Ok(())
    }

    /// What was last reported to the host, and how it looked then.
    pub fn last_snapshot(&self, host: &str) -> Option<(SessionId, Tree)> {
        let notes = self.notes();
        let number = |label: &str| label.strip_prefix(host)?.strip_prefix('.')?.parse::<u32>().ok();
        let at_home = notes.committed.iter().filter(|(_, (place, _))| *place == Place::Home);
        let of_host = at_home.filter_map(|(id, (_, label))| Some((number(label)?, id, label)));
        of_host.max().map(|(_, id, label)| (*id, notes.trees[label].clone()))
    }

    pub fn run_prune(
        &self,
        repository: &Arc<Repository>,
        context: &ActorContext,
        writer: Writer,
        prune: Prune,
    ) -> Result<PruneReport, RepoError> {
        let is_dead = |session: &Undecided| self.is_dead(prune.judgement, context, session);
        let options = PruneOptions {
            writer,
            is_dead: &is_dead,
            named_dead: Vec::new(),
            patience: prune.patience,
            pause: &*context.pause,
            thrift: prune.thrift,
            // The probe of the store has tests of its own; here replies get lost.
            alone: true,
        };
        let monitor: Arc<dyn Monitor> = Arc::new(Silent);
        let report = ops::prune(repository, &options, &monitor)?;
        if report.missing > 0 {
            self.fail(&context.name, format!("{} blobs are missing", report.missing));
        }
        Ok(report)
    }

    fn is_dead(&self, judgement: Judgement, context: &ActorContext, session: &Undecided) -> bool {
        let process = session.announcement.as_ref().map(|announced| announced.process.process);
        let is_gone = || process.is_some_and(|process| self.notes().gone.contains(&process));
        match judgement {
            Judgement::Exact => is_gone(),
            Judgement::Patient => false,
            Judgement::Rash => is_gone() || context.entropy.bytes::<1>()[0].is_multiple_of(4),
            Judgement::Alone => true,
        }
    }

    fn forget(
        &self,
        repository: &Repository,
        context: &ActorContext,
        count: usize,
    ) -> Result<(), RepoError> {
        let mut live = repository.ledger()?.live;
        let mut chance = Chance::new(u64::from_le_bytes(context.entropy.bytes()));
        for _ in 0..count.min(live.len()) {
            let snapshot = live.swap_remove(chance.within(0..live.len()));
            self.notes().forgotten.extend([snapshot.id].into_iter().chain(snapshot.original));
            ops::forget(repository, std::iter::once(&snapshot), &Silent)?;
        }
        Ok(())
    }

    /// Looks for damage where there is none.
    pub fn check(
        &self,
        repository: &Arc<Repository>,
        context: &ActorContext,
        read: ReadData,
    ) -> Result<(), RepoError> {
        let options = CheckOptions { read, mark: true, ..CheckOptions::default() };
        let report = ops::check(repository, options, Arc::new(Silent))?;
        if !report.damages.is_empty() {
            self.fail(&context.name, format!("{:?}", report.damages));
        }
        Ok(())
    }

    fn read(&self, repository: &Arc<Repository>, context: &ActorContext) -> Result<(), RepoError> {
        let live = repository.ledger()?.live;
        let reader = BlobReader::new(Arc::clone(repository))?;
        for snapshot in live {
            let tree = self.notes().trees[&snapshot.tags[0]].clone();
            match Reading::new(&reader).difference(&snapshot, &tree) {
                Ok(None) => {}
                Ok(Some(difference)) => self.fail(&context.name, difference),
                // It may be gone.
                Err(error) if error.is_damage() && !repository.is_live(snapshot.id)? => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn repair(
        &self,
        repository: &Arc<Repository>,
        context: &ActorContext,
        writer: Writer,
    ) -> Result<(), RepoError> {
        let monitor: Arc<dyn Monitor> = Arc::new(Silent);
        let repair = ops::repair_index(repository, &writer, &monitor)?;
        if !repair.objects_removed.is_empty() || !repair.unreadable_packs.is_empty() {
            self.fail(&context.name, format!("{repair:?}"));
        }
        Ok(())
    }

    /// Nothing is lost: what it brings back was stored whole, and its commit was still to come.
    fn repair_snapshots(
        &self,
        repository: &Arc<Repository>,
        context: &ActorContext,
        writer: Writer,
    ) -> Result<(), RepoError> {
        let monitor: Arc<dyn Monitor> = Arc::new(Silent);
        let repair = ops::repair_snapshots(repository, &writer, &monitor)?;
        if !repair.hopeless.is_empty() || !repair.forgotten_again.is_empty() {
            self.fail(&context.name, format!("{repair:?}"));
        }
        Ok(())
    }

    /// Errors that may come of simulated trouble; all others are failures.
    fn judge(&self, name: &str, error: &RepoError) {
        match error {
            RepoError::Storage(StorageError::Unavailable { .. }) | RepoError::Fenced { .. } => {}
            error => self.fail(name, error),
        }
    }

    pub fn fail(&self, name: &str, why: impl std::fmt::Display) {
        self.notes().failures.push(format!("{name}: {why}"));
    }
}

fn backup_options(writer: Writer, label: &str, begun: jiff::Timestamp) -> BackupOptions {
    BackupOptions {
        writer,
        host: Host::default(),
        tags: vec![label.to_string()],
        begun,
        kind: SnapshotKind::Backup,
        dry_run: false,
        skip_if_unchanged: false,
        program: "test".to_string(),
    }
}
