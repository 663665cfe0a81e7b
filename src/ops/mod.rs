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
mod spare;
mod tally;

pub use backup::{
    BackupError, BackupOptions, BackupReport, DatabaseReport, DatabaseSource, DatabasesBackup,
    FilesBackup, Prepared, backup, backup_files, backup_source,
};
pub use check::{CheckOptions, CheckReport, Damage, ReadData, check};
pub use forget::{ForgetError, ForgetGroup, ForgetPlan, forget, plan_forget};
pub use process::{is_dead_process, process_identity};
pub use prune::{PruneOptions, PrunePlan, PruneReport, Thrift, plan_prune, prune};
pub use repair::{IndexRepair, repair_index};
pub use repair_snapshots::{SnapshotRepair, repair_snapshots};
pub use restore::{
    CollectionReport, Conflict, DatabaseRestoreError, DatabaseRestoreOptions,
    DatabaseRestoreReport, Rename, RestoreAction, RestoreError, RestoreOptions, RestoreReport,
    RestoreStep, StepSink, Wanted, restore, restore_databases, restore_into,
};
pub use tally::Tally;
