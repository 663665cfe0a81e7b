//! `--witness FILE`: what was here, kept elsewhere.

use crate::cli::code::Code;
use crate::cli::error::Failure;
use crate::ops::NewFile;
use crate::repo::{Repository, Witness};
use std::io::{self, Write};
use std::path::Path;

/// Larger than any that snap writes for a million writers.
const LARGEST: u64 = 128 << 20;

/// A file that is not there yet says nothing: it is written at the end.
pub fn hear(file: &Path, repository: &Repository) -> Result<(), Failure> {
    let text = match read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(cannot("read", file, &error)),
    };
    let refused = |why: &dyn std::fmt::Display| {
        let what = format!("{} is no witness of this repository", file.display());
        Failure::new(Code::Failed, what)
            .because(why)
            .hint("name another file: where there is none yet, the first witness is written")
    };
    let witness: Witness = text.parse().map_err(|why| refused(&why))?;
    repository.hear(&witness).map_err(|why| refused(&why))
}

fn read(file: &Path) -> io::Result<String> {
    match std::fs::metadata(file)?.len() {
        0..=LARGEST => std::fs::read_to_string(file),
        _ => Err(io::Error::other("it is too large for one")),
    }
}

/// Takes the place of the file as a whole, or not at all.
pub fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let put = || {
        let mut new = NewFile::create(file)?;
        writeln!(new, "{text}")?;
        new.put()
    };
    put().map_err(|error| cannot("write", file, &error))
}

fn cannot(verb: &str, file: &Path, error: &io::Error) -> Failure {
    Failure::new(Code::Failed, format!("cannot {verb} {}", file.display())).because(error)
}
