//! A file that appears whole, or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Written under a temporary name beside `path`, until it is put there. Dropped before, it
/// leaves nothing.
pub struct NewFile {
    path: PathBuf,
    temporary: PathBuf,
    file: Option<BufWriter<File>>,
}

impl NewFile {
    /// A file that is there already will be replaced; anything else there is an error.
    pub fn create(path: &Path) -> io::Result<Self> {
        match std::fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => {
                return Err(io::Error::other("something is there that is not a file"));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let no_name = || io::Error::other("it is not the name of a file");
        let name = path.file_name().ok_or_else(no_name)?;
        let mut temporary = std::ffi::OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".{}.part", std::process::id()));
        let temporary = path.with_file_name(temporary);
        let file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        Ok(Self { path: path.to_owned(), temporary, file: Some(BufWriter::new(file)) })
    }

    /// Makes it durable and gives it its name.
    pub fn put(mut self) -> io::Result<()> {
        let Some(mut file) = self.file.take() else { return Ok(()) };
        let put = file
            .flush()
            .and_then(|()| file.get_ref().sync_all())
            .and_then(|()| std::fs::rename(&self.temporary, &self.path));
        if put.is_err() {
            // The first error is the one that counts.
            let _ = std::fs::remove_file(&self.temporary);
        }
        put
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.file {
            Some(file) => file.write(bytes),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), BufWriter::flush)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // Nothing more can be done about what stays.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}
