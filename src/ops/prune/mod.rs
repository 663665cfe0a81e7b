//! Prune: space that no snapshot needs is given back, while others write (design §5, P1 to P9).
//! The order of the storage calls is the proof; `tests/protocol_order.rs` holds it to the model.

mod balance;
mod choose;
mod copy;
mod damage;
mod estimate;
mod log;
mod plan;
mod reseal;
mod run;
mod steps;
mod survey;

pub use choose::Thrift;
pub use log::{LogPruneReport, merge_log, plan_prune_log, prune_log};
pub use plan::plan_prune;
pub(super) use plan::{inventory_for, plan_of};
pub use run::prune;
pub(super) use survey::{Inventory, PackUse, Uses, needed};

use crate::model::SessionId;
use crate::repo::{Undecided, Writer};
use std::collections::HashSet;
use std::time::Duration;

/// How to prune.
pub struct PruneOptions<'a> {
    pub writer: Writer,
    /// Says of a session without an end whether its process is gone for sure.
    pub is_dead: &'a dyn Fn(&Undecided) -> bool,
    /// Sessions that the user says are dead.
    pub named_dead: Vec<SessionId>,
    /// How long to wait for writers under way before the rest is left to the next prune.
    pub patience: Duration,
    pub pause: &'a dyn Fn(Duration),
    pub thrift: Thrift,
    /// The user's word that nobody else writes: then a store may be pruned that does not keep
    /// what the protocol rests on.
    pub alone: bool,
}

impl Thrift {
    /// One part in a hundred may stay dead; packs below 4 MiB are put together when there are
    /// ten.
    pub const STANDARD: Self = Self { tolerated: 0.01, small: 4 << 20, rewrite: true };

    /// The same where packs are to have so many bytes.
    pub(super) fn for_packs_of(self, bytes: u32) -> Self {
        Self { small: self.small.min(u64::from(bytes / 4)), ..self }
    }
}

/// What a prune would be asked to do.
pub struct PlanOptions<'a> {
    pub thrift: Thrift,
    /// Snapshots that are to be forgotten first.
    pub forgotten: HashSet<SessionId>,
    /// As in [`PruneOptions`]; sessions named dead are to be among them.
    pub is_dead: &'a dyn Fn(&Undecided) -> bool,
}

/// What a prune would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PrunePlan {
    pub packs: u64,
    pub bytes: u64,
    pub packs_dead: u64,
    pub bytes_dead: u64,
    pub packs_rewritten: u64,
    /// Bytes of those packs, and what of them is live.
    pub bytes_rewritten: u64,
    pub bytes_copied: u64,
    /// By so much less is stored afterwards, all in all.
    pub bytes_freed: u64,
    /// Bytes of dead blobs that stay in packs with live ones.
    pub bytes_left: u64,
    /// Bytes of writers under way, which are not looked at.
    pub bytes_under_way: u64,
}

/// What a prune did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PruneReport {
    pub packs_deleted: u64,
    /// Bytes of those packs.
    pub bytes_deleted: u64,
    pub packs_rewritten: u64,
    pub bytes_copied: u64,
    /// By so much less is stored than before: packs, index, snapshots and marks. What others
    /// stored meanwhile is not looked at.
    pub bytes_freed: u64,
    pub bytes_left: u64,
    /// Writers that were waited for in vain: a later prune goes on from here.
    pub waiting_for: Vec<String>,
    /// Sessions that were taken for dead and shut out.
    pub fenced: u64,
    /// Needed blobs that no pack has: damage that `check` names.
    pub missing: u64,
}
