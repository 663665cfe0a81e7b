//! The verbs, one each: they introduce sources and targets to the repository. What deletes or
//! overwrites is split into a plan, which can be printed, and its execution.

mod backup;
mod check;
mod forget;
mod live;
mod process;
mod prune;
mod repair;
mod repair_snapshots;
mod restore;
mod rollback;
mod spare;
mod tally;

pub use backup::{
    BackupError, BackupOptions, BackupReport, FilesBackup, Prepared, backup_files, backup_source,
};
pub use check::{CheckOptions, CheckReport, Damage, ReadData, check};
pub use forget::{ForgetError, ForgetGroup, ForgetPlan, forget, plan_forget};
pub use process::{is_dead_process, process_identity};
pub use prune::{PruneOptions, PrunePlan, PruneReport, Thrift, plan_prune, prune};
pub use repair::{IndexRepair, repair_index};
pub use repair_snapshots::{SnapshotRepair, repair_snapshots};
pub use restore::{
    Conflict, InPlaceOptions, InPlaceReport, RestoreAction, RestoreError, RestoreOptions,
    RestorePlan, RestoreReport, RestoreStep, Root, StepSink, Wanted, plan_in_place, restore,
    restore_in_place, restore_into,
};
pub use rollback::{
    InPlaceRun, RollbackPlan, list_in_place, newest_to_undo, plan_rollback, rollback,
};
pub use tally::Tally;
