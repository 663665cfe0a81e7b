//! `snap dump`

mod documents;
mod sink;

use super::asked::{Asked, find, lines_about};
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::open::open;
use super::place::{SnapshotPlace, find_places, is_of_database};
use super::progress::Progress;
use super::select::{FilterFlags, read_ledger};
use super::text::{count, readable, shell_word};
use crate::model::{Directory, Kind, Monitor};
use crate::ops::{
    ArchiveFormat, DumpError, DumpReport, NewFile, dump_collection, dump_document, dump_file,
    dump_folder,
};
use crate::policy::format_size;
use crate::repo::BlobReader;
use documents::DocumentFlags;
use serde::Serialize;
use sink::{Quiet, StandardOutput};
use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const AFTER_HELP: &str = "\
Examples:
  snap dump latest /srv/bot/config.py | less
  snap dump 1a2b3c4d:/srv/bot | tar -x --xattrs -C /tmp/look
  snap dump latest /srv/bot --archive zip --target bot.zip
  snap dump --at 'yesterday 02:00' /srv/bot/dump.sql | psql bot
  snap dump latest:bot/users > users.bson      a collection, as mongodump does
  snap dump latest:bot/users --format json | jq .phone
  snap dump latest:bot/users --id 65f0c0ffee0123456789abcd

A folder becomes a tar with all its metadata, in which names begin with the
folder's own: bot/config.py. Whole snapshots (path /) begin at the root. A zip
holds files, folders and symbolic links with modes and times, and nothing
else.

A collection is written as BSON, or as lines of extended JSON; `snap help
databases` tells how collections are named.

A file at --target appears when it is complete, or not at all.";

/// Write a file or collection of a snapshot to standard output, a folder as an archive.
#[derive(clap::Args)]
#[command(
    after_help = AFTER_HELP,
    override_usage = "snap dump <ID|latest> <PATH>\n       snap dump --at <TIME> <PATH>",
)]
pub struct Arguments {
    /// The snapshot (an id or latest; not with --at), and a file, folder or collection in it
    /// [default: all files]
    #[arg(value_name = "SNAPSHOT, PATH")]
    words: Vec<OsString>,
    /// Take the newest snapshot begun not after this
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// What a folder becomes
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    archive: ArchiveFlag,
    /// Write to this file instead of standard output; one that is there is replaced
    #[arg(short, long, value_name = "FILE")]
    target: Option<PathBuf>,

    #[command(flatten)]
    documents: DocumentFlags,
    #[command(flatten)]
    filter: FilterFlags,
}

#[derive(clap::ValueEnum, Debug, Clone, Copy, Default)]
pub enum ArchiveFlag {
    #[default]
    Tar,
    Zip,
}

impl From<ArchiveFlag> for ArchiveFormat {
    fn from(flag: ArchiveFlag) -> Self {
        match flag {
            ArchiveFlag::Tar => Self::Tar,
            ArchiveFlag::Zip => Self::Zip,
        }
    }
}

