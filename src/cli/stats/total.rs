//! Sizes as a whole.

use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::progress::Progress;
use crate::cli::retention::{Retention, RuleFlags};
use crate::cli::table::{Cell, Table};
use crate::cli::text::{count, time};
use crate::model::SessionId;
use crate::ops::{
    Content, PlanOptions, RepositoryStats, Thrift, is_dead_process, plan_forget, repository_stats,
};
use crate::policy::format_size;
use crate::repo::{Ledger, Repository};
use serde::Serialize;
use std::collections::HashSet;
use std::sync::Arc;

/// What is common to the sizes of everything. Where restic has the name it is restic's, of
/// `stats --mode raw-data`.
#[derive(Serialize)]
struct ContentSummary {
    snapshots_count: u64,
    /// As restored.
    restore_size: u64,
    total_file_count: u64,
    total_folder_count: u64,
    total_blob_count: u64,
    /// Plain bytes of distinct blobs, and what they take.
    total_uncompressed_size: u64,
    total_size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    compression_ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compression_space_saving: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dedup_ratio: Option<f64>,
    data_blob_count: u64,
    data_size: u64,
    tree_blob_count: u64,
    tree_size: u64,
}

impl From<&Content> for ContentSummary {
    fn from(content: &Content) -> Self {
        let blobs = content.blobs();
        let compression = ratio(blobs.plain, blobs.stored);
        Self {
            snapshots_count: content.snapshots,
            restore_size: content.restored.bytes,
            total_file_count: content.restored.files,
            total_folder_count: content.restored.directories,
            total_blob_count: blobs.count,
            total_uncompressed_size: blobs.plain,
            total_size: blobs.stored,
            compression_ratio: compression,
            compression_space_saving: compression.map(|ratio| (1.0 - 1.0 / ratio) * 100.0),
            dedup_ratio: ratio(content.restored.bytes, content.data.plain),
            data_blob_count: content.data.count,
            data_size: content.data.stored,
            tree_blob_count: content.trees.count,
            tree_size: content.trees.stored,
        }
    }
}

#[derive(Serialize)]
struct RepositorySummary {
    #[serde(flatten)]
    content: ContentSummary,
    /// Everything in the repository.
    stored_size: u64,
    packs_count: u64,
    packs_size: u64,
    table_size: u64,
    garbage_size: u64,
    under_way_size: u64,
    index_size: u64,
    other_size: u64,
    /// What pruning would forget and free; without forgetting.
    snapshots_forgotten: u64,
    prune_bytes_freed: u64,
    prune_space_only_bytes_freed: u64,
}

/// How many times the second goes into the first; `None` where that says nothing.
fn ratio(large: u64, small: u64) -> Option<f64> {
    (large > 0 && small > 0).then(|| large as f64 / small as f64)
}

/// `deduplicated 2.00 : 1`; nothing where there is no ratio.
fn shown_ratio(what: &str, large: u64, small: u64) -> String {
    ratio(large, small).map_or(String::new(), |ratio| format!("{what} {ratio:.2} : 1"))
}

/// Sizes of snapshots, or of a part of one.
pub fn print_content(context: &Context, content: &Content) -> Result<(), Failure> {
    context.output.object("summary", &ContentSummary::from(content))?;
    let mut table = content_table(content);
    let blobs = content.blobs();
    row(
        &mut table,
        "stored",
        blobs.stored,
        shown_ratio("in all", content.restored.bytes, blobs.stored),
    );
    data_rows(&mut table, content);
    print(context, &table)
}

fn print(context: &Context, table: &Table) -> Result<(), Failure> {
    // The first row is the head, which would say nothing.
    table.render().skip(1).try_for_each(|line| context.output.line(line))
}

fn row(table: &mut Table, what: &str, bytes: u64, text: String) {
    table.row([Cell::left(what), Cell::right(format_size(bytes)), Cell::left(text)]);
}

/// From what is restored to what is stored.
fn content_table(content: &Content) -> Table {
    let Content { restored, data, .. } = content;
    let mut table = Table::new([Cell::left("")]);
    let files = count(restored.files, "file", "files");
    let folders = count(restored.directories, "folder", "folders");
    row(&mut table, "as restored", restored.bytes, format!("{files}, {folders}"));
    let same = shown_ratio("deduplicated", restored.bytes, data.plain);
    let blobs = count(data.count, "blob", "blobs");
    row(&mut table, "unique", data.plain, with(blobs, &same));
    row(&mut table, "compressed", data.stored, shown_ratio("compressed", data.plain, data.stored));
    table
}

fn with(text: String, more: &str) -> String {
    if more.is_empty() { text } else { format!("{text}, {more}") }
}

fn data_rows(table: &mut Table, content: &Content) {
    let Content { data, trees, .. } = content;
    row(table, "  data", data.stored, String::new());
    row(table, "  folders", trees.stored, count(trees.count, "blob", "blobs"));
}

