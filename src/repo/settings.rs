//! The settings of a repository: `config/<n>`, of which the highest n counts.

use super::RepoError;
use super::repository::{Repository, object_name};
use crate::codec::Class;
use crate::format::{self, RepositoryConfig};
use crate::storage::{Folder, Put};

impl Repository {
    /// The settings that count.
    pub(super) fn read_config(&self) -> Result<RepositoryConfig, RepoError> {
        Ok(self.latest_config()?.1)
    }

    /// The settings that count now, which may be younger than those that the repository was
    /// opened with, and their number.
    pub fn latest_config(&self) -> Result<(u64, RepositoryConfig), RepoError> {
        let Some(highest) = self.config_numbers()?.into_iter().max() else {
            let why = "the repository has no settings".to_string();
            return Err(RepoError::Damaged { name: "config".to_string(), why });
        };
        let name = object_name(&format::config_name(highest))?;
        let plain = self.get_object(Class::Config, &name)?;
        let config = RepositoryConfig::decode(&plain);
        Ok((highest, config.map_err(|error| RepoError::format(&name, error))?))
    }

    /// Makes these the settings that follow those of number `after`. [`Put::Exists`]: somebody
    /// else's do already, and nothing was changed.
    pub fn put_config_after(
        &self,
        after: u64,
        config: &RepositoryConfig,
    ) -> Result<Put, RepoError> {
        let name = object_name(&format::config_name(after.saturating_add(1)))?;
        self.put_object(Class::Config, &name, &config.encode())
    }

    fn config_numbers(&self) -> Result<Vec<u64>, RepoError> {
        let listed = self.storage.list(Folder::Config)?;
        let number =
            |name: &str| name.parse().ok().filter(|number: &u64| number.to_string() == name);
        Ok(listed.iter().filter_map(|listed| number(listed.name.last())).collect())
    }

    /// An error if the settings cannot be read: what writers agree on is not known then. Readers
    /// need none.
    pub fn settings_are_known(&self) -> Result<(), RepoError> {
        match &self.settings_damage {
            None => Ok(()),
            Some((name, why)) => Err(RepoError::Damaged { name: name.clone(), why: why.clone() }),
        }
    }

    /// Makes these the settings from now on, for those who open the repository later. Settings
    /// that cannot be read are in nobody's way any more, and go.
    pub fn put_config(&self, config: &RepositoryConfig) -> Result<(), RepoError> {
        loop {
            let numbers = self.config_numbers()?;
            let next = numbers.iter().max().map_or(0, |highest| highest.saturating_add(1));
            let name = object_name(&format::config_name(next))?;
            if self.put_object(Class::Config, &name, &config.encode())? == Put::Created {
                return self.remove_unreadable_config(&numbers);
            }
        }
    }

    fn remove_unreadable_config(&self, numbers: &[u64]) -> Result<(), RepoError> {
        for number in numbers {
            let name = object_name(&format::config_name(*number))?;
            match self.get_object(Class::Config, &name) {
                Err(error) if error.is_damage() => self.storage.delete(&name)?,
                _ => {}
            }
        }
        Ok(())
    }
}