#[derive(Serialize)]
struct Summary {
    snapshot_id: String,
    target: String,
    entries: u64,
    bytes_dumped: u64,
    left_out: u64,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let asked = asked(context, arguments)?;
    let filter = arguments.filter.filter()?;
    let repository = open(context)?;
    let ledger = read_ledger(context, &repository)?;
    let snapshot = find(context, &ledger, &asked, &filter)?;
    let reader = BlobReader::for_reading(repository)?;
    let mut places = find_places(&reader, snapshot, &asked.paths)?;
    let place = places.pop().ok_or_else(|| Failure::usage("no path was named"))?;
    refuse_terminal(arguments, &place)?;
    arguments.documents.refuse_others(&place.entry.kind)?;
    refuse_other_format(arguments, &place)?;
    if context.output.is_verbose() || arguments.target.is_some() {
        lines_about(context, snapshot, asked.at.as_ref()).iter().for_each(|line| {
            context.output.aside_line(line);
        });
    }
    let report = match &arguments.target {
        Some(target) => dump_to(context, arguments, &reader, &place, target)?,
        None => dump_out(context, arguments, &reader, &place)?,
    };
    if let Some(target) = &arguments.target {
        let summary = Summary {
            snapshot_id: snapshot.id.hex(),
            target: target.to_string_lossy().into_owned(),
            entries: report.entries,
            bytes_dumped: report.bytes,
            left_out: report.left_out,
        };
        context.output.object("summary", &summary)?;
        let (entries, size) =
            (count(report.entries, "entry", "entries"), format_size(report.bytes));
        let shown = shell_word(target.as_os_str());
        context.output.say(format!("dumped into {shown}: {entries}, {size}"))?;
    }
    match report.left_out {
        0 => Ok(Code::Done),
        left_out => {
            let entries = count(left_out, "entry", "entries");
            Err(Failure::new(Code::Failed, format!("{entries} could not be put into the archive"))
                .hint("they are named above; the rest is there; `snap restore` brings all back"))
        }
    }
}

/// One snapshot and one path.
fn asked(context: &Context, arguments: &Arguments) -> Result<Asked, Failure> {
    let mut asked = Asked::new(context, arguments.at.as_ref(), &arguments.words)?;
    if asked.paths.is_empty() {
        asked.paths.push("/".into());
    }
    if asked.paths.len() > 1 {
        return Err(Failure::usage("one path at a time can be dumped")
            .hint("name the folder that holds them all, or run it once for each"));
    }
    if context.output.is_json() && arguments.target.is_none() {
        return Err(Failure::usage("--json would mix with the content on standard output")
            .hint("name a file with --target"));
    }
    Ok(asked)
}

/// An archive on a screen helps nobody.
fn refuse_terminal(arguments: &Arguments, place: &SnapshotPlace) -> Result<(), Failure> {
    let is_archive = matches!(place.entry.kind, Kind::Directory(_));
    match is_archive && arguments.target.is_none() && std::io::stdout().is_terminal() {
        true => Err(Failure::usage("a folder becomes an archive, which no terminal can show")
            .hint("write `| tar -t` behind it to list it, or --target FILE to keep it")),
        false => Ok(()),
    }
}

/// A file stays what it is; nobody who asks for an archive expects that.
fn refuse_archive_of_file(arguments: &Arguments, place: &SnapshotPlace) -> Result<(), Failure> {
    let is_file = matches!(place.entry.kind, Kind::File(_));
    match is_file && matches!(arguments.archive, ArchiveFlag::Zip) {
        true => Err(Failure::usage("--archive is for folders, and this is a file")
            .hint("name the folder that it is in, or leave out --archive to have the file itself")),
        false => Ok(()),
    }
}

/// A name that promises another format than what would be in the file.
fn refuse_other_format(arguments: &Arguments, place: &SnapshotPlace) -> Result<(), Failure> {
    let (Some(target), Kind::Directory(_)) = (&arguments.target, &place.entry.kind) else {
        return refuse_archive_of_file(arguments, place);
    };
    let name = shell_word(target.as_os_str());
    let ending = target.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let program = match (ending.to_ascii_lowercase().as_str(), arguments.archive) {
        ("gz" | "tgz", _) => "gzip",
        ("xz" | "txz", _) => "xz",
        ("zst" | "tzst", _) => "zstd",
        ("bz2" | "tbz" | "tbz2", _) => "bzip2",
        ("zip", ArchiveFlag::Tar) => {
            return Err(Failure::usage(format!("{name} would be a tar, and no zip"))
                .hint("add --archive zip, or call it .tar"));
        }
        ("tar", ArchiveFlag::Zip) => {
            return Err(Failure::usage(format!("{name} would be a zip, and no tar"))
                .hint("leave out --archive zip, or call it .zip"));
        }
        _ => return Ok(()),
    };
    Err(Failure::usage(format!("{name} would not be compressed")).hint(format!(
        "leave out --target and write `| {program} > {name}` behind it, or call it .tar"
    )))
}

