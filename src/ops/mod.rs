//! The verbs, one each: they introduce sources and targets to the repository. What deletes or
//! overwrites is split into a plan, which can be printed, and its execution.

mod backup;
mod check;
mod forget;
mod live;
mod process;
mod prune;
mod reach;
mod repair;
mod repair_snapshots;
mod restore;
mod spare;
mod stats;
mod tally;

pub use backup::{
    BackupError, BackupOptions, BackupReport, FilesBackup, Prepared, backup_files, backup_source,
};
pub use check::{CheckOptions, CheckReport, Damage, ReadData, Verification, check};
pub use forget::{ForgetError, ForgetGroup, ForgetPlan, forget, plan_forget};
pub use process::{is_dead_process, process_identity};
pub use prune::{PlanOptions, PruneOptions, PrunePlan, PruneReport, Thrift, plan_prune, prune};
pub use repair::{IndexRepair, repair_index};
pub use repair_snapshots::{SnapshotRepair, repair_snapshots};
pub use restore::{
    Conflict, RestoreAction, RestoreError, RestoreOptions, RestoreReport, RestoreStep, StepSink,
    Wanted, restore, restore_into,
};
pub use stats::{
    Blobs, Content, Grouping, Growth, GrowthPeriod, RepositoryStats, Share, ShareName,
    SnapshotShare, Unit, content_of, content_of_entries, growth, repository_stats,
    share_by_snapshot, share_of_entries, share_of_snapshots,
};
pub use tally::Tally;
