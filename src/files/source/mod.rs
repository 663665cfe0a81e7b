//! File systems as a source.

mod directory;
pub(super) mod inspect;
pub(super) mod links;
mod roots;
pub(super) mod stream;
mod walk;

pub use roots::SourceRoot;
pub use walk::FilesSource;

/// How to walk.
#[derive(Debug, Clone, Copy)]
pub struct SourceOptions {
    /// When the backup began: entries changed less than two seconds before are read again next
    /// time, whatever they look like then.
    pub begun: jiff::Timestamp,
    /// Stay on the file systems that the given paths are on. A directory on which another one
    /// is mounted is kept, empty.
    pub one_file_system: bool,
}
