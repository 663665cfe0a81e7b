//! What a prune would do, and what it would free. Changes nothing.

use super::choose::{Choice, choose};
use super::estimate::{Written, index_freed, marks, written};
use super::steps::DEAD_AFTER_SECONDS;
use super::survey::{Inventory, PackUse};
use super::{PlanOptions, PrunePlan};
use crate::model::{Monitor, SessionId, Snapshot, Stage};
use crate::ops::live::LiveBlobs;
use crate::repo::{RepoError, Repository, Undecided};
use crate::storage::Folder;
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

/// What a prune would do now, after the snapshots in the options are forgotten. It chooses the
/// packs that the prune will choose.
pub fn plan_prune(
    repository: &Arc<Repository>,
    options: &PlanOptions<'_>,
    monitor: &dyn Monitor,
) -> Result<PrunePlan, RepoError> {
    monitor.stage(Stage::Planning);
    let inventory = inventory_for(repository, options)?;
    let is_kept = |snapshot: &&Snapshot| !options.forgotten.contains(&snapshot.id);
    let kept: Cow<'_, [Snapshot]> = match options.forgotten.is_empty() {
        true => Cow::Borrowed(&inventory.ledger.live),
        false => inventory.ledger.live.iter().filter(is_kept).cloned().collect(),
    };
    let (reader, index) = (&inventory.reader, inventory.catalog.index());
    let live = LiveBlobs::of_snapshots(reader, index, &kept, monitor)?;
    plan_of(&inventory, &live, options)
}

/// What there is, without the sessions that the prune will shut out.
pub fn inventory_for(
    repository: &Arc<Repository>,
    options: &PlanOptions<'_>,
) -> Result<Inventory, RepoError> {
    let now = repository.clock().now().as_second();
    Inventory::take(repository, &|session: &Undecided| {
        (options.is_dead)(session)
            || now.saturating_sub(session.last_sign.as_second()) > DEAD_AFTER_SECONDS
    })
}

/// The same plan, where it is known what is needed.
pub fn plan_of(
    inventory: &Inventory,
    live: &LiveBlobs,
    options: &PlanOptions<'_>,
) -> Result<PrunePlan, RepoError> {
    let uses = inventory.uses(live)?;
    let pack_size = inventory.reader.repository().config().pack_size;
    let choice = choose(&uses.free, options.thrift.for_packs_of(pack_size));
    let bytes = |packs: &[PackUse]| packs.iter().map(|pack| pack.size).sum();
    let mut plan = PrunePlan {
        packs: uses.free.len() as u64,
        bytes: bytes(&uses.free),
        packs_dead: choice.dead.len() as u64,
        bytes_dead: bytes(&choice.dead),
        packs_rewritten: choice.rewritten.len() as u64,
        bytes_rewritten: bytes(&choice.rewritten),
        bytes_copied: choice.rewritten.iter().map(|pack| pack.live).sum(),
        bytes_freed: 0,
        bytes_left: choice.left,
        bytes_under_way: uses.bytes_under_way,
    };
    let packs = plan.bytes_dead + plan.bytes_rewritten;
    let written = written(inventory, live, &uses, &choice)?;
    plan.bytes_freed = freed(inventory, &choice, packs, written, &options.forgotten)?;
    Ok(plan)
}

/// Packs of `packs` bytes go, and are written anew in part; so does the index; and the commits of
/// what is forgotten go.
fn freed(
    inventory: &Inventory,
    choice: &Choice,
    packs: u64,
    written: Written,
    forgotten: &HashSet<SessionId>,
) -> Result<u64, RepoError> {
    let repository = inventory.reader.repository();
    let Written { packs: new, bytes: written } = written;
    let index = index_freed(repository, choice, new)?;
    let snapshots = inventory.ledger.live.iter();
    let going: Vec<&Snapshot> =
        snapshots.filter(|snapshot| forgotten.contains(&snapshot.id)).collect();
    let freed = packs.saturating_add(commits(inventory, forgotten)?).saturating_add_signed(index);
    Ok(freed.saturating_sub(written).saturating_sub(marks(choice, &going)))
}

/// Bytes of the commits that will go: a forgotten one stays until the next prune.
fn commits(inventory: &Inventory, forgotten: &HashSet<SessionId>) -> Result<u64, RepoError> {
    let listed = inventory.reader.repository().storage().list(Folder::Snapshots)?;
    let goes =
        |id: SessionId| forgotten.contains(&id) || inventory.ledger.forgotten_commits.contains(&id);
    let going = listed.iter().filter(|listed| listed.name.last().parse().is_ok_and(goes));
    Ok(going.map(|listed| listed.size).sum())
}
