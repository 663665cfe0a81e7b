//! What every command has at hand.

use super::error::Failure;
use super::global::GlobalOptions;
use super::output::Output;
use super::profiles::Profiles;
use super::signals::Stop;
use crate::settings::{Environment, Places};
use jiff::Zoned;
use std::path::PathBuf;
use std::sync::Arc;

pub struct Context {
    pub global: GlobalOptions,
    pub environment: Environment,
    pub output: Arc<Output>,
    pub stop: Stop,
    /// When the program was started, in the local time zone.
    pub now: Zoned,
    /// The profiles of `snap.toml` that are in force.
    pub chosen: Profiles,
}

impl Context {
    pub fn new(global: GlobalOptions, environment: Environment) -> Self {
        let output = Arc::new(Output::new(&global, &environment));
        let (stop, now) = (Stop::install(), Zoned::now());
        Self { global, environment, output, stop, now, chosen: Profiles::default() }
    }

    pub fn places(&self) -> Result<Places, Failure> {
        Ok(Places::find(&self.environment)?)
    }

    /// Where local copies are kept, if they are.
    pub fn cache(&self) -> Result<Option<PathBuf>, Failure> {
        if self.global.no_cache {
            return Ok(None);
        }
        match &self.global.cache_dir {
            Some(directory) => Ok(Some(directory.clone())),
            None => Ok(Some(self.places()?.cache)),
        }
    }
}
