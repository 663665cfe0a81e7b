//! Check: is everything there that the snapshots need, and is it what it should be? Damage is
//! named by object and by the files it touches, and marked, so that the next backup that still
//! has the data stores it again.

mod data;
mod structure;
mod touched;

use super::Tally;
use crate::model::{BlobId, Monitor, PackId, Stage};
use crate::repo::{BlobReader, Ledger, RepoError, Repository};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

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
    /// Packs chosen at random, about so many of a hundred.
    Percent(f64),
    /// Packs chosen at random, about so many bytes.
    Bytes(u64),
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CheckOptions {
    pub read: ReadData,
    /// Mark damaged packs in the repository.
    pub mark: bool,
}

/// One thing that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The object's name.
    pub object: String,
    pub why: String,
    /// Files that cannot be restored whole, as `snapshot:path`; the first few.
    pub files: Vec<String>,
    /// How many more there are.
    pub more_files: u64,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckReport {
    pub damages: Vec<Damage>,
    /// Not damage, but worth knowing.
    pub notes: Vec<String>,
    pub snapshots: u64,
    pub trees: u64,
    pub blobs: u64,
    pub packs: u64,
    pub packs_read: u64,
    pub bytes_read: u64,
}

/// What was found so far, by object.
#[derive(Default)]
pub struct Findings {
    pub objects: BTreeMap<String, String>,
    /// Packs that are damaged or gone, and needed.
    pub packs: BTreeMap<PackId, String>,
    /// Blobs that cannot be had, with what is at fault.
    pub blobs: BTreeMap<BlobId, String>,
    pub notes: Vec<String>,
}

/// How many files are named for one object.
const FILES_NAMED: usize = 10;

/// So often is looked again at what others change meanwhile.
const LOOKS: usize = 10;

/// Checks structure, and data as far as it is asked for. Others may write and prune meanwhile.
pub fn check(
    repository: &Arc<Repository>,
    options: CheckOptions,
    monitor: Arc<dyn Monitor>,
) -> Result<CheckReport, RepoError> {
    let tally = Tally::new(monitor);
    let mut look = look_until_still(repository, &tally)?;
    let (reader, findings, mut report) = (&look.reader, &mut look.findings, look.report);
    if options.read != ReadData::None {
        tally.stage(Stage::ReadingData);
        let read = data::read(reader, options.read, findings, tally.as_ref())?;
        (report.packs_read, report.bytes_read) = (read.packs, read.bytes);
    }
    let bad: HashSet<BlobId> = findings.blobs.keys().copied().collect();
    let files = touched::files(reader, &look.ledger.live, &bad, tally.as_ref())?;
    if options.mark {
        mark(repository, findings);
    }
    Ok(finish(look.findings, files, report))
}

/// One look at the structure.
struct Look {
    reader: BlobReader,
    ledger: Ledger,
    findings: Findings,
    report: CheckReport,
}

/// What a writer or a prune is doing may look like damage. It is damage if the repository stood
/// still meanwhile.
fn look_until_still(repository: &Arc<Repository>, tally: &Arc<Tally>) -> Result<Look, RepoError> {
    let mut before = repository.outline()?;
    let mut looks = 1;
    loop {
        tally.stage(Stage::Checking);
        let found = look(repository, tally)?;
        let after = repository.outline()?;
        let clean = found.findings.objects.is_empty() && found.findings.packs.is_empty();
        if clean || before == after || looks == LOOKS {
            return Ok(found);
        }
        (before, looks) = (after, looks + 1);
    }
}

fn look(repository: &Arc<Repository>, tally: &Arc<Tally>) -> Result<Look, RepoError> {
    let mut findings = Findings::default();
    let mut report = CheckReport::default();
    structure::check_small_objects(repository, &mut findings)?;
    let ledger = repository.ledger()?;
    let catalog = structure::catalog(repository, &mut findings)?;
    structure::check_chains(&ledger, &mut findings);
    report.snapshots = ledger.live.len() as u64;
    report.packs = catalog.listed().len() as u64;
    structure::check_packs(repository, &catalog, &mut findings)?;
    let reader = BlobReader::with_catalog(Arc::clone(repository), catalog);
    let walked = structure::check_trees(&reader, &ledger, &mut findings, tally.as_ref())?;
    (report.trees, report.blobs) = (walked.trees, walked.blobs);
    Ok(Look { reader, ledger, findings, report })
}

/// Best effort: a check may run on a repository that it cannot write.
fn mark(repository: &Repository, findings: &Findings) {
    for (pack, why) in &findings.packs {
        let _ = repository.mark_damaged(pack, why);
    }
}

type Touched = BTreeMap<BlobId, touched::Files>;

fn finish(findings: Findings, mut files: Touched, mut report: CheckReport) -> CheckReport {
    let mut damages: BTreeMap<String, Damage> = BTreeMap::new();
    let packs = findings.packs.iter().map(|(pack, why)| (crate::format::pack_name(pack), why));
    for (object, why) in packs.chain(findings.objects.iter().map(|(o, why)| (o.clone(), why))) {
        let (files, more_files) = (Vec::new(), 0);
        let damage = Damage { object: object.clone(), why: why.clone(), files, more_files };
        damages.insert(object, damage);
    }
    for (blob, object) in &findings.blobs {
        let (Some(damage), Some(touched)) = (damages.get_mut(object), files.remove(blob)) else {
            continue;
        };
        damage.more_files += touched.more;
        for file in touched.named {
            match damage.files.len() < FILES_NAMED {
                _ if damage.files.contains(&file) => {}
                true => damage.files.push(file),
                false => damage.more_files += 1,
            }
        }
    }
    report.damages = damages.into_values().collect();
    report.notes = findings.notes;
    report
}
