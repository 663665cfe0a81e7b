//! Space kept back, so that a prune can still write on a full disk.

use std::fs::File;
use std::io::{self, Write};

use super::LocalStorage;
use super::disk::sync_folder;
use super::error::is_full;
use crate::model::{Entropy, OsEntropy};

/// The reserve's file, at the top of the repository.
pub(super) const NAME: &str = "reserve";

impl LocalStorage {
    pub(super) fn give_reserve(&self) -> io::Result<()> {
        self.place.folders.remove_file(NAME)?;
        self.place.folders.settle(&*self.place.disk)
    }

    /// The bytes are written and random, not only promised: some file systems promise without
    /// keeping, compress, or store equal blocks once.
    pub(super) fn take_reserve(&self, bytes: u64) -> io::Result<()> {
        if self.reserve_size()? == bytes {
            return Ok(());
        }
        match self.write_reserve(bytes) {
            Err(why) if is_full(&why) => Ok(()),
            result => result,
        }
    }

    fn reserve_size(&self) -> io::Result<u64> {
        match self.place.folders.open_file(NAME) {
            Ok(file) => Ok(file.metadata()?.len()),
            Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(why) => Err(why),
        }
    }

    fn write_reserve(&self, bytes: u64) -> io::Result<()> {
        self.give_reserve()?;
        if bytes == 0 {
            return Ok(());
        }
        let folder = self.place.folders.open("")?;
        let random = |file: &File| write_random(file, bytes);
        self.write_durably(&folder, &random)?.replace(NAME)?;
        sync_folder(&*self.place.disk, &folder)
    }
}

fn write_random(mut file: &File, length: u64) -> io::Result<()> {
    let seed = (&OsEntropy as &dyn Entropy).bytes::<32>();
    let mut random = blake3::Hasher::new_keyed(&seed).finalize_xof();
    let mut buffer = vec![0; 1 << 20];
    let mut left = length;
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let (part, _) = buffer.split_at_mut(part);
        random.fill(part);
        file.write_all(part)?;
        left -= part.len() as u64;
    }
    Ok(())
}
