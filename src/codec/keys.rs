//! The keys of a repository, in memory.

use crate::model::Entropy;
use zeroize::Zeroizing;

/// 32 secret bytes, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub fn random(entropy: &dyn Entropy) -> Self {
        Self::new(entropy.bytes())
    }

    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What is sealed: part of every key derivation, so that nothing can be passed off as another
/// kind of thing. The numbers are format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Class {
    DataBlob = 1,
    TreeBlob = 2,
    PackTable = 3,
    Index = 4,
    Snapshot = 5,
    Session = 6,
    Config = 7,
    Forgotten = 8,
    Prune = 9,
    Damaged = 10,
    KeyRing = 11,
    LogSegment = 12,
}

impl Class {
    /// Whether a commitment to the key is stored with it: for all but blobs, whose id does that.
    pub fn commits(self) -> bool {
        !matches!(self, Class::DataBlob | Class::TreeBlob)
    }
}

/// The two kinds of blobs. They lie in separate packs, and equal bytes have different ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BlobClass {
    /// File content and leaf pieces of collections.
    Data,
    /// Directories, lists and inner pieces: what a cache should hold.
    Tree,
}

impl BlobClass {
    pub fn class(self) -> Class {
        match self {
            BlobClass::Data => Class::DataBlob,
            BlobClass::Tree => Class::TreeBlob,
        }
    }
}

/// A master key and the number that stored objects name it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    pub number: u32,
    pub key: Secret,
}

/// All keys of a repository. Only master keys change when keys are rotated; the others decide
/// ids and cuts, and are kept for life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRing {
    /// Ascending by number, never empty; the last one seals.
    epochs: Vec<Epoch>,
    pub data_id_key: Secret,
    pub tree_id_key: Secret,
    pub chunk_key: Secret,
}

impl KeyRing {
    /// New random keys for a new repository.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self {
            epochs: vec![Epoch { number: 1, key: Secret::random(entropy) }],
            data_id_key: Secret::random(entropy),
            tree_id_key: Secret::random(entropy),
            chunk_key: Secret::random(entropy),
        }
    }

    /// `None` unless the epochs are ascending and there is one.
    pub fn new(
        epochs: Vec<Epoch>,
        data_id_key: Secret,
        tree_id_key: Secret,
        chunk_key: Secret,
    ) -> Option<Self> {
        let ascending = epochs.windows(2).all(|pair| pair[0].number < pair[1].number);
        (ascending && !epochs.is_empty()).then_some(Self {
            epochs,
            data_id_key,
            tree_id_key,
            chunk_key,
        })
    }

    pub fn epochs(&self) -> &[Epoch] {
        &self.epochs
    }

    /// The epoch that seals what is written now.
    pub fn newest(&self) -> &Epoch {
        &self.epochs[self.epochs.len() - 1]
    }

    pub fn epoch(&self, number: u32) -> Option<&Epoch> {
        self.epochs.iter().find(|epoch| epoch.number == number)
    }

    pub fn id_key(&self, class: BlobClass) -> &Secret {
        match class {
            BlobClass::Data => &self.data_id_key,
            BlobClass::Tree => &self.tree_id_key,
        }
    }
}
