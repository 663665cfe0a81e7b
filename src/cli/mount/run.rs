//! What the command does.

use super::Arguments;
use super::filesystem::SnapshotFilesystem;
use super::point::MountPoint;
use super::session::Mounted;
use super::shelf::Shelf;
use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::open::{locate, open};
use crate::cli::text::{count, readable, shell_word};
use crate::ops::view::{Roster, View};
use crate::repo::Repository;
use jiff::SignedDuration;
use serde::Serialize;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

/// The list of snapshots is read again at most so often.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(3);

/// `mounted`: the snapshots can be looked at from now on.
#[derive(Serialize)]
struct Ready {
    mountpoint: String,
    snapshots: usize,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let filter = arguments.filter.filter()?;
    let point = MountPoint::check(&arguments.directory)?;
    if let Some(located) = locate(context)? {
        point.keep_away_from(&located.path)?;
    }
    if let Some(cache) = context.cache()? {
        point.keep_away_from(&cache)?;
    }
    let repository = open(context)?;
    let shelf = Shelf::new(roster(context, &repository)?, filter, context.now.time_zone().clone());
    let snapshots = shelf.layout(&context.output).snapshots;
    let view = View::new(repository)?;
    let filesystem = SnapshotFilesystem::new(view, shelf, Arc::clone(&context.output));
    let mounted = Mounted::new(filesystem, &point, arguments.allow_other)?;
    tell(context, &point, snapshots)?;
    mounted.wait(context)?;
    Ok(Code::Done)
}

/// The list of snapshots; those that cannot be read are named.
fn roster(context: &Context, repository: &Arc<Repository>) -> Result<Roster, Failure> {
    let roster = Roster::new(Arc::clone(repository), LOOK_EVERY)?;
    for (name, error) in &roster.known().unreadable {
        context.output.warning(&name.to_string(), &error.why(), "reading snapshots");
    }
    Ok(roster)
}

fn tell(context: &Context, point: &MountPoint, snapshots: usize) -> Result<(), Failure> {
    let output = &context.output;
    let mountpoint = point.path.to_string_lossy().into_owned();
    output.object("mounted", &Ready { mountpoint, snapshots })?;
    let snapshots = count(snapshots as u64, "snapshot", "snapshots");
    output.line(format!("{snapshots} in {}", readable(point.path.as_os_str().as_bytes())))?;
    let word = shell_word(point.path.as_os_str());
    output.say(format!("Ctrl-C ends it, or `umount {word}` elsewhere"))?;
    output.flush()
}
