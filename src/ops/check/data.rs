//! Every byte: packs are read whole, compared with their names, and every blob in them is opened.

use super::CheckOptions;
use super::findings::Findings;
use super::leaves::Leaves;
use super::select::{Pack, chosen};
use super::verified::{Verification, Verified};
use crate::codec::BlobClass;
use crate::format::{IndexedPack, pack_name};
use crate::model::{BlobId, Counter, Monitor, PackId, SessionId, Snapshot, SnapshotHash};
use crate::ops::live::LiveBlobs;
use crate::repo::{BlobReader, Catalog, Ledger, ListedPack, RepoError, snapshot_hash};
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// How much was read.
#[derive(Default)]
pub struct Read {
    pub packs: u64,
    pub bytes: u64,
    pub verification: Verification,
}

/// What workers found of packs: whole at a time, or not.
#[derive(Default)]
struct Notes {
    has_begun: AtomicBool,
    found: Mutex<Vec<(PackId, Option<Timestamp>)>>,
}

impl Notes {
    fn push(&self, pack: PackId, whole: Option<Timestamp>) {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).push((pack, whole));
    }

    fn apply_to(self, verified: &mut Verified) {
        for (pack, whole) in self.found.into_inner().unwrap_or_else(PoisonError::into_inner) {
            match whole {
                Some(time) => verified.note(pack, time),
                None => verified.withdraw(&pack),
            }
        }
    }
}

/// What is read with.
pub struct Reading<'a> {
    pub reader: &'a BlobReader,
    pub catalog: &'a Catalog,
    /// By the index of `catalog`.
    pub needed: &'a LiveBlobs,
    pub leaves: &'a Leaves,
}

/// What is in a pack that is what its name says.
#[derive(Default)]
struct Content {
    /// Snapshots that it has spare copies of, and that are not there themselves.
    strays: Vec<Snapshot>,
    /// Leaves of collections that do not hold what the lists above them say, with the reason.
    wrong: Vec<(BlobId, String)>,
}

/// What became of a pack.
enum Outcome {
    /// It is what its name says.
    Whole(Content),
    /// It is not: what is in it, the index knows.
    Changed,
    /// Deleted by a prune after it was listed: not needed, or moved.
    Gone,
    /// Not read: the time was up.
    Left,
}

/// What is wrong with a pack.
struct BadPack {
    why: String,
    blobs: Vec<BlobId>,
}

