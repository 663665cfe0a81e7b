//! What the program prints, and how: the one place that writes to the standard streams.

use super::error::Failure;
use super::global::GlobalOptions;
use super::json::{ErrorMessage, ExitError, Message, NoteMessage};
use super::paint::Paint;
use super::text::{harmless, readable};
use crate::settings::{Environment, without_passwords};
use indicatif::ProgressBar;
use serde::Serialize;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The standard streams. A progress bar makes room for what is printed.
pub struct Output {
    json: bool,
    quiet: bool,
    verbose: u8,
    paint: Paint,
    stdout: Mutex<BufWriter<Stdout>>,
    bar: Mutex<Option<ProgressBar>>,
}

impl Output {
    pub fn new(global: &GlobalOptions, environment: &Environment) -> Self {
        Self {
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose,
            paint: Paint::new(io::stderr().is_terminal(), environment),
            stdout: Mutex::new(BufWriter::new(io::stdout())),
            bar: Mutex::new(None),
        }
    }

    /// For errors before the options are known.
    pub fn json_only() -> Self {
        let global = GlobalOptions { json: true, quiet: true, ..GlobalOptions::default() };
        Self::new(&global, &Environment::default())
    }

    pub fn is_json(&self) -> bool {
        self.json
    }

    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    pub fn is_verbose(&self) -> bool {
        self.verbose > 0
    }

    /// Asked for twice.
    pub fn is_very_verbose(&self) -> bool {
        self.verbose > 1
    }

    /// Whether a person watches standard error.
    pub fn is_watched(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// A line of what was asked for. Nothing with `--json`.
    pub fn line(&self, text: impl AsRef<str>) -> Result<(), Failure> {
        match self.json {
            true => Ok(()),
            false => {
                let text = harmless(text.as_ref());
                self.write_line(|stdout| stdout.write_all(text.as_bytes()))
            }
        }
    }

    /// A line that is worth reading and not what was asked for. Nothing with `-q` or `--json`.
    pub fn say(&self, text: impl AsRef<str>) -> Result<(), Failure> {
        if self.quiet { Ok(()) } else { self.line(text) }
    }

    /// A line of JSON, with `--json`.
    pub fn object(&self, kind: &'static str, body: &impl Serialize) -> Result<(), Failure> {
        if !self.json {
            return Ok(());
        }
        self.write_line(|stdout| {
            Ok(serde_json::to_writer(stdout, &Message { message_type: kind, body })?)
        })
    }

    fn write_line(
        &self,
        write: impl FnOnce(&mut BufWriter<Stdout>) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let written = self.aside(|| {
            let mut stdout = lock(&self.stdout);
            write(&mut stdout)?;
            stdout.write_all(b"\n")?;
            // People want to see it now.
            if io::stdout().is_terminal() { stdout.flush() } else { Ok(()) }
        });
        Ok(written?)
    }

    pub fn flush(&self) -> Result<(), Failure> {
        Ok(lock(&self.stdout).flush()?)
    }

    /// Something that is wrong with one thing, while the work goes on.
    pub fn warning(&self, what: &str, why: &str, during: &str) {
        let (what, why) = (&without_passwords(what), &without_passwords(why));
        let error = ErrorMessage::new(what, why, during);
        // A stream that is closed shows at the end.
        let _ = self.object("error", &error);
        if !self.json {
            let text = format!("{}: {}", readable(what.as_bytes()), harmless(why));
            self.to_stderr(&format!("{} {text}", self.paint.yellow("warning:")));
        }
    }

    /// Something worth knowing, where nothing is wrong.
    pub fn note(&self, what: &str, why: &str) {
        let (what, why) = (&without_passwords(what), &without_passwords(why));
        let _ = self.object("note", &NoteMessage { item: what, message: why });
        if !self.json {
            self.to_stderr(&format!("note: {}: {}", readable(what.as_bytes()), harmless(why)));
        }
    }

    /// A line on standard error, for people only; nothing with `-q`.
    pub fn aside_line(&self, text: &str) {
        if !self.json && !self.quiet {
            self.to_stderr(text);
        }
    }

    /// Why the command failed.
    pub fn failure(&self, failure: &Failure) {
        let Some(message) = failure.message() else { return };
        let (cause, hint) = (failure.cause_text(), failure.hint_text());
        let code = failure.code() as u8;
        let _ = self.object("exit_error", &ExitError { code, message, cause, hint });
        let _ = self.flush();
        if !self.json {
            self.to_stderr(&format!("{} {}", self.paint.red("error:"), harmless(message)));
            if let Some(cause) = cause {
                self.to_stderr(&format!("{} {}", self.paint.red("cause:"), harmless(cause)));
            }
            if let Some(hint) = hint {
                self.to_stderr(&format!("{} {}", self.paint.cyan("hint:"), harmless(hint)));
            }
        }
    }

    fn to_stderr(&self, text: &str) {
        // There is nobody left to tell.
        let _ = self.aside(|| writeln!(io::stderr(), "{text}"));
    }

    /// Shows a bar below everything else, until [`Output::remove_bar`].
    pub fn show_bar(&self, bar: ProgressBar) {
        *lock(&self.bar) = Some(bar);
    }

    pub fn remove_bar(&self) {
        if let Some(bar) = lock(&self.bar).take() {
            bar.finish_and_clear();
        }
    }

    /// Writes while the bar is hidden.
    fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        let bar = lock(&self.bar).clone();
        match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
