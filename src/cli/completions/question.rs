//! What a shell wants completed, and what there is to know for it.

use super::known::{Known, look};
use crate::cli::arguments::Cli;
use crate::cli::context::Context;
use crate::cli::global::GlobalOptions;
use crate::settings::Environment;
use clap::{CommandFactory, FromArgMatches};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

/// How long a shell is kept waiting.
const PATIENCE: Duration = Duration::from_secs(1);

/// The words that were typed so far, and the world around them.
pub struct Question {
    words: Vec<OsString>,
    environment: Environment,
    known: OnceLock<Known>,
}

/// A value, and what it stands for, shown by shells that can.
pub type Value = (String, String);

impl Question {
    /// The words stand behind `--`.
    pub fn new(environment: &Environment) -> Self {
        let words = std::env::args_os().skip_while(|word| word != "--").skip(1).collect();
        Self { words, environment: environment.clone(), known: OnceLock::new() }
    }

    /// Whether a snapshot is chosen by time.
    pub fn names_a_time(&self) -> bool {
        let mut words = self.words.iter().map(|word| word.to_string_lossy());
        words.any(|word| word == "--at" || word.starts_with("--at="))
    }

    /// Whether one was named before the word that is being typed.
    pub fn names_a_snapshot(&self) -> bool {
        let is_id = |word: &str| {
            word == "latest" || word.len() >= 4 && word.bytes().all(|b| b.is_ascii_hexdigit())
        };
        let before = self.words.split_last().map_or(&[][..], |(_, before)| before);
        before.iter().any(|word| is_id(&word.to_string_lossy()))
    }

    /// Whether the word that is being typed is the first after this one.
    pub fn follows(&self, name: &str) -> bool {
        matches!(&self.words[..], [.., before, _] if before == name)
    }

    /// `latest`, then all ids, the newest first.
    pub fn snapshots(&self) -> Vec<Value> {
        let latest = ("latest".to_owned(), "the newest".to_owned());
        std::iter::once(latest).chain(self.known().snapshots.iter().cloned()).collect()
    }

    pub fn safety_snapshots(&self) -> Vec<Value> {
        self.known().safety_snapshots.clone()
    }

    pub fn hosts(&self) -> Vec<Value> {
        plain(&self.known().hosts)
    }

    pub fn tags(&self) -> Vec<Value> {
        plain(&self.known().tags)
    }

    /// The profiles that the file of settings has sections for, whether or not all of it is
    /// right.
    pub fn profiles(&self) -> Vec<Value> {
        let text = self.settings_file().and_then(|path| std::fs::read_to_string(path).ok());
        plain(&profile_names(&text.unwrap_or_default()))
    }

    fn settings_file(&self) -> Option<PathBuf> {
        let named = self.environment.path("SNAP_CONFIG");
        named.or_else(|| Some(self.context().places().ok()?.config.join("snap.toml")))
    }

    fn context(&self) -> Context {
        let command = Cli::command().ignore_errors(true);
        let matches = command.try_get_matches_from(&self.words).ok();
        let global = matches.and_then(|matches| GlobalOptions::from_arg_matches(&matches).ok());
        Context::new(global.unwrap_or_default(), self.environment.clone())
    }

    /// What the repository knows; nothing if it takes longer than a shell should wait.
    fn known(&self) -> &Known {
        self.known.get_or_init(|| {
            let context = self.context();
            let (sender, receiver) = mpsc::channel();
            thread::spawn(move || {
                // Whoever gave up waiting does not listen.
                let _ = sender.send(look(&context));
            });
            receiver.recv_timeout(PATIENCE).ok().flatten().unwrap_or_default()
        })
    }
}

fn plain(values: &[String]) -> Vec<Value> {
    values.iter().map(|value| (value.clone(), String::new())).collect()
}

/// The names in headers such as `[profile.bot]` and `[profile."my bot".retention]`.
fn profile_names(text: &str) -> Vec<String> {
    let header = |line: &str| {
        let name = line.trim().strip_prefix("[profile.")?.trim_start();
        let (quote, rest) = match name.chars().next()? {
            quote @ ('"' | '\'') => (Some(quote), &name[1..]),
            _ => (None, name),
        };
        let ends = |c: char| quote.map_or(matches!(c, '.' | ']' | ' '), |quote| c == quote);
        rest.split(ends).next().filter(|name| !name.is_empty()).map(str::to_owned)
    };
    let mut names: Vec<String> = text.lines().filter_map(header).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_found_in_any_file() {
        let text = "[profile.bot]\nsources = [\n  [profile.\"my notes\".retention]\n\
                    [profile.bot.check]\n[profile.]\n[other]\n# [profile.x]";
        assert_eq!(profile_names(text), ["bot", "my notes"]);
    }
}
