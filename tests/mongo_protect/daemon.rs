//! A `snap protect` that runs beside a test.

use crate::support::{Output, World};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Nothing that a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Daemon {
    process: Child,
    lines: Arc<Mutex<Vec<serde_json::Value>>>,
    readers: Vec<JoinHandle<()>>,
    stderr: Arc<Mutex<String>>,
}

impl Daemon {
    pub fn start(world: &World, arguments: &[&str]) -> Self {
        let mut command = world.command(env!("CARGO_BIN_EXE_snap"));
        command.args(["--json", "protect"]).args(arguments);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (lines, stderr) = (Arc::new(Mutex::new(Vec::new())), Arc::default());
        let (stdout, mut errors) = (process.stdout.take().unwrap(), process.stderr.take().unwrap());
        let (into, error): (_, Arc<Mutex<String>>) = (Arc::clone(&lines), Arc::clone(&stderr));
        let readers = vec![
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    into.lock().unwrap().push(serde_json::from_str(&line).unwrap());
                }
            }),
            std::thread::spawn(move || {
                let mut text = String::new();
                let _ = errors.read_to_string(&mut text);
                *error.lock().unwrap() = text;
            }),
        ];
        Self { process, lines, readers, stderr }
    }

    /// Waits until a line of this kind, or an event of this name, was printed.
    #[track_caller]
    pub fn wait_for(&self, what: &str) {
        self.wait_until(|| {
            let lines = self.lines.lock().unwrap();
            lines.iter().any(|line| line["message_type"] == what || line["event"] == what)
        });
    }

    #[track_caller]
    pub fn wait_until(&self, is_so: impl Fn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < end, "it never comes: {:#?}", self.lines.lock().unwrap());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Kills it where it is.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.ended();
    }

    /// Asks it to stop.
    pub fn stop(self) -> Output {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.ended()
    }

    /// Waits until it has ended.
    pub fn ended(mut self) -> Output {
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "it does not end: {:#?}", self.lines.lock().unwrap());
            std::thread::sleep(Duration::from_millis(20));
        };
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        let lines = self.lines.lock().unwrap();
        let stdout = lines.iter().map(|line| format!("{line}\n")).collect();
        let stderr = self.stderr.lock().unwrap().clone();
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        Output { stdout, stderr, code }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
