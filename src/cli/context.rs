//! What every command has at hand.

use super::code::Code;
use super::error::Failure;
use super::global::GlobalOptions;
use super::output::Output;
use super::profiles::Profiles;
use super::signals::Stop;
use crate::settings::{Environment, Places};
use jiff::Zoned;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use tokio::runtime::Runtime;

pub struct Context {
    pub global: GlobalOptions,
    pub environment: Environment,
    pub output: Arc<Output>,
    pub stop: Stop,
    /// When the program was started, in the local time zone.
    pub now: Zoned,
    /// The profiles of `snap.toml` that are in force.
    pub chosen: Profiles,
    pub(super) runtime: OnceLock<Runtime>,
}

impl Context {
    pub fn new(global: GlobalOptions, environment: Environment) -> Self {
        let output = Arc::new(Output::new(&global, &environment));
        let (stop, now) = (Stop::install(), Zoned::now());
        let (chosen, runtime) = (Profiles::default(), OnceLock::new());
        Self { global, environment, output, stop, now, chosen, runtime }
    }

    pub fn places(&self) -> Result<Places, Failure> {
        Ok(Places::find(&self.environment)?)
    }

    /// What everything asynchronous runs on: one for the whole process, started when it is first
    /// needed.
    pub fn runtime(&self) -> Result<&Runtime, Failure> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("network")
            .enable_all()
            .build()
            .map_err(|cause| Failure::new(Code::Failed, "cannot start threads").because(cause))?;
        Ok(self.runtime.get_or_init(|| runtime))
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
