//! Check: is everything there that the snapshots need, and is it what it should be? Damage is
//! named by object and by the files it touches, and marked, so that the next backup that still
//! has the data stores it again.

mod data;
mod structure;
mod touched;

use super::Tally;
use crate::model::{BlobId, Monitor, PackId, Stage};
use crate::repo::{RepoError, Repository};
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

/// Checks structure, and data as far as it is asked for.
pub fn check(
    repository: &Arc<Repository>,
    options: CheckOptions,
    monitor: Arc<dyn Monitor>,
) -> Result<CheckReport, RepoError> {
    let tally = Tally::new(monitor);
    tally.stage(Stage::Checking);
    let mut findings = Findings::default();
    let mut report = CheckReport::default();
    structure::check_small_objects(repository, &mut findings)?;
    let catalog = structure::catalog(repository, &mut findings)?;
    let ledger = repository.ledger()?;
    structure::check_chains(&ledger, &mut findings);
    report.snapshots = ledger.live.len() as u64;
    report.packs = catalog.listed().len() as u64;
    structure::check_packs(repository, &catalog, &mut findings)?;
    let reader = crate::repo::BlobReader::with_catalog(Arc::clone(repository), catalog);
    let walked = structure::check_trees(&reader, &ledger, &mut findings, tally.as_ref())?;
    (report.trees, report.blobs) = (walked.trees, walked.blobs);
    if options.read != ReadData::None {
        tally.stage(Stage::ReadingData);
        let read = data::read(&reader, options.read, &mut findings, tally.as_ref())?;
        (report.packs_read, report.bytes_read) = (read.packs, read.bytes);
    }
    let bad: HashSet<BlobId> = findings.blobs.keys().copied().collect();
    let files = touched::files(&reader, &ledger.live, &bad, tally.as_ref())?;
    if options.mark {
        mark(repository, &findings);
    }
    Ok(finish(findings, files, report))
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
