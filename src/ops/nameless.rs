//! Files that only this process can see.

use crate::model::{Entropy, OsEntropy};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A file in the folder `place` that nobody else can open, and that is gone when it is closed.
pub fn nameless(place: &Path) -> io::Result<File> {
    let random = u64::from_le_bytes((&OsEntropy as &dyn Entropy).bytes());
    let path = place.join(format!(".snap-scratch-{random:016x}"));
    let file =
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}
