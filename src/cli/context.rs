//! What every command has at hand.

use super::code::Code;
use super::error::Failure;
use super::global::GlobalOptions;
use super::output::Output;
use super::profiles::Profiles;
use super::signals::Stop;
use crate::repo::Repository;
use crate::settings::{Environment, Places};
use jiff::Zoned;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::runtime::Runtime;

/// What to make of it.
const MISSED: &str = "\
  the storage hides it, lost it, or was put back to an older state; `snap check`
  looks closer; if you know why, `snap repair snapshots --accept-lost` accepts it";

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
    /// The repositories that were opened so far.
    pub(super) opened: Arc<Mutex<Vec<Arc<Repository>>>>,
}

impl Context {
    pub fn new(global: GlobalOptions, environment: Environment) -> Self {
        let output = Arc::new(Output::new(&global, &environment));
        let (stop, now) = (Stop::install(), Zoned::now());
        let (chosen, runtime) = (Profiles::default(), OnceLock::new());
        let opened = Arc::default();
        Self { global, environment, output, stop, now, chosen, runtime, opened }
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

    /// What its commands find missing is told at the end.
    pub fn remember(&self, repository: &Arc<Repository>) {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.push(Arc::clone(repository));
    }

    /// Warns of what was in a repository when it was used last, and is not there any more.
    pub fn tell_missed(&self) {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        for repository in opened.iter() {
            let missed = repository.take_missed();
            for missed in &missed {
                let address = repository.storage().address();
                self.output.warning(&address, &missed.to_string(), "reading snapshots");
            }
            if !missed.is_empty() {
                self.output.aside_line(MISSED);
            }
        }
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
