//! A place of its own for each test: directories, environment, and the built binary.

use super::torture_time;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// No command of a test takes this much longer than torture may; one that does hangs, and is
/// killed.
const HANGING: Duration = Duration::from_secs(300);

/// A temporary directory with an environment in which nothing of the machine's own settings is
/// seen. Commands run in `here`; `home` is beside it. Both are removed with the world.
pub struct World {
    root: tempfile::TempDir,
    environment: BTreeMap<OsString, OsString>,
    /// Whether there may be files that only `torture_tree --clean` can remove.
    tortured: bool,
}

/// What a command left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    pub stdout: String,
    pub stderr: String,
    /// 128 + n if it was ended by signal n.
    pub code: i32,
}

impl World {
    pub fn new() -> Self {
        let root = tempfile::Builder::new().prefix("snap-test-").tempdir().unwrap();
        let mut world = Self { root, environment: BTreeMap::new(), tortured: false };
        std::fs::create_dir(world.here()).unwrap();
        std::fs::create_dir(world.home()).unwrap();
        world.set_defaults();
        world
    }

    /// One whose commands find a repository, which was just made.
    pub fn with_repository() -> Self {
        let mut world = Self::new();
        world.set("SNAP_REPOSITORY", "repository");
        world.snap(["init"]).success();
        world
    }

    fn set_defaults(&mut self) {
        for name in ["PATH", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE", "SNAP_TORTURE_SECONDS"] {
            if let Some(value) = std::env::var_os(name) {
                self.set(name, value);
            }
        }
        let home = self.home();
        for (name, place) in [
            ("XDG_CONFIG_HOME", ".config"),
            ("XDG_CACHE_HOME", ".cache"),
            ("XDG_DATA_HOME", ".local/share"),
            ("XDG_STATE_HOME", ".local/state"),
        ] {
            self.set(name, home.join(place));
        }
        self.set("HOME", home);
        self.set("TZ", "UTC");
        self.set("LC_ALL", "C.UTF-8");
        self.set("SNAP_PASSWORD", "correct horse battery staple");
    }

    /// What holds `here` and `home`.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The directory in which commands run.
    pub fn here(&self) -> PathBuf {
        self.root.path().join("here")
    }

    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// Sets an environment variable for all later commands.
    pub fn set(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) {
        self.environment.insert(name.as_ref().into(), value.as_ref().into());
    }

    pub fn unset(&mut self, name: impl AsRef<OsStr>) {
        self.environment.remove(name.as_ref());
    }

    /// All variables that commands see.
    pub fn environment(&self) -> &BTreeMap<OsString, OsString> {
        &self.environment
    }

    pub fn set_environment(&mut self, environment: BTreeMap<OsString, OsString>) {
        self.environment = environment;
    }

    /// The absolute path of something in `here`.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.here().join(relative)
    }

    /// Writes a file below `here`, with the directories that it needs.
    pub fn write(&self, relative: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// A command that runs in this world, not started yet; its input is empty.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(&self.environment).current_dir(self.here()).stdin(Stdio::null());
        command
    }

    /// Runs the built binary to its end.
    pub fn snap<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Output {
        run(self.command(env!("CARGO_BIN_EXE_snap")).args(arguments))
    }

    /// Runs the built binary with a file as its input.
    pub fn snap_reading<A: AsRef<OsStr>>(
        &self,
        file: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Output {
        let input = std::fs::File::open(self.path(file)).unwrap();
        run(self.command(env!("CARGO_BIN_EXE_snap")).args(arguments).stdin(input))
    }

    /// Compares two trees below `here` with `tests/support/manifest`; code 0 if they are equal.
    pub fn manifest<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Output {
        run(self.script("manifest").args(arguments))
    }

    /// Makes a tree below `here` with `tests/support/torture_tree`. It is removed with the world,
    /// and so are copies of it.
    pub fn torture<A: AsRef<OsStr>>(&mut self, arguments: impl IntoIterator<Item = A>) -> Output {
        self.tortured = true;
        run(self.script("torture_tree").args(arguments))
    }

    /// Runs the built binary at a pseudo-terminal with `tests/support/terminal`: each answer is
    /// `PROMPT=ANSWER`. What was shown is the standard output.
    pub fn terminal(&self, answers: &[&str], arguments: &[&str]) -> Output {
        let mut command = self.script("terminal");
        command.args(answers).arg("--").arg(env!("CARGO_BIN_EXE_snap")).args(arguments);
        run(&mut command)
    }

    fn script(&self, name: &str) -> Command {
        let mut command = self.command("python3");
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support").join(name));
        command
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.tortured {
            let here = self.here();
            let mut clean = self.script("torture_tree");
            // What is left shows in the temporary directory; a panic here would hide the test's.
            let _ = clean.current_dir("/").arg("--clean").arg(here).status();
        }
    }
}

impl Output {
    /// What was printed, by a command that must succeed.
    #[track_caller]
    pub fn success(self) -> String {
        assert_eq!(self.code, 0, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self.stdout
    }
}

/// Runs a command to its end, or kills it when it hangs.
pub fn run(command: &mut Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stdout = collect(child.stdout.take().unwrap());
    let stderr = collect(child.stderr.take().unwrap());
    let status = wait(&mut child);
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    let Some(status) = status else {
        panic!("{command:?} hangs; it was killed.\nstdout:\n{stdout}\nstderr:\n{stderr}");
    };
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Output { stdout, stderr, code }
}

fn collect(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn wait(child: &mut Child) -> Option<ExitStatus> {
    let end = Instant::now() + HANGING + torture_time();
    while Instant::now() < end {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_runs() {
        assert_eq!(World::new().snap(["--version"]).code, 0);
    }

    #[test]
    fn commands_see_only_the_world() {
        let mut world = World::new();
        world.set("SNAP_PROFILE", "bot");
        world.unset("SNAP_PASSWORD");
        let output = run(world.command("sh").args(["-c", "pwd; env; echo no >&2; exit 3"]));
        let here = world.here().to_str().unwrap().to_owned();
        assert!(output.stdout.starts_with(&here), "{}", output.stdout);
        assert!(output.stdout.contains("\nSNAP_PROFILE=bot\n"));
        assert!(!output.stdout.contains("SNAP_PASSWORD"));
        assert!(!output.stdout.contains("CARGO_"));
        assert_eq!((output.stderr.as_str(), output.code), ("no\n", 3));
    }

    #[test]
    fn a_signal_is_a_code() {
        let output = run(World::new().command("sh").args(["-c", "kill -9 $$"]));
        assert_eq!(output.code, 137);
    }
}
