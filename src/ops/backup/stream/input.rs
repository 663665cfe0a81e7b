//! A pipe, or what a command prints. Waiting ends when the user asks to stop.

use super::{StreamError, StreamInput};
use crate::model::Monitor;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked at whether a command has ended that prints no more.
const MOMENT: Duration = Duration::from_millis(10);

pub struct Input {
    /// `None` once it ended.
    pipe: Option<File>,
    /// What to call it in messages.
    name: String,
    child: Option<Child>,
    anything_came: bool,
    monitor: Arc<dyn Monitor>,
}

impl Input {
    /// Opens it. A command can be run again, a pipe is taken away.
    pub fn open(
        input: &mut Option<StreamInput>,
        monitor: &Arc<dyn Monitor>,
    ) -> Result<Self, StreamError> {
        match input {
            None => Err(StreamError::Spent),
            Some(StreamInput::Command { program, arguments }) => {
                let name = program.to_string_lossy().into_owned();
                let (child, pipe) = start(program, arguments)
                    .map_err(|cause| StreamError::NotStarted { command: name.clone(), cause })?;
                Ok(Self::new(pipe, name, Some(child), monitor))
            }
            Some(StreamInput::Pipe(_)) => match input.take() {
                Some(StreamInput::Pipe(pipe)) => {
                    Ok(Self::new(Some(pipe), "standard input".to_owned(), None, monitor))
                }
                _ => Err(StreamError::Spent),
            },
        }
    }

    fn new(
        pipe: Option<OwnedFd>,
        name: String,
        child: Option<Child>,
        monitor: &Arc<dyn Monitor>,
    ) -> Self {
        let pipe = pipe.map(File::from);
        Self { pipe, name, child, anything_came: false, monitor: Arc::clone(monitor) }
    }

    /// Some bytes; 0 at the end.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StreamError> {
        let Some(pipe) = &mut self.pipe else { return Ok(0) };
        match wait_and_read(pipe, buffer, self.monitor.as_ref()) {
            Ok(0) => {
                self.pipe = None;
                Ok(0)
            }
            Ok(count) => {
                self.anything_came = true;
                Ok(count)
            }
            Err(cause) => Err(self.unreadable(cause)),
        }
    }

    /// After the end: whether that was all there should be.
    pub fn finish(&mut self) -> Result<(), StreamError> {
        let Some(child) = self.child.as_mut() else {
            return if self.anything_came { Ok(()) } else { Err(StreamError::Empty) };
        };
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if self.monitor.stopped() => return Err(self.unreadable(stopped())),
                Ok(None) => std::thread::sleep(MOMENT),
                Err(cause) => return Err(self.unreadable(cause)),
            }
        };
        self.child = None;
        match status.success() {
            true => Ok(()),
            false => Err(StreamError::Failed { command: self.name.clone(), status }),
        }
    }

    fn unreadable(&self, cause: io::Error) -> StreamError {
        StreamError::Unreadable { what: self.name.clone(), cause }
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        // Nobody wants what it would still print.
        self.pipe = None;
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn start(
    program: &OsStr,
    arguments: &[std::ffi::OsString],
) -> io::Result<(Child, Option<OwnedFd>)> {
    let mut child = Command::new(program).args(arguments).stdout(Stdio::piped()).spawn()?;
    let pipe = child.stdout.take().map(OwnedFd::from);
    Ok((child, pipe))
}

fn wait_and_read(pipe: &mut File, buffer: &mut [u8], monitor: &dyn Monitor) -> io::Result<usize> {
    let moment = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    loop {
        if monitor.stopped() {
            return Err(stopped());
        }
        let mut waiting = [PollFd::new(&*pipe, PollFlags::IN)];
        match poll(&mut waiting, Some(&moment)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => match pipe.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            },
            Err(error) => return Err(error.into()),
        }
    }
}

fn stopped() -> io::Error {
    io::Error::other("the backup was stopped")
}
