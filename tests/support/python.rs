//! Python with the packages of `requirements.txt`, which `tests/run` installs.

use super::{World, not_run, run};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A command that runs a script of this repository with pymongo, arguments still to come; `None`,
/// said loudly, where there is no pymongo (`tests/run` gets it).
pub fn python(world: &World, script: &str) -> Option<Command> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || programs().into_iter().find(|program| has_pymongo(world, program));
    let Some(program) = FOUND.get_or_init(find) else {
        not_run("Python has no pymongo; tests/run gets it");
        return None;
    };
    let mut command = command(world, program);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script));
    Some(command)
}

/// That in the `PATH`, and the virtual environment of `tests/run`.
fn programs() -> [PathBuf; 2] {
    ["python3".into(), build().join("python/bin/python")]
}

fn build() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// With the packages that `tests/run` puts aside where Python makes no virtual environment.
fn command(world: &World, program: &Path) -> Command {
    let mut command = world.command(program);
    command.env("PYTHONPATH", build().join("python-packages"));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn has_pymongo(world: &World, program: &Path) -> bool {
    let is_program = program.is_file() || program.components().count() == 1;
    is_program && run(command(world, program).args(["-c", "import pymongo"])).code == 0
}
