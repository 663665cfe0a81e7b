//! Backup of what comes through a pipe, or is printed by a command, as one file.

mod input;

use super::{
    BackupError, BackupOptions, BackupReport, DatabasesBackup, Prepared, backup_source, files_name,
};
use crate::model::{
    Content, EntryName, EntryPath, Metadata, Monitor, Origin, Recorded, SnapshotSource, Source,
    SourceError, Step, Stream, Verdict,
};
use crate::repo::Repository;
use crossbeam_channel::{Receiver, Sender, bounded};
use input::Input;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};

/// One file of a snapshot that is no file here.
pub struct StreamBackup {
    /// Where it shall lie, below the root of all files; not the root itself.
    pub path: EntryPath,
    pub input: StreamInput,
}

/// Where its content comes from.
pub enum StreamInput {
    /// Read to its end. Nothing at all is an error: most likely what should have written to it
    /// failed.
    Pipe(OwnedFd),
    /// A program and its arguments. What it prints is the content; its other streams are this
    /// process's. If it fails, so does the backup, and there is no snapshot.
    Command { program: OsString, arguments: Vec<OsString> },
}

/// Why there was no content to save.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error("cannot start {command}: {cause}")]
    NotStarted { command: String, cause: std::io::Error },
    #[error("{command} failed: {status}")]
    Failed { command: String, status: ExitStatus },
    #[error("nothing came through the pipe")]
    Empty,
    #[error("cannot read {what}: {cause}")]
    Unreadable { what: String, cause: std::io::Error },
    /// A backup that must begin again cannot read a pipe a second time.
    #[error("a prune shut this backup out, and a pipe can be read only once")]
    Spent,
}

/// Takes a snapshot of a stream. Memory does not grow with its length; what earlier snapshots
/// have of its content is not stored again.
pub fn backup_stream(
    repository: &Arc<Repository>,
    stream: StreamBackup,
    options: &BackupOptions,
    monitor: Arc<dyn Monitor>,
) -> Result<BackupReport, BackupError> {
    let StreamBackup { path, input } = stream;
    let mut input = Some(input);
    let failure = Failed::default();
    let mut prepare =
        |_: bool, monitor: Arc<dyn Monitor>| -> Result<Prepared<'static>, BackupError> {
            let input = Input::open(&mut input, &monitor)?;
            Ok(prepared(&path, input, options, &failure, monitor))
        };
    let done = backup_source(repository, options, &mut prepare, monitor);
    match failure.take() {
        Some(error) => Err(error.into()),
        None => done,
    }
}

/// What went wrong with the stream, told to whoever asks first.
#[derive(Clone, Default)]
struct Failed(Arc<Mutex<Option<StreamError>>>);

impl Failed {
    fn set(&self, error: StreamError) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    fn take(&self) -> Option<StreamError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn text(&self) -> Option<String> {
        let error = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        error.as_ref().map(ToString::to_string)
    }
}

fn prepared<'a>(
    path: &EntryPath,
    input: Input,
    options: &BackupOptions,
    failed: &Failed,
    monitor: Arc<dyn Monitor>,
) -> Prepared<'a> {
    let mut below_files = EntryPath::root();
    below_files.push(&files_name());
    path.names().for_each(|name| below_files.push(&name));
    let address = [b"/", path.bytes()].concat();
    let source = SnapshotSource::new(address, below_files, options.begun);
    let (running, ended) = bounded(0);
    let metadata = metadata(options);
    let stream = InputStream {
        path: path.clone(),
        input,
        metadata: Metadata { mode: 0o600, ..metadata.clone() },
        failed: failed.clone(),
        _running: running,
    };
    let source_of_it = StreamSource {
        steps: steps(path, stream, &metadata),
        ended: Some(ended),
        failed: failed.clone(),
        monitor,
    };
    Prepared {
        source: Box::new(source_of_it),
        sources: vec![source],
        databases: DatabasesBackup::default(),
        recorded: None,
        ended: Box::new(|_| {}),
        committed: Box::new(|_| {}),
    }
}

/// Of a folder that whoever runs this has just made.
fn metadata(options: &BackupOptions) -> Metadata {
    let host = &options.host;
    let group = uzers::get_group_by_gid(host.gid);
    let group_name = group.and_then(|group| group.name().to_str().map(str::to_owned));
    Metadata {
        mode: 0o700,
        user: host.uid,
        group: host.gid,
        user_name: host.user.clone(),
        group_name: group_name.unwrap_or_default(),
        modified: options.begun.into(),
        ..Metadata::default()
    }
}

/// The walk to the stream and back, the first step last.
fn steps(path: &EntryPath, stream: InputStream, metadata: &Metadata) -> Vec<Step> {
    let mut names: Vec<EntryName> = path.names().collect();
    let Some(last) = names.pop() else { return Vec::new() };
    let leave =
        |_: &EntryName| Step::Leave { metadata: Some(metadata.clone()), children_unchanged: false };
    let mut steps: Vec<Step> = names.iter().map(leave).collect();
    let origin = Origin::Stream { stream: Box::new(stream), known: false };
    steps.push(Step::Entry { name: last, origin });
    steps.extend(names.into_iter().rev().map(|name| Step::Enter { name }));
    steps
}

struct StreamSource {
    steps: Vec<Step>,
    /// Nothing comes through it; it ends with the stream. `None` before the stream was handed out.
    ended: Option<Receiver<()>>,
    failed: Failed,
    monitor: Arc<dyn Monitor>,
}

impl Source for StreamSource {
    fn next(&mut self, _: &mut dyn Recorded) -> Result<Option<Step>, SourceError> {
        let step = self.steps.pop();
        if let Some(Step::Entry { name, .. }) = &step {
            self.monitor.current(name);
            return Ok(step);
        }
        let handed_out = !self.steps.iter().any(|step| matches!(step, Step::Entry { .. }));
        if handed_out && let Some(ended) = self.ended.take() {
            // That a command failed is known at its end only; then nothing may be committed.
            let _ = ended.recv();
        }
        match self.failed.text() {
            Some(text) => Err(SourceError::Other(text)),
            None => Ok(step),
        }
    }
}

/// The content. It never fails by itself, for a file that cannot be read would be left out of
/// the snapshot: what went wrong is told to the source, which ends the backup.
struct InputStream {
    path: EntryPath,
    input: Input,
    metadata: Metadata,
    failed: Failed,
    /// Dropped with the stream, when nobody reads it any more.
    _running: Sender<()>,
}

impl Stream for InputStream {
    fn begin(&mut self) -> Result<Content, std::io::Error> {
        let metadata = self.metadata.clone();
        Ok(Content { size: 0, holes: Vec::new(), metadata, link_group: None })
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, std::io::Error> {
        let mut filled = 0;
        while let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) {
            match self.input.read(free) {
                Ok(0) => break,
                Ok(count) => filled = filled.saturating_add(count),
                Err(error) => {
                    self.failed.set(error);
                    break;
                }
            }
        }
        Ok(filled)
    }

    fn finish(&mut self) -> Result<Verdict, std::io::Error> {
        if self.failed.text().is_none()
            && let Err(error) = self.input.finish()
        {
            self.failed.set(error);
        }
        Ok(Verdict::Ended)
    }

    fn path(&self) -> &EntryPath {
        &self.path
    }
}
