//! The verbs, one each: they introduce sources and targets to the repository. What deletes or
//! overwrites is split into a plan, which can be printed, and its execution.

mod backup;
mod check;
mod configure;
mod copy;
mod diff;
mod documents;
mod dump;
mod find;
mod forget;
mod forward;
mod fuzzy;
mod import;
mod keys;
mod live;
mod log;
mod nameless;
mod portion;
mod process;
mod protect;
mod prune;
mod reach;
mod repair;
mod repair_snapshots;
mod restore;
mod rollback;
mod sorter;
mod spare;
mod stats;
mod tag;
mod tally;
mod tree_batches;
mod tree_cursor;
pub mod view;
mod walk_tree;

pub use backup::{
    BackupError, BackupOptions, BackupReport, DatabaseReport, DatabaseSource, DatabasesBackup,
    FILES, FilesBackup, MONGODB, Prepared, StreamBackup, StreamError, StreamInput, backup,
    backup_files, backup_source, backup_stream,
};
pub use check::{CheckOptions, CheckReport, Damage, ReadData, Verification, check};
pub use configure::{ConfigureError, SettingsChange, SettingsReport, change_settings, settings};
pub use copy::{
    CopyError, CopyEstimate, CopyOptions, CopyPlan, CopyReport, LogCopyReport, copy, copy_log,
    estimate_copy, plan_copy,
};
pub use diff::{
    Change, DiffError, DiffSide, LARGEST_TEXT, LiveContent, LiveDiff, LiveReport, Modifier,
    Statistics, Sums, TextDifference, diff, diff_live, live_path, live_text, text_difference,
    text_of,
};
pub use documents::{
    DocumentChange, DocumentCounts, DocumentHistory, DocumentLine, DocumentStep, SoughtDocument,
    diff_documents, document_history, each_document, id_of,
};
pub use dump::{
    ArchiveFormat, DocumentFormat, DumpError, DumpReport, NewFile, copy_file, dump_collection,
    dump_document, dump_file, dump_folder, read_attribute,
};
pub use find::{
    ContentSought, Criteria, FindError, FindReport, Found, HistoryLine, HistoryStep, KindSought,
    Match, SnapshotSet, Version, find, history,
};
pub use forget::{ForgetError, ForgetGroup, ForgetPlan, forget, plan_forget};
pub use forward::{
    ChangeEntries, ChangeLog, ChangeLogError, Choice, ChosenBase, Forward, ForwardError,
    ForwardRequest, KeptLog, LastChange, LogProof, LogProofOutcome, ServerLog, Unreachable, Until,
    choose_base, prove_log, roll_forward,
};
pub use fuzzy::{fuzzy_collections, is_fuzzy};
pub use import::{
    ImportError, ImportOptions, ImportReport, Importable, ImportedDatabase, Verdict, find_imports,
    import,
};
pub use keys::{KeyError, add_key, current_key, remove_key, replace_key};
pub use log::{
    LogOverview, LoggedChange, LoggedKind, WindowOverview, log_history, log_overview,
    newest_base_before,
};
pub use process::{is_dead_process, process_identity};
pub use protect::{
    ProtectError, ProtectEvent, ProtectOptions, ProtectReport, ProtectWatch, protect,
};
pub use prune::{LogPruneReport, merge_log, plan_prune_log, prune_log};
pub use prune::{PlanOptions, PruneOptions, PrunePlan, PruneReport, Thrift, plan_prune, prune};
pub use repair::{IndexRepair, repair_index};
pub use repair_snapshots::{SnapshotRepair, accept_lost, repair_snapshots};
pub use restore::{
    CollectionComparison, CollectionReport, Conflict, DatabaseRestore, DatabaseRestoreError,
    DatabaseRestoreOptions, DatabaseRestoreReport, DatabaseRollback, DatabaseRollbackReport,
    DocumentConflict, DumpedCollection, DumpedDatabases, FieldPath, InPlaceOptions, InPlaceReport,
    MatchKey, NamespaceRollback, Outcome, Rename, RestoreAction, RestoreError, RestoreOptions,
    RestorePlan, RestoreReport, RestoreStep, Root, Samples, Selection, StepSink, Validation,
    Wanted, end_parts, plan_in_place, restore, restore_databases_into_folder, restore_in_place,
    restore_into,
};
pub use rollback::{
    InPlacePart, InPlaceRun, RollbackPlan, list_in_place, plan_rollback, rollback, to_undo,
};
pub use stats::{
    Blobs, Content, Grouping, Growth, GrowthPeriod, RepositoryStats, Share, ShareName,
    SnapshotShare, Unit, content_of, content_of_entries, growth, repository_stats,
    share_by_snapshot, share_of_entries, share_of_snapshots,
};
pub use tag::{TagChange, TagReport, tag};
pub use tally::Tally;
pub use walk_tree::walk_tree;
