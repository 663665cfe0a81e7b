//! The repository as a whole.

use super::Content;
use crate::model::{Monitor, Stage};
use crate::ops::live::LiveBlobs;
use crate::ops::prune::{Inventory, PackUse, PlanOptions, PrunePlan, Uses, inventory_for, plan_of};
use crate::repo::{RepoError, Repository};
use crate::storage::Folder;
use std::collections::HashSet;
use std::sync::Arc;

/// What is stored, what for, and what of it could go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepositoryStats {
    pub content: Content,
    pub packs: u64,
    /// Bytes of packs and of everything else.
    pub pack_bytes: u64,
    pub index_bytes: u64,
    pub other_bytes: u64,
    /// Of the packs: their tables; what no snapshot needs; what writers under way have stored.
    pub table_bytes: u64,
    pub garbage_bytes: u64,
    pub under_way_bytes: u64,
    /// What pruning would do now, without forgetting anything.
    pub prune_space: PrunePlan,
    /// What it would do after the snapshots named in the options are forgotten.
    pub prune: PrunePlan,
}

impl RepositoryStats {
    /// Bytes of all objects.
    pub fn total_bytes(&self) -> u64 {
        self.pack_bytes + self.index_bytes + self.other_bytes
    }
}

/// Takes stock of everything. Reads the index and each tree once. `options` say which snapshots
/// pruning would forget.
pub fn repository_stats(
    repository: &Arc<Repository>,
    options: &PlanOptions<'_>,
    monitor: &dyn Monitor,
) -> Result<RepositoryStats, RepoError> {
    monitor.stage(Stage::Planning);
    let inventory = inventory_for(repository, options)?;
    let (reader, index) = (&inventory.reader, inventory.catalog.index());
    let snapshots = &inventory.ledger.live;
    let forgotten = &options.forgotten;
    let (kept, all) = LiveBlobs::without_and_with(reader, index, snapshots, forgotten, monitor)?;
    let nothing = PlanOptions { forgotten: HashSet::new(), ..*options };
    let stats = RepositoryStats {
        content: Content::of_live(index, &all).with_restored(snapshots),
        prune_space: plan_of(&inventory, &all, &nothing)?,
        prune: plan_of(&inventory, &kept, options)?,
        ..RepositoryStats::default()
    };
    let stats = with_packs(stats, &inventory, &inventory.uses(&all)?);
    with_objects(stats, repository)
}

fn with_packs(mut stats: RepositoryStats, inventory: &Inventory, uses: &Uses) -> RepositoryStats {
    let listed = inventory.catalog.listed();
    stats.packs = listed.len() as u64;
    stats.pack_bytes = listed.values().map(|pack| pack.size).sum();
    let table = |pack: &PackUse| match pack.number {
        Some(_) => pack.size.saturating_sub(pack.stored),
        None => 0,
    };
    stats.table_bytes = uses.free.iter().map(table).sum();
    stats.under_way_bytes = uses.bytes_under_way;
    let used = stats.content.blobs().stored + stats.table_bytes + stats.under_way_bytes;
    stats.garbage_bytes = stats.pack_bytes.saturating_sub(used);
    stats
}

fn with_objects(
    mut stats: RepositoryStats,
    repository: &Repository,
) -> Result<RepositoryStats, RepoError> {
    for folder in Folder::ALL.into_iter().filter(|folder| *folder != Folder::Packs) {
        let bytes: u64 = repository.storage().list(folder)?.iter().map(|object| object.size).sum();
        match folder {
            Folder::Index => stats.index_bytes += bytes,
            _ => stats.other_bytes += bytes,
        }
    }
    Ok(stats)
}
