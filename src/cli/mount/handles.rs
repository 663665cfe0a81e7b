//! What is open.

use super::inodes::SnapshotNode;
use super::layout::Listing;
use crate::ops::view::FileContent;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Something open.
#[derive(Clone)]
pub enum Handle {
    File { content: Arc<FileContent>, name: Arc<[u8]>, of: Arc<SnapshotNode> },
    Folder(Arc<Listing>),
}

/// All that is open, by number. 0 stands for what needs nothing kept.
#[derive(Default)]
pub struct Handles {
    open: RwLock<HashMap<u64, Handle>>,
    last: AtomicU64,
}

impl Handles {
    pub fn open(&self, handle: Handle) -> u64 {
        let number = self.last.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        self.open.write().unwrap_or_else(PoisonError::into_inner).insert(number, handle);
        number
    }

    pub fn get(&self, number: u64) -> Option<Handle> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
    }

    pub fn close(&self, number: u64) {
        self.open.write().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }
}
