//! The settings that a repository keeps for all who use it: looking at them and changing them.

use crate::codec::Compression;
use crate::format::RepositoryConfig;
use crate::repo::{RepoError, Repository};
use crate::storage::Put;

/// Smallest and largest pack, in bytes.
const PACK_SIZES: std::ops::RangeInclusive<u64> = 64 * 1024..=64 << 20;
const LEVELS: std::ops::RangeInclusive<i32> = 1..=19;
/// So many others may come first before we give up.
const MOST_ATTEMPTS: u32 = 32;

/// What is to be different.
#[derive(Debug, Clone, Default)]
pub struct SettingsChange {
    /// The retention policy as pairs of rule and value.
    pub retention: Option<Vec<(String, String)>>,
    pub compression: Option<Compression>,
    /// Bytes.
    pub pack_size: Option<u64>,
}

/// The settings, and what they were before.
#[derive(Debug, Clone)]
pub struct SettingsReport {
    /// Of the settings that count now.
    pub number: u64,
    pub before: RepositoryConfig,
    pub now: RepositoryConfig,
    /// How often somebody else changed the settings in the meantime. Those changes are kept, but
    /// for what is changed here too.
    pub others: u32,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigureError {
    #[error(transparent)]
    Repo(#[from] RepoError),
    #[error("packs of {bytes} bytes: from 64k to 64M is possible")]
    PackSize { bytes: u64 },
    #[error("there is no compression level {level}: write 1 to 19")]
    Level { level: i32 },
    #[error("others changed the settings {times} times in the meantime")]
    Contended { times: u32 },
}

/// The settings as they are now.
pub fn settings(repository: &Repository) -> Result<SettingsReport, RepoError> {
    let (number, now) = repository.latest_config()?;
    Ok(SettingsReport { number, before: now.clone(), now, others: 0 })
}

/// Changes settings for those who open the repository from now on; what is stored stays as it
/// is. If others do the same at the same time, each change is applied on top of the other.
pub fn change_settings(
    repository: &Repository,
    change: &SettingsChange,
) -> Result<SettingsReport, ConfigureError> {
    for others in 0..MOST_ATTEMPTS {
        let (number, before) = repository.latest_config()?;
        let now = change.applied_to(&before)?;
        if now == before {
            return Ok(SettingsReport { number, before, now, others });
        }
        if repository.put_config_after(number, &now)? == Put::Created {
            let number = number.saturating_add(1);
            return Ok(SettingsReport { number, before, now, others });
        }
    }
    Err(ConfigureError::Contended { times: MOST_ATTEMPTS })
}

impl SettingsChange {
    /// Whether nothing is to be different.
    pub fn is_empty(&self) -> bool {
        self.retention.is_none() && self.compression.is_none() && self.pack_size.is_none()
    }

    fn check(&self) -> Result<(), ConfigureError> {
        match (self.pack_size, self.compression) {
            (Some(bytes), _) if !PACK_SIZES.contains(&bytes) => {
                Err(ConfigureError::PackSize { bytes })
            }
            (_, Some(Compression::Zstd(level))) if !LEVELS.contains(&level) => {
                Err(ConfigureError::Level { level })
            }
            _ => Ok(()),
        }
    }

    /// The settings with the change.
    pub fn applied_to(
        &self,
        before: &RepositoryConfig,
    ) -> Result<RepositoryConfig, ConfigureError> {
        self.check()?;
        Ok(self.apply(before))
    }

    fn apply(&self, before: &RepositoryConfig) -> RepositoryConfig {
        let pack_size = self.pack_size.and_then(|bytes| u32::try_from(bytes).ok());
        RepositoryConfig {
            retention: self.retention.clone().unwrap_or_else(|| before.retention.clone()),
            compression: self.compression.unwrap_or(before.compression),
            pack_size: pack_size.unwrap_or(before.pack_size),
            ..before.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_leaves_the_rest_as_it_is() {
        let before = RepositoryConfig::standard(vec![("daily".into(), "7".into())]);
        let change = SettingsChange { pack_size: Some(32 << 20), ..SettingsChange::default() };
        let now = change.apply(&before);
        assert_eq!(now, RepositoryConfig { pack_size: 32 << 20, ..before.clone() });
        assert!(SettingsChange::default().is_empty() && !change.is_empty());
        assert_eq!(SettingsChange::default().apply(&before), before);
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        for bytes in [0, 65_535, (64 << 20) + 1, u64::MAX] {
            let change = SettingsChange { pack_size: Some(bytes), ..SettingsChange::default() };
            assert!(matches!(change.check(), Err(ConfigureError::PackSize { .. })), "{bytes}");
        }
        for level in [0, 20, -5] {
            let compression = Some(Compression::Zstd(level));
            let change = SettingsChange { compression, ..SettingsChange::default() };
            assert!(matches!(change.check(), Err(ConfigureError::Level { .. })), "{level}");
        }
    }
}
