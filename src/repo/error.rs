//! What can go wrong with a repository.

use crate::codec::{CompressError, DeriveError, OpenError};
use crate::format::{FormatError, pack_name};
use crate::model::{BlobId, PackId, RepositoryId, SessionId};
use crate::storage::{ObjectName, StorageError};

#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// What is only for this process cannot be kept in its file.
    #[error("cannot write or read a file for what is needed for a while: {0}")]
    Scratch(std::io::Error),
    #[error("there is no repository at {address}")]
    NoRepository { address: String },
    #[error("there is a repository at {address} already")]
    ExistsAlready { address: String },
    #[error("the repository at {address} has no key slot")]
    NoKeySlot { address: String },
    #[error("the password or key opens none of the {tried} key slots tried")]
    WrongKey { tried: usize },
    /// There are more names in `keys/` than are looked at.
    #[error(
        "keys/ holds too many names to look at all, and the password or key opens none of the \
         {tried} slots tried"
    )]
    NoKeyAmongMany { tried: usize },
    #[error(
        "the repository has format version {found}, newer than this snap reads ({newest})",
        newest = crate::format::VERSION
    )]
    TooNew { found: u32 },
    /// An object does not hold what it should.
    #[error("{name} is damaged: {why}")]
    Damaged { name: String, why: String },
    /// A blob is in no pack that counts; `pack` is where it lay, if an index says.
    #[error("blob {id} is missing: {}", missing(pack))]
    MissingBlob { id: BlobId, pack: Option<PackId> },
    /// A blob was found, and is not what it should be.
    #[error("blob {id} in {} is damaged: {why}", pack_name(pack))]
    DamagedBlob { id: BlobId, pack: PackId, why: String },
    /// A tombstone was put in the session's place: it was taken for dead.
    #[error("session {session} was shut out by a prune that took it for dead")]
    Fenced { session: SessionId },
    #[error("snapshot {0} was forgotten meanwhile")]
    Forgotten(SessionId),
    #[error(
        "the store at {address} does not keep what a prune beside writers rests on (a name is given once, a listing shows what was put)"
    )]
    UnsoundStore { address: String },
    #[error("the witness is of repository {theirs}, this one is {ours}")]
    WitnessOfAnother { theirs: RepositoryId, ours: RepositoryId },
    /// It was read, and a prune applied `--keep-log` meanwhile.
    #[error("segment {number} of the change log was pruned meanwhile: begin again")]
    LogPruned { number: u64 },
    /// The user asked to stop.
    #[error("stopped")]
    Stopped,
    #[error("{what}: {cause}")]
    Local { what: String, cause: std::io::Error },
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Derive(#[from] DeriveError),
    #[error(transparent)]
    Compress(#[from] CompressError),
    /// A worker failed earlier; the cause was reported there.
    #[error("{0}")]
    Earlier(String),
}

impl RepoError {
    pub(crate) fn damaged(name: &ObjectName, why: impl ToString) -> Self {
        Self::Damaged { name: name.to_string(), why: why.to_string() }
    }

    /// What an object that cannot be decoded means.
    pub(crate) fn format(name: &ObjectName, error: FormatError) -> Self {
        match error {
            FormatError::TooNew { found } => Self::TooNew { found },
            FormatError::Malformed { .. } => Self::damaged(name, error),
        }
    }

    pub(crate) fn open(name: &ObjectName, error: OpenError) -> Self {
        Self::damaged(name, error)
    }

    /// What is wrong, without the name of the object where it is said beside it.
    pub fn why(&self) -> String {
        match self {
            Self::Damaged { why, .. } => why.clone(),
            other => other.to_string(),
        }
    }

    /// The pack that is to blame, where one is known.
    pub fn pack(&self) -> Option<PackId> {
        match self {
            Self::DamagedBlob { pack, .. } => Some(*pack),
            Self::MissingBlob { pack, .. } => *pack,
            _ => None,
        }
    }

    /// Whether the content of the repository is at fault (exit 4), not its surroundings.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::MissingBlob { .. } | Self::DamagedBlob { .. })
    }
}

fn missing(pack: &Option<PackId>) -> String {
    match pack {
        Some(pack) => format!("{} is gone", pack_name(pack)),
        None => "it is in no pack that an index names".to_string(),
    }
}