impl Reading<'_> {
    /// Reads the chosen packs on all workers; each takes memory for one pack. Those that are not
    /// whole are read a second time, by what the index says is in them. What was found whole is
    /// remembered, also when the rest cannot be read.
    pub fn run(
        &self,
        options: &CheckOptions,
        until: Option<Timestamp>,
        ledger: &Ledger,
        findings: &mut Findings,
        monitor: &dyn Monitor,
    ) -> Result<Read, RepoError> {
        let repository = self.reader.repository();
        let mut verified = Verified::read(repository);
        let packs = chosen(self.catalog, options, &verified, repository.entropy());
        let bytes = packs.iter().map(|(_, listed)| listed.size).sum();
        monitor.expect(Counter::BytesChecked, bytes);
        let notes = Notes::default();
        let known = ledger.hashes();
        let outcomes = self.each(&packs, &|pack| {
            if monitor.stopped() {
                return Err(RepoError::Stopped);
            }
            self.read_in_time(pack, until, &known, &notes, monitor)
        });
        notes.apply_to(&mut verified);
        verified.write(self.catalog.listed());
        let mut read = Read::default();
        let (mut changed, mut strays) = (Vec::new(), Vec::new());
        for (pack, outcome) in packs.iter().zip(outcomes?) {
            if matches!(outcome, Outcome::Left) {
                read.verification.left += 1;
                continue;
            }
            findings.read.insert(pack.0);
            (read.packs, read.bytes) = (read.packs + 1, read.bytes + pack.1.size);
            match outcome {
                Outcome::Whole(found) => {
                    findings.whole.insert(pack.0);
                    strays.extend(found.strays);
                    findings.leaves(found.wrong);
                }
                Outcome::Changed => changed.push(*pack),
                Outcome::Gone | Outcome::Left => {}
            }
        }
        let left = read.verification.left;
        let sum = verified.sum(self.catalog.listed(), options.verified_since);
        read.verification = Verification { left, ..sum };
        self.name_strays(&strays, findings)?;
        self.blame(&changed, findings)?;
        Ok(read)
    }

    /// Reads those that are marked as damaged and were not read: what is lost by them is named
    /// each time, until it is lost no more.
    pub fn marked(&self, ledger: &Ledger, findings: &mut Findings) -> Result<(), RepoError> {
        let listed = self.catalog.listed();
        let unread = findings.marked.difference(&findings.read);
        let mut packs: Vec<Pack> = unread.filter_map(|id| Some((*id, *listed.get(id)?))).collect();
        packs.sort_unstable_by_key(|(id, _)| *id);
        let known = ledger.hashes();
        let outcomes = self.each(&packs, &|(id, listed)| self.read_pack(id, *listed, &known))?;
        let mut changed = Vec::new();
        for (pack, outcome) in packs.iter().zip(outcomes) {
            findings.read.insert(pack.0);
            match outcome {
                Outcome::Whole(found) => {
                    findings.whole.insert(pack.0);
                    findings.leaves(found.wrong);
                }
                Outcome::Changed => changed.push(*pack),
                Outcome::Gone | Outcome::Left => {}
            }
        }
        self.blame(&changed, findings)
    }

    /// Reads a pack unless the time is up; the first one is always read.
    fn read_in_time(
        &self,
        (id, listed): &Pack,
        until: Option<Timestamp>,
        known: &HashSet<SnapshotHash>,
        notes: &Notes,
        monitor: &dyn Monitor,
    ) -> Result<Outcome, RepoError> {
        let clock = self.reader.repository().clock();
        let is_first = !notes.has_begun.swap(true, Ordering::Relaxed);
        if !is_first && until.is_some_and(|until| clock.now() >= until) {
            return Ok(Outcome::Left);
        }
        let outcome = self.read_pack(id, *listed, known)?;
        monitor.add(Counter::PacksChecked, 1);
        monitor.add(Counter::BytesChecked, listed.size);
        match &outcome {
            Outcome::Whole(Content { wrong, .. }) if wrong.is_empty() => {
                notes.push(*id, Some(clock.now()));
            }
            Outcome::Whole(_) | Outcome::Changed => notes.push(*id, None),
            Outcome::Gone | Outcome::Left => {}
        }
        Ok(outcome)
    }

    /// Those that are still not known: others may have committed and forgotten meanwhile.
    fn name_strays(&self, strays: &[Snapshot], findings: &mut Findings) -> Result<(), RepoError> {
        if strays.is_empty() {
            return Ok(());
        }
        let known = self.reader.repository().ledger()?.hashes();
        let unknown = strays.iter().filter(|stray| !known.contains(&snapshot_hash(stray)));
        unknown.for_each(|stray| findings.stray(stray));
        Ok(())
    }

    /// In order with one worker, so that whole runs are the same each time.
    fn each<T: Send>(
        &self,
        packs: &[Pack],
        work: &(dyn Fn(&Pack) -> Result<T, RepoError> + Sync),
    ) -> Result<Vec<T>, RepoError> {
        match self.reader.repository().workers() {
            1 => packs.iter().map(work).collect(),
            workers => on_threads(workers, packs, work),
        }
    }

    fn read_pack(
        &self,
        id: &PackId,
        listed: ListedPack,
        known: &HashSet<SnapshotHash>,
    ) -> Result<Outcome, RepoError> {
        let repository = self.reader.repository();
        let mut bytes = match repository.read_pack(id) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(Outcome::Gone),
            Err(error) if error.is_damage() => return Ok(Outcome::Changed),
            Err(error) => return Err(error),
        };
        if blake3::hash(&bytes).as_bytes() != id.bytes() {
            return Ok(Outcome::Changed);
        }
        let Some(pack) = repository.open_pack_table(id, &bytes)? else {
            return Ok(Outcome::Changed);
        };
        let Content { mut strays, mut wrong } = Content::default();
        let is_whole = repository.each_blob(&pack, &mut bytes, &mut |blob, plain| {
            let Some(plain) = plain else { return Ok(false) };
            if pack.class == BlobClass::Data {
                let why = self.leaves.wrong(self.reader, self.catalog.index(), &blob.id, plain)?;
                wrong.extend(why.map(|why| (blob.id, why)));
            }
            // One that its own pack points to belongs to the pack's session, and is known by it.
            if pack.class == BlobClass::Tree && pack.table.payload != Some(blob.id) {
                let stray = repository.payload(SessionId::new([0; 16]), plain);
                strays.extend(stray.filter(|stray| !known.contains(&snapshot_hash(stray))));
            }
            Ok(true)
        })?;
        if !is_whole {
            return Ok(Outcome::Changed);
        }
        debug_assert_eq!(bytes.len() as u64, listed.size);
        Ok(Outcome::Whole(Content { strays, wrong }))
    }

    /// Which blobs of changed packs are lost, and which of them are needed and nowhere else.
    fn blame(&self, changed: &[Pack], findings: &mut Findings) -> Result<(), RepoError> {
        if changed.is_empty() {
            return Ok(());
        }
        let ids: HashSet<PackId> = changed.iter().map(|(id, _)| *id).collect();
        let tables = self.reader.repository().indexed_packs(&ids)?;
        let bad = self.each(changed, &|(id, _)| self.read_changed(id, &tables))?;
        let bad: Vec<(PackId, BadPack)> = ids_of(changed).zip(bad).collect();
        let places: HashSet<(PackId, BlobId)> =
            bad.iter().flat_map(|(id, bad)| bad.blobs.iter().map(|blob| (*id, *blob))).collect();
        let elsewhere = |blob: &BlobId| {
            self.catalog.locate(blob).iter().any(|(pack, _)| !places.contains(&(*pack, *blob)))
        };
        for (id, bad) in bad {
            let lost = bad.blobs.iter().filter(|blob| self.is_needed(blob) && !elsewhere(blob));
            findings.blobs.extend(lost.map(|blob| (*blob, pack_name(&id))));
            let why = match findings.packs.get(&id) {
                Some(size) if size.contains("instead of") => format!("{size}; {}", bad.why),
                _ => bad.why,
            };
            findings.packs.insert(id, why);
        }
        Ok(())
    }

    fn is_needed(&self, id: &BlobId) -> bool {
        let lines = self.catalog.index().lines_of(id);
        match lines.is_empty() {
            true => self.needed.missing().contains(id),
            false => self.needed.is_marked(lines.start),
        }
    }

    fn read_changed(
        &self,
        id: &PackId,
        tables: &HashMap<PackId, IndexedPack>,
    ) -> Result<BadPack, RepoError> {
        let repository = self.reader.repository();
        let (mut bytes, unread) = match repository.read_pack(id) {
            Ok(bytes) => (bytes.unwrap_or_default(), None),
            Err(error) if error.is_damage() => (Vec::new(), Some(error.why())),
            Err(error) => return Err(error),
        };
        let own = repository.open_pack_table(id, &bytes)?;
        let opens = if own.is_some() { "" } else { ", and its own table does not open" };
        let Some(pack) = tables.get(id).or(own.as_ref()) else {
            let why = "its table does not open, and no index names it".to_string();
            return Ok(BadPack { why, blobs: Vec::new() });
        };
        let blobs = &pack.table.blobs;
        let mut bad: Vec<BlobId> = Vec::new();
        repository.each_blob(pack, &mut bytes, &mut |blob, plain| {
            bad.extend(plain.is_none().then_some(blob.id));
            Ok(true)
        })?;
        let count = bad.len();
        // A forged table may have one blob a million times, and each is looked for.
        bad.sort_unstable();
        bad.dedup();
        let why = match (unread, count) {
            (Some(why), _) => why,
            (None, 0) => format!("it was changed, but every blob in it still opens{opens}"),
            (None, count) => {
                let open = if count == 1 { "does not open" } else { "do not open" };
                format!("it was changed: {count} of its {} blobs {open}{opens}", blobs.len())
            }
        };
        Ok(BadPack { why, blobs: bad })
    }
}

fn ids_of(packs: &[Pack]) -> impl Iterator<Item = PackId> + '_ {
    packs.iter().map(|(id, _)| *id)
}

/// Each thread takes the next pack, so that they are begun in order.
fn on_threads<T: Send>(
    workers: usize,
    packs: &[Pack],
    work: &(dyn Fn(&Pack) -> Result<T, RepoError> + Sync),
) -> Result<Vec<T>, RepoError> {
    let next = AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(pack) = packs.get(number) else { return Ok(done) };
            match work(pack) {
                Ok(result) => done.push((number, result)),
                Err(error) => {
                    next.store(packs.len(), Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
    };
    let joined = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join()).collect::<Vec<_>>()
    });
    let mut done = Vec::with_capacity(packs.len());
    for part in joined {
        done.extend(part.map_err(|_| RepoError::Earlier("a thread failed".to_string()))??);
    }
    done.sort_unstable_by_key(|(number, _)| *number);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}
