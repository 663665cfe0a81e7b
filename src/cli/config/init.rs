//! `snap config init`

use super::ConfigMessage;
use crate::cli::backup::absolute;
use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::text::shell_word;
use crate::settings::config::{filled_template, find_config};
use crate::settings::{Address, SourceAddress, write_config};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

const AFTER_HELP: &str = "\
Examples:
  snap config init
  snap config init -r /mnt/backup/snap ~/documents /etc
  snap config init -r /mnt/backup/snap --key-file ~/.config/snap/key ~/notes
  snap config init --stdout | less

Afterwards: look at the file, `snap config check`, `snap init`, `snap backup`.";

/// Write a snap.toml to begin with, every setting explained.
///
/// What is named here is set in its default profile, everything else is commented out. A file
/// that is there already is left alone.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Files, folders and databases that the profile shall take
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print it
    #[arg(long)]
    stdout: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let text = filled_template(&given(context, arguments)?);
    if arguments.stdout {
        let message = ConfigMessage { text: Some(&text), ..ConfigMessage::default() };
        context.output.object("config_text", &message)?;
        context.output.line(text.trim_end())?;
        return Ok(Code::Done);
    }
    let file = place(context)?;
    write_config(&file, &text)?;
    let message = ConfigMessage { file: Some(file.clone()), ..ConfigMessage::default() };
    context.output.object("config_file", &message)?;
    context.output.say(format!("wrote {}", file.display()))?;
    context.output.say("  Look at it in an editor, then try: snap config check")?;
    if context.global.config.is_some() {
        let word = shell_word(file.as_os_str());
        context.output.say(format!("  Name it each time: --config {word}, or SNAP_CONFIG"))?;
    }
    Ok(Code::Done)
}

/// Where the file goes: where it is named, else to this user's settings.
fn place(context: &Context) -> Result<PathBuf, Failure> {
    let places = context.places()?;
    let named = context.global.config.clone().or_else(|| context.environment.path("SNAP_CONFIG"));
    Ok(match named {
        Some(file) => absolute(&file)?,
        None => {
            warn_of_another(context, &places.config_file());
            places.config_file()
        }
    })
}

/// A new file of this user hides the one for all.
fn warn_of_another(context: &Context, own: &Path) {
    let Ok(places) = context.places() else { return };
    if let Some((found, _)) = find_config(None, &context.environment, &places)
        && found != own
    {
        let what = found.display().to_string();
        context.output.note(&what, "this user's own file is used in its place from now on");
    }
}

/// What the arguments say, as settings of the profile.
fn given(
    context: &Context,
    arguments: &Arguments,
) -> Result<Vec<(&'static str, Vec<String>)>, Failure> {
    let global = &context.global;
    let mut given = Vec::new();
    if let Some(repository) = &global.repository {
        let Address::Local(path) = Address::parse(repository)?;
        given.push(("repository", vec![text(absolute(&path)?)?]));
    }
    for (key, path) in [("key-file", &global.key_file), ("password-file", &global.password_file)] {
        if let Some(path) = path {
            given.push((key, vec![text(absolute(path)?)?]));
        }
    }
    if let Some(command) = &global.password_command {
        given.push(("password-command", vec![text(PathBuf::from(command))?]));
    }
    if !arguments.paths.is_empty() {
        let paths = arguments.paths.iter().map(|path| source(path));
        given.push(("sources", paths.collect::<Result<_, _>>()?));
    }
    Ok(given)
}

/// A path from the root, or an address, as it stands in the file.
fn source(path: &Path) -> Result<String, Failure> {
    match SourceAddress::parse(path.to_path_buf()) {
        SourceAddress::Path(path) => text(absolute(&path)?),
        SourceAddress::Database(address) if address.reveal().contains('@') => {
            Err(Failure::usage(format!("{address} names a user, and may hold a password")).hint(
                "write the address into a file that only you can read, and name that in \
                 snap.toml: mongodb-file = [\"FILE\"]",
            ))
        }
        SourceAddress::Database(address) => Ok(address.reveal().to_owned()),
    }
}

fn text(path: PathBuf) -> Result<String, Failure> {
    OsString::from(path).into_string().map_err(|path| {
        Failure::usage(format!("{} is not text in UTF-8", path.display()))
            .hint("a file of settings is text: name it through a link with another name")
    })
}
