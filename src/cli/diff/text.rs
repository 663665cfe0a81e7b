//! The lines that differ in one file.

use super::report::ChangeMessage;
use super::sides::{Side, Sides};
use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::dump::failure;
use crate::cli::error::Failure;
use crate::cli::ls::node::real_path;
use crate::cli::place::SnapshotPlace;
use crate::cli::text::readable;
use crate::model::{File, Kind, Silent, Snapshot};
use crate::ops::{LARGEST_TEXT, LiveContent, TextDifference, live_text, text_difference, text_of};
use crate::policy::format_size;
use crate::repo::BlobReader;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

pub fn show(context: &Context, reader: &BlobReader, sides: &Sides) -> Result<Code, Failure> {
    let Kind::File(old) = &sides.old_place.entry.kind else { return Ok(Code::Done) };
    let old_name = name(&sides.old, &sides.old_place);
    let (new_name, new_path, is_same) = match &sides.new {
        Side::Snapshot { snapshot, place } => {
            let is_same = matches!(&place.entry.kind, Kind::File(new)
                if new.size == old.size && new.hash.is_some() && new.hash == old.hash);
            (name(snapshot, place), real_path(&place.path), is_same)
        }
        Side::Live { .. } => {
            let live = sides.live_file().unwrap_or_default();
            let is_same = has_content(&live, old)?;
            let path = real_path(&sides.old_place.path);
            (readable(&path), path, is_same)
        }
    };
    if is_same {
        context.output.aside_line("nothing differs");
        return Ok(Code::Done);
    }
    let old_text = text_of(reader, old, &Silent).map_err(failure)?;
    let new_text = match &sides.new {
        Side::Snapshot { place, .. } => match &place.entry.kind {
            Kind::File(new) => text_of(reader, new, &Silent).map_err(failure)?,
            _ => None,
        },
        Side::Live { .. } => {
            let live = sides.live_file().unwrap_or_default();
            live_text(&live).map_err(|cause| unreadable(&live, cause))?
        }
    };
    let old = (old_name.as_str(), old_text.as_deref());
    let difference = text_difference(old, (new_name.as_str(), new_text.as_deref()));
    print(context, &difference, &new_path, &old_name, &new_name)?;
    Ok(Code::Done)
}

/// `1a2b3c4d:/srv/bot/config.py`.
fn name(snapshot: &Snapshot, place: &SnapshotPlace) -> String {
    format!("{}:{}", snapshot.id.short(), readable(&real_path(&place.path)))
}

fn has_content(live: &Path, old: &File) -> Result<bool, Failure> {
    let content = LiveContent::open(live).map_err(|cause| unreadable(live, cause))?;
    if content.size() != old.size {
        return Ok(false);
    }
    let hash = content.hash(&old.holes).map_err(|cause| unreadable(live, cause))?;
    Ok(hash.is_some() && hash == old.hash)
}

fn unreadable(live: &Path, cause: io::Error) -> Failure {
    let name = readable(std::os::unix::ffi::OsStrExt::as_bytes(live.as_os_str()));
    Failure::new(Code::Failed, format!("cannot read {name}")).because(cause)
}

fn print(
    context: &Context,
    difference: &TextDifference,
    path: &[u8],
    old_name: &str,
    new_name: &str,
) -> Result<(), Failure> {
    let mut message = ChangeMessage::new(path, "M");
    let said = match difference {
        TextDifference::Same => {
            context.output.aside_line("nothing differs");
            return Ok(());
        }
        TextDifference::Unified(text) => {
            message.text = Some(String::from_utf8_lossy(text).into_owned());
            context.output.object("change", &message)?;
            return if context.output.is_json() { Ok(()) } else { write(context, text) };
        }
        TextDifference::Binary => "they are no texts".to_owned(),
        TextDifference::TooLarge => {
            let largest = format_size(LARGEST_TEXT);
            format!("more than {largest} are not compared line by line")
        }
    };
    context.output.object("change", &message)?;
    context.output.line(format!("{old_name} and {new_name} differ; {said}"))
}

/// Byte by byte, as `patch` wants it; on a screen nothing may steer it.
fn write(context: &Context, text: &[u8]) -> Result<(), Failure> {
    if io::stdout().is_terminal() {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let lines = text.split(|byte| *byte == b'\n');
        return lines.into_iter().try_for_each(|line| {
            let parts: Vec<String> = line.split(|byte| *byte == b'\t').map(readable).collect();
            context.output.line(parts.join("\t"))
        });
    }
    context.output.flush()?;
    let mut stdout = io::stdout().lock();
    stdout.write_all(text)?;
    Ok(stdout.flush()?)
}