fn dump_to(
    context: &Context,
    arguments: &Arguments,
    reader: &BlobReader,
    place: &SnapshotPlace,
    target: &Path,
) -> Result<DumpReport, Failure> {
    let unusable = |cause: std::io::Error| {
        let name = shell_word(target.as_os_str());
        Failure::new(Code::Failed, format!("cannot write {name}"))
            .because(cause)
            .hint("name a file in a folder that is there, and that you may write to")
    };
    let mut file = NewFile::create(target).map_err(unusable)?;
    let progress = Progress::start(context);
    let report = dump(arguments, reader, place, &mut file, progress.monitor().as_ref());
    drop(progress);
    let report = report.map_err(|error| match error {
        DumpError::Write(cause) => unusable(cause),
        other => failure(other),
    })?;
    file.put().map_err(unusable)?;
    Ok(report)
}

/// With a bar, unless the content goes to the same screen.
fn dump_out(
    context: &Context,
    arguments: &Arguments,
    reader: &BlobReader,
    place: &SnapshotPlace,
) -> Result<DumpReport, Failure> {
    let progress = (!std::io::stdout().is_terminal()).then(|| Progress::start(context));
    let monitor: Arc<dyn Monitor> = match &progress {
        Some(progress) => progress.monitor(),
        None => Arc::new(Quiet::new(context)),
    };
    let mut out = StandardOutput::new();
    let report = dump(arguments, reader, place, &mut out, monitor.as_ref());
    drop(progress);
    report.map_err(failure)
}

fn dump(
    arguments: &Arguments,
    reader: &BlobReader,
    place: &SnapshotPlace,
    out: &mut dyn Write,
    monitor: &dyn Monitor,
) -> Result<DumpReport, DumpError> {
    let entry = &place.entry;
    match &entry.kind {
        Kind::File(file) => dump_file(reader, file, out, monitor),
        Kind::Collection(collection) => {
            let format = arguments.documents.format(arguments.target.as_deref());
            match arguments.documents.sought() {
                Some(sought) => dump_document(reader, collection, &sought, format, out),
                None => dump_collection(reader, collection, format, out, monitor),
            }
        }
        Kind::Directory(_) if is_of_database(&place.path) => {
            Err(DumpError::NoContent("a database".to_owned()))
        }
        Kind::Directory(Directory { .. }) => {
            // `files` itself is no folder that anybody has.
            let name = (place.path.depth() > 1).then_some(&entry.name);
            let (format, scratch) = (arguments.archive.into(), std::env::temp_dir());
            dump_folder(reader, name, entry, format, &scratch, out, monitor)
        }
        kind => Err(DumpError::NoContent(match kind {
            Kind::Symlink { target } => format!("a symbolic link to {}", readable(target)),
            Kind::Fifo => "a FIFO".to_owned(),
            Kind::Socket => "a socket".to_owned(),
            Kind::View { .. } => "a view".to_owned(),
            _ => "a device".to_owned(),
        })),
    }
}

/// What a dump that failed is to the user.
pub fn failure(error: DumpError) -> Failure {
    match error {
        DumpError::Repo(error) => error.into(),
        DumpError::Write(error) => error.into(),
        DumpError::Scratch { .. } => Failure::new(Code::Failed, error).hint(
            "free some space there, name another folder in TMPDIR, or make a tar, which needs none",
        ),
        DumpError::Stopped => Failure::stopped(),
        DumpError::NoContent(_) => Failure::new(Code::Nothing, error)
            .hint("files, folders and collections can be dumped; `snap ls -l` shows which are"),
        DumpError::NoDocument => Failure::new(Code::Nothing, error)
            .hint("`snap find --id VALUE` looks for it in all snapshots"),
    }
}
