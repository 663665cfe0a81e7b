//! What is done once, when the process starts.

use crate::settings::Environment;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};

/// Prepares the process. To be called first, while there is one thread.
pub fn begin() -> Environment {
    no_core_dumps();
    many_open_files();
    few_arenas();
    // SAFETY: this is the first thing that `main` does, and nothing before it starts a thread.
    unsafe { Environment::take() }
}

/// A core dump would hold the keys. The limit does not count for a program that the kernel pipes
/// dumps to, so there is none at all; nor can others of this user's processes look inside.
fn no_core_dumps() {
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
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

/// glibc gives each thread an arena of its own, and what one thread has freed another does not get: 6 MB
/// of a first backup on two processors. With fewer than one for a processor, restores wait for each other.
#[cfg(target_env = "gnu")]
fn few_arenas() {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let arenas = libc::c_int::try_from(processors).unwrap_or(libc::c_int::MAX);
    // SAFETY: it sets a number that the allocator reads when the next thread comes to it.
    let _ = unsafe { libc::mallopt(libc::M_ARENA_MAX, arenas) };
}

#[cfg(not(target_env = "gnu"))]
fn few_arenas() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_dumped() {
        no_core_dumps();
        let behavior = rustix::process::dumpable_behavior().unwrap();
        assert_eq!(behavior, DumpableBehavior::NotDumpable);
        assert_eq!(getrlimit(Resource::Core).current, Some(0));
    }
}
