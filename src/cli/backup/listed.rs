//! What is backed up, if it is not named on the command line: lists of paths, and content that
//! comes through a pipe.

use crate::cli::code::Code;
use crate::cli::error::Failure;
use crate::files::expand;
use crate::model::EntryPath;
use crate::ops::{StreamBackup, StreamInput};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Longest list, in bytes.
const LONGEST: u64 = 256 << 20;

/// Bytes of a name that every file system of Linux takes.
const LONGEST_NAME: usize = 255;

/// What a stream is called if nobody says.
const UNNAMED: &str = "stdin";

#[derive(clap::Args, Debug, Clone, Default)]
#[command(next_help_heading = "Take from elsewhere")]
pub struct ListedFlags {
    /// Take the paths that a file lists, one a line (`-`: standard input; may be repeated)
    ///
    /// The wildcards `*`, `?` and `[a-z]` stand for parts of a name, a `\` before a character
    /// makes it an ordinary one; empty lines and lines that begin with # are passed over, and so
    /// is space around a path. Paths are relative to the current folder.
    #[arg(long, value_name = "FILE")]
    files_from: Vec<PathBuf>,
    /// The same, each path ended by NUL and taken as it is: what `find -print0` writes
    #[arg(long, value_name = "FILE")]
    files_from_raw: Vec<PathBuf>,
    /// Take standard input as a file of this name, /NAME in the snapshot
    #[arg(long, value_name = "NAME", conflicts_with_all = ["files_from", "files_from_raw", "skip_if_unchanged"])]
    stdin_filename: Option<OsString>,
    /// Run the words after `--` as a command; what it prints is the file
    ///
    /// No shell is involved. If the command fails no snapshot is made. The file is called as
    /// --stdin-filename says, or stdin.
    #[arg(long, requires = "paths", conflicts_with_all = ["files_from", "files_from_raw", "skip_if_unchanged"])]
    command: bool,
}

impl ListedFlags {
    /// The paths that the lists name.
    pub fn paths(&self) -> Result<Vec<PathBuf>, Failure> {
        let standard = self.files_from.iter().chain(&self.files_from_raw);
        if standard.filter(|file| is_standard_input(file)).count() > 1 {
            return Err(Failure::usage("standard input can be read only once")
                .hint("write - for one list only"));
        }
        let mut paths = Vec::new();
        for file in &self.files_from {
            let list = read(file)?;
            paths.extend(lines(&list).flat_map(expand));
        }
        for file in &self.files_from_raw {
            paths.extend(raw(file, read(file)?)?);
        }
        let is_listed = !(self.files_from.is_empty() && self.files_from_raw.is_empty());
        match is_listed && paths.is_empty() {
            true => Err(Failure::new(Code::Nothing, "the list has no paths").hint(
                "write one path a line (--files-from), or end each by NUL (--files-from-raw)",
            )),
            false => Ok(paths),
        }
    }

    /// The stream that is asked for, if one is. `words` are those that are paths otherwise.
    pub fn stream(&self, words: &[PathBuf]) -> Result<Option<StreamBackup>, Failure> {
        if self.stdin_filename.is_none() && !self.command {
            return Ok(None);
        }
        let path = self.stream_path()?;
        let input = match (self.command, words) {
            (true, [program, arguments @ ..]) => StreamInput::Command {
                program: program.into(),
                arguments: arguments.iter().map(OsString::from).collect(),
            },
            (true, []) => {
                return Err(Failure::usage("no command was given")
                    .hint("write `snap backup --command -- pg_dump bot`"));
            }
            (false, []) => StreamInput::Pipe(standard_input()?),
            (false, _) => {
                return Err(Failure::usage("standard input and paths cannot be saved together")
                    .hint("take two snapshots; a command is run with --command"));
            }
        };
        Ok(Some(StreamBackup { path, input }))
    }

