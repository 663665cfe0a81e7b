//! Check: is everything there that the snapshots need, and is it what it should be? Damage is
//! named by object and by the files it touches, and marked, so that the next backup that still
//! has the data stores it again.

mod data;
mod documents;
mod findings;
mod leaves;
mod log;
mod objects;
mod packs;
mod pending;
mod select;
mod structure;
mod touched;
mod verified;

pub use verified::Verification;

use super::Tally;
use crate::model::{Monitor, SessionId, Snapshot, Stage};
use crate::repo::{BlobReader, Catalog, Ledger, RepoError, Repository};
use findings::Findings;
use jiff::Timestamp;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use structure::Walked;

/// How much of the data to read.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum ReadData {
    #[default]
    None,
    All,
    /// The packs whose id falls into part `number` (from 1) of `of`.
    Part {
        number: u32,
        of: u32,
    },
    /// About so many of a hundred bytes: packs never verified first, chosen at random, then those
    /// verified longest ago.
    Percent(f64),
    /// About so many bytes, likewise.
    Bytes(u64),
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CheckOptions {
    pub read: ReadData,
    /// Of these only packs that were not verified since then.
    pub verified_since: Option<Timestamp>,
    /// No pack is begun so long after the check began, but for the first; those never verified,
    /// or longest ago, come first.
    pub max_duration: Option<Duration>,
    /// Mark damaged packs in the repository, and take the marks off those that are whole.
    pub mark: bool,
}

/// One thing that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The object's name.
    pub object: String,
    pub why: String,
    /// Files that cannot be restored whole, as `snapshot:path`, a directory with a slash at its
    /// end; the first few. What lies in a directory that did not change is named once, of the
    /// newest snapshot.
    pub files: Vec<String>,
    /// How many more there are.
    pub more_files: u64,
    /// All snapshots that need something of it, the newest first.
    pub snapshots: Vec<SessionId>,
    /// Whether an earlier check or restore found it, so that backups since then could mend it.
    pub was_known: bool,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Sorted by object.
    pub damages: Vec<Damage>,
    /// Not damage, but worth knowing.
    pub notes: Vec<String>,
    pub snapshots: u64,
    pub trees: u64,
    pub blobs: u64,
    pub packs: u64,
    pub packs_read: u64,
    pub bytes_read: u64,
    /// Where data was read: how much is verified now.
    pub verification: Option<Verification>,
}

/// So often is looked again at what others change meanwhile.
const LOOKS: usize = 10;

/// Checks structure, and data as far as it is asked for. Others may write and prune meanwhile.
/// What only a witness could see is listed in `docs/reliability.md`.
pub fn check(
    repository: &Arc<Repository>,
    options: CheckOptions,
    monitor: Arc<dyn Monitor>,
) -> Result<CheckReport, RepoError> {
    let tally = Tally::new(monitor);
    let begun = repository.clock().now();
    // What is beyond all time is never reached.
    let until = options.max_duration.and_then(|duration| begun.checked_add(duration).ok());
    let Look { reader, catalog, ledger, mut findings, walked, mut report } =
        look_until_still(repository, &options, &tally)?;
    log::check(repository, options.read != ReadData::None, &mut findings, tally.as_ref())?;
    let Walked { needed, leaves, .. } = &walked;
    let reading = data::Reading { reader: &reader, catalog: &catalog, needed, leaves };
    if options.read != ReadData::None {
        tally.stage(Stage::ReadingData);
        let read = reading.run(&options, until, &ledger, &mut findings, tally.as_ref())?;
        (report.packs_read, report.bytes_read) = (read.packs, read.bytes);
        report.verification = Some(read.verification);
    }
    reading.marked(&ledger, &mut findings)?;
    packs::check_marked(&catalog, &walked.needed, &mut findings);
    let files = touched::files(&reader, &ledger.live, &findings.blobs, tally.as_ref())?;
    if options.mark {
        findings.mark(repository);
    }
    findings.report(files, &mut report);
    Ok(report)
}

/// One look at the structure.
struct Look {
    reader: BlobReader,
    /// What the reader began with.
    catalog: Arc<Catalog>,
    ledger: Ledger,
    findings: Findings,
    walked: Walked,
    report: CheckReport,
}

/// What a writer or a prune is doing may look like damage. It is damage if the repository stood
/// still meanwhile.
fn look_until_still(
    repository: &Arc<Repository>,
    options: &CheckOptions,
    tally: &Arc<Tally>,
) -> Result<Look, RepoError> {
    let mut before = repository.outline()?;
    let mut looks = 1;
    loop {
        tally.stage(Stage::Checking);
        let found = look(repository, options, tally)?;
        let after = repository.outline()?;
        if found.findings.is_clean() || before == after || looks == LOOKS {
            return Ok(found);
        }
        (before, looks) = (after, looks + 1);
    }
}

fn look(
    repository: &Arc<Repository>,
    options: &CheckOptions,
    tally: &Arc<Tally>,
) -> Result<Look, RepoError> {
    let mut findings = Findings::new(repository.damaged_packs()?);
    // Before the snapshots are listed: a backup that ends meanwhile is no gap.
    let ends: Vec<_> = repository.witness().ends().chain(repository.last_link()).collect();
    let ledger = repository.ledger()?;
    objects::check(repository, &ledger, &ends, &mut findings)?;
    for missed in repository.take_missed() {
        findings.missed(&missed);
    }
    let reader = packs::check(repository, &mut findings)?;
    let catalog = reader.catalog();
    let reads = options.read != ReadData::None || !findings.marked.is_empty();
    let walked = structure::check(&reader, &ledger, &mut findings, reads, tally.as_ref())?;
    let report = CheckReport {
        snapshots: ledger.live.len() as u64,
        trees: walked.trees,
        blobs: walked.blobs,
        packs: catalog.listed().len() as u64,
        ..CheckReport::default()
    };
    Ok(Look { reader, catalog, ledger, findings, walked, report })
}

/// Whether everything that a snapshot needs is there, as far as structure tells.
pub(super) fn is_whole(
    reader: &BlobReader,
    snapshot: &Snapshot,
    monitor: &dyn Monitor,
) -> Result<bool, RepoError> {
    let mut findings = Findings::new(HashSet::new());
    let ledger = Ledger { live: vec![snapshot.clone()], ..Ledger::default() };
    structure::check(reader, &ledger, &mut findings, false, monitor)?;
    Ok(findings.blobs.is_empty())
}
