//! The folder to mount in.

use crate::cli::code::Code;
use crate::cli::error::Failure;
use crate::cli::text::{readable, shell_word};
use rustix::io::Errno;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A folder that can be mounted in.
pub struct MountPoint {
    /// Its real path.
    pub path: PathBuf,
}

impl MountPoint {
    pub fn check(directory: &Path) -> Result<Self, Failure> {
        let shown = readable(directory.as_os_str().as_bytes());
        let word = shell_word(directory.as_os_str());
        let failed = |error: io::Error| match (error.kind(), Errno::from_io_error(&error)) {
            (io::ErrorKind::NotFound, _) => {
                Failure::new(Code::Failed, format!("there is no folder {shown}"))
                    .hint(format!("make it: mkdir {word}"))
            }
            (_, Some(Errno::NOTCONN)) => {
                Failure::new(Code::Failed, format!("what was mounted in {shown} has died"))
                    .hint(format!("take it away: umount {word}"))
            }
            _ => Failure::new(Code::Failed, format!("cannot use {shown}")).because(error),
        };
        let path = directory.canonicalize().map_err(failed)?;
        let mut entries = std::fs::read_dir(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotADirectory => Failure::usage(format!("{shown} is not a folder")),
            _ => failed(error),
        })?;
        match entries.next() {
            None => Ok(Self { path }),
            Some(_) => Err(Failure::new(Code::Failed, format!("{shown} is not empty"))
                .hint("what is in it would be hidden: name an empty folder")),
        }
    }

    /// What snap itself reads must not vanish behind the mount: it would wait for itself.
    pub fn keep_away_from(&self, place: &Path) -> Result<(), Failure> {
        let inside = |place: PathBuf| place.starts_with(&self.path);
        match place.canonicalize().is_ok_and(inside) {
            false => Ok(()),
            true => {
                let shown = readable(self.path.as_os_str().as_bytes());
                let message = format!("{shown} holds what snap itself uses");
                Err(Failure::usage(message).hint("name another folder"))
            }
        }
    }
}
