//! `snap config`

mod check;
mod init;
mod proof;
mod repo;
mod show;

use super::code::Code;
use super::context::Context;
use super::error::Failure;
use crate::settings::config::schema;
use serde::Serialize;
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Examples:
  snap config init -r /mnt/backup/snap ~/documents
                                 write a snap.toml to begin with
  snap config check              is it right, and does the repository open?
  snap config show -P web        what is in force, and where from
  snap config repo               what the repository itself keeps
  snap config schema             for editors: they complete and check

The file is ~/.config/snap/snap.toml, else /etc/snap/snap.toml; --config FILE
or SNAP_CONFIG name another. A flag beats the environment, which beats the
profile.";

/// Write, check and show snap.toml and the repository's settings.
///
/// snap.toml holds profiles: where the repository is and what opens it, what to back up and what
/// to leave out, and which snapshots stay. The profile called default is used when none is named.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    Init(init::Arguments),
    Check(check::Arguments),
    /// Print what is in force, and where each value comes from
    Show,
    Repo(Box<repo::Arguments>),
    /// Print the JSON Schema of snap.toml
    Schema,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    match &arguments.what {
        What::Init(arguments) => init::run(context, arguments),
        What::Check(arguments) => check::run(context, arguments),
        What::Show => context.each_profile(show::run),
        What::Repo(arguments) => context.each_profile(|context| repo::run(context, arguments)),
        What::Schema => print_schema(context),
    }
}

/// `config_file`, `config_text`, `config_schema`: what was written or is to be.
#[derive(Serialize, Default)]
struct ConfigMessage<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<serde_json::Value>,
}

fn print_schema(context: &Context) -> Result<Code, Failure> {
    let schema = schema();
    let text = serde_json::to_string_pretty(&schema).map_err(std::io::Error::from)?;
    let message = ConfigMessage { schema: Some(schema), ..ConfigMessage::default() };
    context.output.object("config_schema", &message)?;
    context.output.line(text)?;
    Ok(Code::Done)
}
