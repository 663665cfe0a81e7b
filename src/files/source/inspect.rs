//! Reading what an inode is beside its content.

use super::super::node::Node;
use super::super::owners::Owners;
use super::super::stat::Stat;
use crate::model::{
    Counter, EntryName, EntryPath, Fate, Kind, Metadata, Monitor, Problem, ProblemKind,
};
use rustix::fs::FileType;
use std::ffi::CStr;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Reads metadata and reports what of it could not be read. Used from several threads.
pub(in crate::files) struct Inspector {
    owners: Owners,
    monitor: Arc<dyn Monitor>,
}

impl Inspector {
    pub fn new(monitor: Arc<dyn Monitor>) -> Self {
        Self { owners: Owners::default(), monitor }
    }

    /// All metadata of `node`, whose stat is `stat`. What cannot be read is reported and left
    /// out.
    pub fn metadata(&self, node: &Node, stat: &Stat, path: &EntryPath) -> Inspected {
        let mut complete = true;
        let metadata = self.read(node, stat, &mut |why| {
            complete = false;
            self.unreadable(path, &why);
        });
        Inspected { metadata, complete }
    }

    /// As [`Inspector::metadata`]; what cannot be read goes to `failed`, as a sentence.
    pub fn read(&self, node: &Node, stat: &Stat, failed: &mut dyn FnMut(String)) -> Metadata {
        let attributes = node.attributes(&mut |name, error| {
            let name = String::from_utf8_lossy(name.to_bytes()).escape_debug().to_string();
            failed(format!("{name}: {error}"));
        });
        let flags = node.flags().unwrap_or_else(|error| {
            failed(format!("inode flags: {error}"));
            Default::default()
        });
        Metadata { attributes, flags, ..self.plain(stat) }
    }

    /// What a stat alone tells: for directories that cannot be opened.
    pub fn plain(&self, stat: &Stat) -> Metadata {
        Metadata {
            mode: stat.mode,
            user: stat.user,
            group: stat.group,
            user_name: self.owners.user_name(stat.user),
            group_name: self.owners.group_name(stat.group),
            modified: stat.modified,
            ..Metadata::default()
        }
    }

    /// Reports that `path`, or part of it, is missing from the snapshot.
    pub fn unreadable(&self, path: &EntryPath, why: &str) {
        self.report(ProblemKind::Unreadable, path, why);
    }

    /// Reports a given path that is not there.
    pub fn unreadable_source(&self, path: &Path, error: &io::Error) {
        let what = path.as_os_str().as_encoded_bytes();
        let what = String::from_utf8_lossy(what).escape_debug().to_string();
        let why = error.to_string();
        self.monitor.problem(Problem { kind: ProblemKind::Unreadable, what, why });
    }

    /// Counts what rules leave out.
    pub fn left_out(&self, directory: &EntryPath, name: &EntryName) {
        self.monitor.add(Counter::EntriesLeftOut, 1);
        let path = std::fmt::from_fn(|out| write!(out, "/{}", directory.join(name)));
        self.monitor.entry(Fate::LeftOut, &path);
    }

    /// Reports what is worth knowing.
    pub fn note(&self, path: &EntryPath, why: &str) {
        self.report(ProblemKind::Note, path, why);
    }

    fn report(&self, kind: ProblemKind, path: &EntryPath, why: &str) {
        self.monitor.problem(Problem { kind, what: format!("/{path}"), why: why.to_owned() });
    }
}

/// Metadata, and whether all of it could be read.
pub(in crate::files) struct Inspected {
    pub metadata: Metadata,
    pub complete: bool,
}

/// The model's kind of an entry that is neither a regular file nor a directory, held by `node`.
pub(in crate::files) fn special_kind(node: &Node, stat: &Stat) -> io::Result<Kind> {
    let (major, minor) = (stat.major, stat.minor);
    match stat.kind {
        FileType::Symlink => Ok(Kind::Symlink { target: node.link_target()? }),
        FileType::CharacterDevice => Ok(Kind::CharacterDevice { major, minor }),
        FileType::BlockDevice => Ok(Kind::BlockDevice { major, minor }),
        FileType::Fifo => Ok(Kind::Fifo),
        FileType::Socket => Ok(Kind::Socket),
        _ => Err(io::Error::other("it is of a kind that snap does not know")),
    }
}

/// The entry `name` of `directory`, held without being opened, with what it is now.
pub(in crate::files) fn hold(
    directory: impl rustix::fd::AsFd,
    name: &CStr,
) -> io::Result<(Node, Stat)> {
    let node = Node::passive(directory, name)?;
    let stat = node.stat()?;
    Ok((node, stat))
}