    fn stream_path(&self) -> Result<EntryPath, Failure> {
        let name = self.stdin_filename.as_deref().unwrap_or(OsStr::new(UNNAMED));
        let path = EntryPath::parse_lenient(name.as_bytes());
        let path = path.map_err(|error| Failure::usage(format!("--stdin-filename: {error}")))?;
        let is_long = path.names().any(|name| name.bytes().len() > LONGEST_NAME);
        match (path.is_root(), is_long) {
            (true, _) => Err(Failure::usage("--stdin-filename names no file")
                .hint("write for example --stdin-filename db.sql")),
            (false, true) => Err(Failure::usage("--stdin-filename: a name is too long")
                .hint(format!("file systems take {LONGEST_NAME} bytes at most"))),
            (false, false) => Ok(path),
        }
    }
}

fn is_standard_input(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn standard_input() -> Result<std::os::fd::OwnedFd, Failure> {
    let input = io::stdin();
    if input.is_terminal() {
        return Err(Failure::usage("standard input is a terminal").hint(
            "pipe something into it, `pg_dump bot | snap backup --stdin-filename db.sql`; with \
             --command snap also sees whether that failed",
        ));
    }
    input.as_fd().try_clone_to_owned().map_err(|cause| unreadable(Path::new("-"), &cause))
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut list = Vec::new();
    let read = match is_standard_input(file) {
        true => io::stdin().lock().take(LONGEST).read_to_end(&mut list),
        false => File::open(file).and_then(|file| file.take(LONGEST).read_to_end(&mut list)),
    };
    match read {
        Ok(length) if length as u64 >= LONGEST => {
            Err(unreadable(file, &io::Error::other("it is longer than 256 MiB")))
        }
        Ok(_) => Ok(list),
        Err(cause) => Err(unreadable(file, &cause)),
    }
}

fn unreadable(file: &Path, cause: &io::Error) -> Failure {
    let name = match is_standard_input(file) {
        true => "standard input".to_owned(),
        false => file.display().to_string(),
    };
    Failure::new(Code::Failed, format!("cannot read {name}")).because(cause)
}

/// The paths in a list for people.
fn lines(list: &[u8]) -> impl Iterator<Item = &OsStr> {
    let lines = list.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.filter(|line| !line.is_empty() && !line.starts_with(b"#")).map(OsStr::from_bytes)
}

/// The paths in a list for programs.
fn raw(file: &Path, mut list: Vec<u8>) -> Result<Vec<PathBuf>, Failure> {
    match list.pop() {
        None => return Ok(Vec::new()),
        Some(0) => {}
        Some(_) => {
            let cause = io::Error::other("the last path is not ended by NUL");
            return Err(
                unreadable(file, &cause).hint("is it whole? `find -print0` writes such lists")
            );
        }
    }
    let paths = list.split(|byte| *byte == 0);
    match paths.clone().any(<[u8]>::is_empty) {
        true => Err(unreadable(file, &io::Error::other("one of the paths is empty"))),
        false => Ok(paths.map(|path| OsString::from_vec(path.to_vec()).into()).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_for_people_have_comments() {
        let list = b"# mine\n/srv/bot \r\n\n  data/#x\n";
        assert_eq!(lines(list).collect::<Vec<_>>(), ["/srv/bot", "data/#x"]);
    }

    #[test]
    fn lists_for_programs_are_taken_as_they_are() {
        let file = Path::new("list");
        let paths = |list: &[u8]| raw(file, list.to_vec()).map_err(|error| error.code());
        assert_eq!(paths(b"# a\n \0b*\0"), Ok(vec!["# a\n ".into(), "b*".into()]));
        assert_eq!(paths(b""), Ok(vec![]));
        assert_eq!(paths(b"a\0b"), Err(Code::Failed));
        assert_eq!(paths(b"a\0\0b\0"), Err(Code::Failed));
    }

    #[test]
    fn a_stream_lies_where_it_is_called() {
        let path = |name: &str| {
            let flags = ListedFlags { stdin_filename: Some(name.into()), ..Default::default() };
            flags.stream_path().map(|path| path.to_string()).map_err(|error| error.code())
        };
        assert_eq!(path("db.sql"), Ok("db.sql".into()));
        assert_eq!(path("/srv//dumps/db.sql"), Ok("srv/dumps/db.sql".into()));
        assert_eq!(path("../db.sql"), Err(Code::Usage));
        assert_eq!(path("/"), Err(Code::Usage));
    }
}
