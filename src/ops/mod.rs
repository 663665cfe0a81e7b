//! The verbs, one each: they introduce sources and targets to the repository. What deletes or
//! overwrites is split into a plan, which can be printed, and its execution.

mod backup;
mod tally;

pub use backup::{BackupOptions, BackupReport, FilesBackup, backup_files, backup_source};
pub use tally::Tally;
