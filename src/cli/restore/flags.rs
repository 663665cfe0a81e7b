//! Flags that say what to take, and what to do with what is in the way.

use crate::cli::error::Failure;
use crate::files::PathFilter;
use crate::ops::Conflict;

#[derive(clap::Args, Debug, Clone, Default)]
#[command(next_help_heading = "What to take")]
pub struct PatternFlags {
    /// Only what matches (may be repeated, like all of these)
    #[arg(short, long, value_name = "PATTERN")]
    include: Vec<String>,
    /// The same, not minding capitals
    #[arg(long, value_name = "PATTERN")]
    iinclude: Vec<String>,
    /// Not what matches
    #[arg(short, long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// The same, not minding capitals
    #[arg(long, value_name = "PATTERN")]
    iexclude: Vec<String>,
}

impl PatternFlags {
    /// Whether only some files are wanted.
    pub fn selects(&self) -> bool {
        let Self { include, iinclude, exclude, iexclude } = self;
        [include, iinclude, exclude, iexclude].into_iter().any(|list| !list.is_empty())
    }

    pub fn filter(&self) -> Result<PathFilter, Failure> {
        let include = both(&self.include, &self.iinclude);
        let exclude = both(&self.exclude, &self.iexclude);
        Ok(PathFilter::new(&include, &exclude)?)
    }
}

/// Patterns with whether they ignore case.
fn both<'a>(minding: &'a [String], not_minding: &'a [String]) -> Vec<(&'a str, bool)> {
    let minding = minding.iter().map(|pattern| (pattern.as_str(), false));
    minding.chain(not_minding.iter().map(|pattern| (pattern.as_str(), true))).collect()
}

#[derive(clap::ValueEnum, Debug, Clone, Copy, Default)]
pub enum ConflictFlag {
    /// Leave it
    #[default]
    Skip,
    /// Replace it
    Overwrite,
    /// Fields of both (documents only)
    Merge,
    /// Replace it if it is older
    Newest,
}

/// What can be done with files.
#[derive(clap::ValueEnum, Debug, Clone, Copy)]
pub enum FileConflictFlag {
    /// Leave it
    Skip,
    /// Replace it
    Overwrite,
    /// Replace it if it is older
    Newest,
}

impl From<FileConflictFlag> for ConflictFlag {
    fn from(flag: FileConflictFlag) -> Self {
        match flag {
            FileConflictFlag::Skip => Self::Skip,
            FileConflictFlag::Overwrite => Self::Overwrite,
            FileConflictFlag::Newest => Self::Newest,
        }
    }
}

impl ConflictFlag {
    pub fn for_files(self) -> Result<Conflict, Failure> {
        match self {
            Self::Skip => Ok(Conflict::Skip),
            Self::Overwrite => Ok(Conflict::Overwrite),
            Self::Newest => Ok(Conflict::Newest),
            Self::Merge => Err(Failure::usage("--conflict merge is for documents, not for files")
                .hint("name skip, overwrite or newest; beside databases --conflict-files names theirs")),
        }
    }
}
