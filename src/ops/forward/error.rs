//! Why databases are not rolled forward.

use super::entries::ChangeLogError;
use crate::codec::DocumentError;
use crate::model::ClusterTime;
use crate::ops::sorter::SorterError;
use crate::repo::RepoError;

#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    #[error(transparent)]
    Repo(#[from] RepoError),
    #[error(transparent)]
    Log(#[from] ChangeLogError),
    #[error(transparent)]
    Scratch(#[from] SorterError),
    /// What the log says does not fit what there is.
    #[error("a change is missing in the log: {what} at {at} {why}")]
    Hole { what: String, at: ClusterTime, why: String },
    #[error("the log has something at {at} that snap does not know: {what}")]
    Unknown {
        what: String,
        at: ClusterTime,
        /// The last change before it: so far it can be rolled forward.
        last: Option<ClusterTime>,
    },
    /// A prepared transaction, of which the log does not tell whether it counts.
    #[error("the log ends before the prepared transaction of {at} is decided")]
    Undecided { at: ClusterTime },
    #[error("{0}: its snapshot does not tell which moment it is of")]
    NoMoment(String),
    #[error("the user asked to stop")]
    Stopped,
}

/// What is wrong with one change.
#[derive(Debug)]
pub(super) enum Fault {
    Unknown(String),
    Hole { what: String, why: String },
    Other(ForwardError),
}

impl From<DocumentError> for Fault {
    fn from(error: DocumentError) -> Self {
        Self::Unknown(error.to_string())
    }
}

impl From<ForwardError> for Fault {
    fn from(error: ForwardError) -> Self {
        Self::Other(error)
    }
}

impl From<SorterError> for Fault {
    fn from(error: SorterError) -> Self {
        Self::Other(error.into())
    }
}

impl Fault {
    /// The error that it is, of a change at this moment.
    pub fn at(self, at: ClusterTime, last: Option<ClusterTime>) -> ForwardError {
        match self {
            Self::Unknown(what) => ForwardError::Unknown { what, at, last },
            Self::Hole { what, why } => ForwardError::Hole { what, at, why },
            Self::Other(error) => error,
        }
    }
}
