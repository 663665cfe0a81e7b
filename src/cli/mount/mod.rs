//! `snap mount`

#[cfg(feature = "mount")]
mod attributes;
#[cfg(feature = "mount")]
mod filesystem;
#[cfg(feature = "mount")]
mod handles;
#[cfg(feature = "mount")]
mod inodes;
#[cfg(feature = "mount")]
mod layout;
#[cfg(feature = "mount")]
mod point;
#[cfg(feature = "mount")]
mod run;
#[cfg(feature = "mount")]
mod session;
#[cfg(feature = "mount")]
mod shelf;

#[cfg(feature = "mount")]
pub use run::run;

use super::select::FilterFlags;
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Examples:
  snap mount /mnt/snapshots
  snap mount --host bot --allow-other /mnt/snapshots
  diff -r /mnt/snapshots/latest/srv/bot /srv/bot
  cp -a /mnt/snapshots/by-time/2025-11-28T02-00-00Z/srv/bot/config.py .

What is there:
  latest                the newest snapshot
  by-time/TIME/         each snapshot, by when it was begun
  by-id/ID/             the same by id
  hosts/HOST/TIME/      those of one host; hosts/HOST/latest
  tags/TAG/TIME/        those with a tag; tags/TAG/latest

Below a snapshot things have their whole paths, and are just as they were:
owners, modes, times, links, attributes, holes. Nothing can be changed. New
snapshots appear by themselves.

It runs until Ctrl-C, or until the folder is unmounted (umount, or fusermount3
-u). Other users see nothing without --allow-other. Where there is no FUSE,
`snap browse` shows the same.";

/// Show the snapshots as folders, read-only.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
// Without FUSE nobody reads them.
#[cfg_attr(not(feature = "mount"), allow(dead_code))]
pub struct Arguments {
    /// An empty folder to show them in
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Let other users look, too, as far as modes and owners of the files allow it
    #[arg(long)]
    allow_other: bool,
    /// Stay until it is unmounted; this is the default, and there is nothing else
    #[arg(long)]
    foreground: bool,

    #[command(flatten)]
    filter: FilterFlags,
}

#[cfg(not(feature = "mount"))]
pub fn run(
    _: &super::context::Context,
    _: &Arguments,
) -> Result<super::code::Code, super::error::Failure> {
    use super::{code::Code, error::Failure};
    Err(Failure::new(Code::Failed, "this snap was built without FUSE")
        .hint("`snap browse` and `snap restore` need none; or build it with the feature mount"))
}
