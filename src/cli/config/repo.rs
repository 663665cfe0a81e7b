//! `snap config repo`

use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::keep::KeepFlags;
use crate::cli::open::open;
use crate::cli::store::{StoreFlags, change};
use crate::codec::{ChunkParameters, Compression};
use crate::format::RepositoryConfig;
use crate::ops::{SettingsReport, change_settings, settings};
use crate::policy::format_size;
use crate::settings::policy_from_pairs;
use serde::Serialize;
use std::collections::BTreeMap;

const AFTER_HELP: &str = "\
Examples:
  snap config repo
  snap config repo --keep-daily 14 --keep-weekly 8 --keep-yearly unlimited
  snap config repo --compression 9 --pack-size 32M

The --keep flags together are the new policy: rules that are not named are
gone. What is stored already stays as it is; backups from now on are made as
said here.";

/// Show or change the settings that the repository keeps for all who use it.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The sizes of chunks: shown, and never changed
    #[arg(long, value_name = "SIZE", hide = true)]
    chunk_size: Option<String>,
    #[command(flatten)]
    store: StoreFlags,
    #[command(flatten)]
    keep: KeepFlags,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    if arguments.chunk_size.is_some() {
        return Err(Failure::usage("the sizes of chunks cannot be changed")
            .because(
                "what is cut in other places is stored again, so all that is there would be stored \
             twice",
            )
            .hint("make another repository, and copy the snapshots there"));
    }
    let change = change(&arguments.store, &arguments.keep)?;
    let repository = open(context)?;
    let report = match change.is_empty() {
        true => settings(&repository)?,
        false => change_settings(&repository, &change)?,
    };
    context.output.object("settings", &SettingsMessage::new(&report))?;
    print(context, &report, change.is_empty())?;
    Ok(Code::Done)
}

/// `settings`.
#[derive(Serialize)]
struct SettingsMessage<'a> {
    number: u64,
    changed: bool,
    chunk_size_least: u32,
    chunk_size_average: u32,
    chunk_size_largest: u32,
    /// The level; 0 is none.
    compression: i32,
    pack_size: u32,
    reserve: u64,
    retention: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> SettingsMessage<'a> {
    fn new(report: &'a SettingsReport) -> Self {
        let RepositoryConfig { chunks, compression, pack_size, reserve, retention } = &report.now;
        let mut rules: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (rule, value) in retention {
            rules.entry(rule).or_default().push(value);
        }
        Self {
            number: report.number,
            changed: report.now != report.before,
            chunk_size_least: chunks.least(),
            chunk_size_average: chunks.average(),
            chunk_size_largest: chunks.largest(),
            compression: match compression {
                Compression::None => 0,
                Compression::Zstd(level) => *level,
            },
            pack_size: *pack_size,
            reserve: *reserve,
            retention: rules,
        }
    }
}

fn print(context: &Context, report: &SettingsReport, only_asked: bool) -> Result<(), Failure> {
    let (before, now) = (lines(&report.before)?, lines(&report.now)?);
    for ((name, was), (_, is)) in before.iter().zip(&now) {
        context.output.line(match was == is {
            true => format!("{name:<13}{is}"),
            false => format!("{name:<13}{is} (was: {was})"),
        })?;
    }
    if report.others > 0 {
        context.output.say("somebody else changed settings at the same time: both are in force")?;
    }
    match (only_asked, report.before == report.now) {
        (true, _) => Ok(()),
        (false, true) => context.output.say("it was so before: nothing was changed"),
        (false, false) => context.output.say(format!("stored as config/{}", report.number)),
    }
}

/// Each setting with its name.
fn lines(config: &RepositoryConfig) -> Result<[(&'static str, String); 5], Failure> {
    let size = |bytes: u32| format_size(u64::from(bytes));
    let chunks: &ChunkParameters = &config.chunks;
    let (least, average, largest) =
        (size(chunks.least()), size(chunks.average()), size(chunks.largest()));
    Ok([
        ("chunks", format!("{average} on average, {least} to {largest}; never changed")),
        (
            "compression",
            match config.compression {
                Compression::None => "none".to_owned(),
                Compression::Zstd(level) => format!("zstd, level {level}"),
            },
        ),
        ("pack size", format!("{} or more", size(config.pack_size))),
        ("reserve", format_size(config.reserve)),
        ("retention", policy_from_pairs(&config.retention)?.to_string()),
    ])
}
