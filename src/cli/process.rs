//! What is done once, when the process starts.

use crate::settings::Environment;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Prepares the process. To be called first, while there is one thread.
pub fn begin() -> Environment {
    no_core_dumps();
    many_open_files();
    // SAFETY: this is the first thing that `main` does, and nothing before it starts a thread.
    unsafe { Environment::take() }
}

/// A core dump would hold the keys.
fn no_core_dumps() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    // Lowering a limit is always allowed.
    let _ = setrlimit(Resource::Core, none);
}

/// A deep walk with many readers holds some hundred descriptors; 1024 is the usual limit.
fn many_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // Without it things are read with what there is.
    let _ = setrlimit(Resource::Nofile, raised);
}
