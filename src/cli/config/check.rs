//! `snap config check`

use super::proof::Proof;
use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::text::count;
use crate::settings::config::{Fault, find_config};
use crate::settings::{Config, SettingsError};
use serde::Serialize;
use std::path::{Path, PathBuf};

const AFTER_HELP: &str = "\
What is wrong in the file itself is an error, with line and column (exit
code 2). What makes a backup fail, or leave something out, is named too: a
source that is not there, a key or password that is missing (exit code 1).
Anything else is a warning.";

/// Prove a snap.toml: is it right, is everything there that it names, does it open the repository?
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The file [default: the one in force]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Serialize)]
struct Summary<'a> {
    file: &'a Path,
    profiles: Vec<&'a str>,
    warnings: u64,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let file = file(context, arguments)?;
    let config = match Config::read(&file, context.home()) {
        Err(SettingsError::Config { faults }) if faults.len() > 1 => {
            return Err(tell(context, &file, &faults));
        }
        read => read?,
    };
    let mut proof = Proof::new(context);
    proof.file(&config.file);
    for profile in &config.profiles {
        proof.profile(profile)?;
    }
    let Proof { warnings, failures, .. } = proof;
    let profiles: Vec<&str> = config.profiles.iter().map(|one| one.name.as_str()).collect();
    let number = count(profiles.len() as u64, "profile", "profiles");
    let (shown, names) = (config.file.display(), profiles.join(", "));
    context.output.say(match warnings {
        0 if names.is_empty() => format!("{shown} is in order, and has no profiles"),
        0 => format!("{shown} is in order: {number} ({names})"),
        _ => format!(
            "{shown} {}: {number} ({names}), {}",
            if failures == 0 { "can be used" } else { "is not ready" },
            count(warnings, "warning", "warnings")
        ),
    })?;
    context.output.object("summary", &Summary { file: &config.file, profiles, warnings })?;
    match failures {
        0 => Ok(Code::Done),
        _ => Err(Failure::new(Code::Failed, "a backup would fail, or leave something out")
            .hint("the warnings say why: mend them, then try again")),
    }
}

fn file(context: &Context, arguments: &Arguments) -> Result<PathBuf, Failure> {
    if let Some(file) = &arguments.file {
        return Ok(file.clone());
    }
    let flag = context.global.config.as_deref();
    let places = context.places()?;
    let found = find_config(flag, &context.environment, &places);
    found.map(|(file, _)| file).ok_or_else(|| {
        let usual = places.config_file();
        Failure::new(Code::Nothing, format!("there is no {}", usual.display()))
            .hint("`snap config init` writes one")
    })
}

/// Several things are wrong.
fn tell(context: &Context, file: &Path, faults: &[Fault]) -> Failure {
    for fault in faults {
        let Fault { file, place, message, hint } = fault;
        if context.output.is_json() {
            let what = format!("{}:{}:{}", file.display(), place.line, place.column);
            let hint = hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            context.output.warning(&what, &format!("{message}{hint}"), "reading settings");
        } else {
            let failure = Failure::usage(fault);
            let hinted = hint.as_ref().map(|hint| failure.clone().hint(hint));
            context.output.failure(&hinted.unwrap_or(failure));
        }
    }
    let number = count(faults.len() as u64, "thing is", "things are");
    Failure::usage(format!("{number} wrong with {}", file.display()))
}
