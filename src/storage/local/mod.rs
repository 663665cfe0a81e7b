//! Objects as files in a folder of a local disk (or of a mounted one).
//!
//! A write is a temporary file in the object's own folder, `.<session>-<n>.tmp`, written and
//! flushed, then renamed to a name that must not be taken, then the folder is flushed. So an
//! object is whole under its name or not there, also after a power cut.

mod disk;
mod error;
mod folders;
mod listing;
mod reserve;
mod write;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use rustix::buffer::spare_capacity;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use super::{Folder, Listed, ObjectName, Put, Storage, StorageError};
use crate::model::SessionId;
use disk::{Disk, Kernel};
use folders::Folders;

/// The writer of what belongs to no session.
const NO_SESSION: &str = "none";

/// A folder that holds a repository's objects. The folder is held open: a disk that is taken away
/// and mounted again elsewhere is an error, never a second repository below the mount point.
#[derive(Clone)]
pub struct LocalStorage {
    place: Arc<Place>,
    /// What temporary files are named by: a session id, or [`NO_SESSION`].
    writer: String,
    /// Set where listings shall come to an end.
    stop: Option<Arc<AtomicBool>>,
}

/// What all handles on one folder share.
struct Place {
    path: PathBuf,
    folders: Folders,
    disk: Arc<dyn Disk>,
    /// The number of the next temporary file.
    temporary: AtomicU64,
}

impl LocalStorage {
    /// The folder at `path`, which must be there.
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        let absolute = std::path::absolute(path).map_err(|why| error::error(path, path, &why))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match openat(CWD, &absolute, flags, Mode::empty()).map_err(io::Error::from) {
            Ok(root) => Ok(Self::at(absolute, Folders::new(root), Arc::new(Kernel))),
            Err(why) if why.kind() == io::ErrorKind::NotFound => {
                Err(StorageError::NoPlace { address: absolute.display().to_string() })
            }
            Err(why) => Err(error::error(&absolute, &absolute, &why)),
        }
    }

    /// The folder at `path`, made with those above it where they are missing.
    pub fn create(path: &Path) -> Result<Self, StorageError> {
        make_with_parents(path).map_err(|why| error::error(path, path, &why))?;
        Self::open(path)
    }

    fn at(path: PathBuf, folders: Folders, disk: Arc<dyn Disk>) -> Self {
        let place = Place { path, folders, disk, temporary: AtomicU64::new(0) };
        Self { place: Arc::new(place), writer: NO_SESSION.to_string(), stop: None }
    }

    /// The same; a long listing that is under way when the flag is set ends with an error.
    pub fn stopped_by(self, stop: Arc<AtomicBool>) -> Self {
        Self { stop: Some(stop), ..self }
    }

    fn error(&self, what: &dyn std::fmt::Display, why: &io::Error) -> StorageError {
        let (place, what) = (&self.place.path, what.to_string());
        let what = if what.is_empty() { place.clone() } else { place.join(what) };
        error::error(place, &what, why)
    }

    fn read(&self, name: &ObjectName) -> Result<(File, u64), StorageError> {
        let open = || {
            let file = self.place.folders.open_file(&name.to_string())?;
            let metadata = file.metadata()?;
            match metadata.is_file() {
                true => Ok((file, metadata.len())),
                false => Err(io::Error::other("is not a file")),
            }
        };
        open().map_err(|why| match why.kind() {
            io::ErrorKind::NotFound => StorageError::Absent { name: name.clone() },
            _ => self.error(name, &why),
        })
    }

    fn read_at(
        &self,
        name: &ObjectName,
        file: &File,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StorageError> {
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let at = offset.saturating_add(bytes.len() as u64);
            match rustix::io::pread(file, spare_capacity(&mut bytes), at) {
                Ok(0) => return Err(too_short(name, offset, length)),
                Ok(_) | Err(Errno::INTR) => {}
                Err(why) => return Err(self.error(name, &why.into())),
            }
        }
        bytes.truncate(length);
        Ok(bytes)
    }
}

fn too_short(name: &ObjectName, offset: u64, length: usize) -> StorageError {
    StorageError::TooShort { name: name.clone(), end: offset.saturating_add(length as u64) }
}

/// Makes what is missing of `path`, from the top down, each folder durable before the next.
fn make_with_parents(path: &Path) -> io::Result<()> {
    let path = std::path::absolute(path)?;
    let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    for folder in missing.into_iter().rev() {
        match std::fs::DirBuilder::new().mode(0o700).create(folder) {
            Err(why) if why.kind() != io::ErrorKind::AlreadyExists => return Err(why),
            _ => {}
        }
        let above = File::open(folder.parent().unwrap_or(Path::new("/")))?;
        disk::sync_folder(&Kernel, &above)?;
    }
    Ok(())
}

impl Storage for LocalStorage {
    fn put_if_absent(&self, name: &ObjectName, bytes: &[u8]) -> Result<Put, StorageError> {
        self.put(&name.to_string(), bytes).map_err(|why| self.error(name, &why))
    }

    fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>, StorageError> {
        let (file, size) = self.read(name)?;
        let too_large = || StorageError::TooLarge { name: name.clone(), size, limit };
        let length = usize::try_from(size).map_err(|_| too_large())?;
        match size <= limit {
            true => self.read_at(name, &file, 0, length),
            false => Err(too_large()),
        }
    }

    fn get_range(
        &self,
        name: &ObjectName,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StorageError> {
        let (file, size) = self.read(name)?;
        match offset.checked_add(length as u64).is_some_and(|end| end <= size) {
            true => self.read_at(name, &file, offset, length),
            false => Err(too_short(name, offset, length)),
        }
    }

    fn list(&self, folder: Folder) -> Result<Vec<Listed>, StorageError> {
        let most = folder.most_names();
        match self.list_objects(folder, most) {
            Ok((listed, true)) => Ok(listed),
            Ok((_, false)) => {
                let what = self.place.path.join(folder.word()).display().to_string();
                Err(StorageError::TooMany { what, most })
            }
            Err(why) => Err(self.error(&folder.word(), &why)),
        }
    }

    fn list_some(&self, folder: Folder, most: usize) -> Result<Vec<Listed>, StorageError> {
        let listed = self.list_objects(folder, most);
        listed.map(|(listed, _)| listed).map_err(|why| self.error(&folder.word(), &why))
    }

    /// Durable with the next put.
    fn delete(&self, name: &ObjectName) -> Result<(), StorageError> {
        self.place.folders.remove_file(&name.to_string()).map_err(|why| self.error(name, &why))
    }

    fn for_session(&self, session: &SessionId) -> Option<Arc<dyn Storage>> {
        Some(Arc::new(Self { writer: session.hex(), ..self.clone() }))
    }

    /// Leftovers of no session go when they are a day old.
    fn sweep(&self, finished: &dyn Fn(&str) -> bool) -> Result<(), StorageError> {
        self.sweep_temporaries(finished).map_err(|why| self.error(&"", &why))
    }

    fn release_reserve(&self) -> Result<(), StorageError> {
        self.give_reserve().map_err(|why| self.error(&reserve::NAME, &why))
    }

    fn restore_reserve(&self, bytes: u64) -> Result<(), StorageError> {
        self.take_reserve(bytes).map_err(|why| self.error(&reserve::NAME, &why))
    }

    fn address(&self) -> String {
        self.place.path.display().to_string()
    }
}
