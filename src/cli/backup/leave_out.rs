//! What a backup leaves out: flags, and what the profile says.

use crate::files::RuleSettings;
use crate::policy::parse_size;
use crate::settings::Profile;
use std::path::PathBuf;

/// A switch takes `=false` too, against a profile that says true.
#[derive(clap::Args, Debug, Clone, Default)]
#[command(next_help_heading = "What to leave out")]
pub struct LeaveOutFlags {
    /// Leave out what matches (may be repeated, like all of these)
    #[arg(short, long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// The same, not minding capitals
    #[arg(long, value_name = "PATTERN")]
    iexclude: Vec<String>,
    /// Read patterns from a file, one a line
    #[arg(long, value_name = "FILE")]
    exclude_file: Vec<PathBuf>,
    /// Leave out what lies in cache folders (those with a CACHEDIR.TAG)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", hide_possible_values = true)]
    exclude_caches: Option<bool>,
    /// Leave out folders that have a file of this name, such as .nobackup
    #[arg(long, value_name = "NAME[:HEADER]")]
    exclude_if_present: Vec<String>,
    /// Leave out files of more bytes (500k, 10M, 1.5G)
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    exclude_larger_than: Option<u64>,
    /// Do not look for .snapignore files
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", hide_possible_values = true)]
    no_snapignore: Option<bool>,
    /// Stay on the file systems of what is given
    #[arg(short = 'x', long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", hide_possible_values = true)]
    one_file_system: Option<bool>,
}

impl LeaveOutFlags {
    /// Patterns of the profile come first: those of flags, being last, decide.
    pub fn rules(&self, profile: Option<&Profile>) -> RuleSettings {
        let mut rules = profile.map(Profile::rules).unwrap_or_default();
        rules.exclude.extend_from_slice(&self.exclude);
        rules.exclude_ignoring_case.extend_from_slice(&self.iexclude);
        rules.exclude_files.extend_from_slice(&self.exclude_file);
        rules.exclude_caches = self.exclude_caches.unwrap_or(rules.exclude_caches);
        rules.exclude_if_present.extend_from_slice(&self.exclude_if_present);
        rules.exclude_larger_than = self.exclude_larger_than.or(rules.exclude_larger_than);
        rules.ignore_files = self.no_snapignore.map_or(rules.ignore_files, |no| !no);
        rules
    }

    pub fn one_file_system(&self, profile: Option<&Profile>) -> bool {
        self.one_file_system.unwrap_or_else(|| profile.is_some_and(Profile::one_file_system))
    }
}
