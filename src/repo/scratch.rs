//! Blobs that are not in the repository: what is made of its snapshots for a while, as what a
//! database was between two of them. They lie in a file that has no name, and go with the process.

use super::RepoError;
use super::repository::Repository;
use super::session::Session;
use crate::codec::{BlobClass, Compressor};
use crate::model::BlobId;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

/// Where blobs are put.
pub trait BlobSink {
    fn repository(&self) -> &Arc<Repository>;

    /// Stores a blob unless it is there.
    fn save(
        &self,
        class: BlobClass,
        plain: &[u8],
        compressor: &mut Compressor,
    ) -> Result<BlobId, RepoError>;
}

impl BlobSink for Session {
    fn repository(&self) -> &Arc<Repository> {
        Session::repository(self)
    }

    fn save(
        &self,
        class: BlobClass,
        plain: &[u8],
        compressor: &mut Compressor,
    ) -> Result<BlobId, RepoError> {
        Session::save(self, class, plain, compressor)
    }
}

/// Plain blobs in a file. Memory: some 64 bytes a blob.
#[derive(Debug)]
pub(super) struct Scratch {
    file: File,
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    end: u64,
    blobs: HashMap<BlobId, (u64, usize)>,
}

impl Scratch {
    pub(super) fn new(file: File) -> Self {
        Self { file, places: Mutex::default() }
    }

    fn save(&self, id: BlobId, plain: &[u8]) -> io::Result<()> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.blobs.contains_key(&id) {
            return Ok(());
        }
        let start = places.end;
        self.file.write_all_at(plain, start)?;
        places.end = start.saturating_add(plain.len() as u64);
        places.blobs.insert(id, (start, plain.len()));
        Ok(())
    }

    /// The bytes of a blob, if it is here.
    fn read(&self, id: &BlobId) -> io::Result<Option<Vec<u8>>> {
        let place = {
            let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            places.blobs.get(id).copied()
        };
        let Some((start, length)) = place else { return Ok(None) };
        let mut plain = vec![0; length];
        self.file.read_exact_at(&mut plain, start)?;
        Ok(Some(plain))
    }
}

/// Puts blobs beside a repository: its readers find them from then on.
pub struct BesideRepository<'a>(&'a Arc<Repository>);

impl<'a> BesideRepository<'a> {
    /// `file` has no name, or is gone from its folder already. One that was given before stays.
    pub fn new(repository: &'a Arc<Repository>, file: File) -> Self {
        repository.scratch.get_or_init(|| Scratch::new(file));
        Self(repository)
    }
}

impl BlobSink for BesideRepository<'_> {
    fn repository(&self) -> &Arc<Repository> {
        self.0
    }

    fn save(
        &self,
        class: BlobClass,
        plain: &[u8],
        _: &mut Compressor,
    ) -> Result<BlobId, RepoError> {
        let id = self.0.identify(class, plain);
        if let Some(scratch) = self.0.scratch.get() {
            scratch.save(id, plain).map_err(failed)?;
        }
        Ok(id)
    }
}

impl Repository {
    /// Whether trees may name blobs that only this process has.
    pub fn has_blobs_beside(&self) -> bool {
        self.scratch.get().is_some()
    }

    /// Takes the blobs away that lie beside the repository: whatever names them is gone.
    pub fn forget_blobs_beside(&self) {
        if let Some(scratch) = self.scratch.get() {
            *scratch.places.lock().unwrap_or_else(PoisonError::into_inner) = Places::default();
            // What cannot be cut is written over.
            let _ = scratch.file.set_len(0);
        }
    }

    /// A blob that lies beside the repository, proved to be it.
    pub(super) fn read_beside(
        &self,
        class: BlobClass,
        id: &BlobId,
    ) -> Result<Option<Vec<u8>>, RepoError> {
        let Some(scratch) = self.scratch.get() else { return Ok(None) };
        let Some(plain) = scratch.read(id).map_err(failed)? else { return Ok(None) };
        match self.identify(class, &plain) == *id {
            true => Ok(Some(plain)),
            false => Err(failed(io::Error::other("a blob there is not what it was"))),
        }
    }
}

fn failed(cause: io::Error) -> RepoError {
    RepoError::Scratch(cause)
}