/// Sizes of the repository, and what pruning would free.
pub fn repository(
    context: &Context,
    repository: &Arc<Repository>,
    ledger: &Ledger,
) -> Result<(), Failure> {
    let (retention, forgotten) = retention(context, repository)?;
    let options = PlanOptions {
        thrift: Thrift::STANDARD,
        forgotten,
        is_dead: &|session| is_dead_process(session),
    };
    let progress = Progress::start(context);
    let stats = repository_stats(repository, &options, progress.monitor().as_ref());
    drop(progress);
    let stats = stats?;
    let forgotten = options.forgotten.len() as u64;
    context.output.object("summary", &summary(&stats, forgotten))?;
    print_snapshots(context, ledger)?;
    print_repository(context, &stats)?;
    print_prune(context, &stats, retention.as_ref(), forgotten)
}

/// What `snap prune` would apply here, and what it would forget; `None` if it would refuse to.
fn retention(
    context: &Context,
    repository: &Repository,
) -> Result<(Option<Retention>, HashSet<SessionId>), Failure> {
    let rules = RuleFlags::default();
    let retention = match rules.retention(context)? {
        Some(retention) => retention,
        None => match rules.stored(repository) {
            Ok(retention) => retention,
            // It keeps nothing.
            Err(failure) if failure.code() == Code::Usage => return Ok((None, HashSet::new())),
            Err(failure) => return Err(failure),
        },
    };
    let Retention { policy, by, filter, .. } = &retention;
    let plan = plan_forget(repository, policy, *by, filter, &context.now)?;
    let forgotten = plan.forgotten().map(|snapshot| snapshot.id).collect();
    Ok((Some(retention), forgotten))
}

fn summary(stats: &RepositoryStats, forgotten: u64) -> RepositorySummary {
    RepositorySummary {
        content: ContentSummary::from(&stats.content),
        stored_size: stats.total_bytes(),
        packs_count: stats.packs,
        packs_size: stats.pack_bytes,
        table_size: stats.table_bytes,
        garbage_size: stats.garbage_bytes,
        under_way_size: stats.under_way_bytes,
        index_size: stats.index_bytes,
        other_size: stats.other_bytes,
        snapshots_forgotten: forgotten,
        prune_bytes_freed: stats.prune.bytes_freed,
        prune_space_only_bytes_freed: stats.prune_space.bytes_freed,
    }
}

fn print_snapshots(context: &Context, ledger: &Ledger) -> Result<(), Failure> {
    let zone = context.now.time_zone();
    let snapshots = count(ledger.live.len() as u64, "snapshot", "snapshots");
    let line = match (ledger.live.first(), ledger.live.last()) {
        (Some(first), Some(last)) if first.id != last.id => {
            let (first, last) = (time(first.begun, zone), time(last.begun, zone));
            format!("{snapshots}, begun {first} to {last}")
        }
        (Some(first), _) => format!("{snapshots}, begun {}", time(first.begun, zone)),
        _ => snapshots,
    };
    context.output.line(line)
}

fn print_repository(context: &Context, stats: &RepositoryStats) -> Result<(), Failure> {
    let mut table = content_table(&stats.content);
    let total = stats.total_bytes();
    let packs = count(stats.packs, "pack", "packs");
    let in_all = shown_ratio("in all", stats.content.restored.bytes, total);
    row(&mut table, "stored", total, with(packs, &in_all));
    data_rows(&mut table, &stats.content);
    row(&mut table, "  tables, index", stats.table_bytes + stats.index_bytes, String::new());
    row(&mut table, "  the rest", stats.other_bytes, "snapshots, keys, settings".to_owned());
    row(&mut table, "  garbage", stats.garbage_bytes, "what no snapshot needs".to_owned());
    if stats.under_way_bytes > 0 {
        row(&mut table, "  under way", stats.under_way_bytes, "of writers".to_owned());
    }
    print(context, &table)
}

fn print_prune(
    context: &Context,
    stats: &RepositoryStats,
    retention: Option<&Retention>,
    forgotten: u64,
) -> Result<(), Failure> {
    let output = &context.output;
    let freed = format_size(stats.prune.bytes_freed);
    let all = count(stats.content.snapshots, "snapshot", "snapshots");
    let Some(Retention { policy, origin, .. }) = retention else {
        return output.line(format!("`snap prune --space-only` would free {freed}"));
    };
    output.line(format!("`snap prune` would free {freed}: {forgotten} of {all} would go"))?;
    if forgotten > 0 {
        let freed = format_size(stats.prune_space.bytes_freed);
        output.line(format!("  {freed} with --space-only, which forgets nothing"))?;
    }
    output.say(format!("  the policy {origin}:\n    {policy}"))
}
