//! `snap config show`

use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::table::{Cell, Table};
use crate::cli::text::readable;
use crate::settings::Profile;
use crate::settings::config::{GlobalFlags, InForce, Origin, Value, in_force};
use serde::Serialize;
use std::path::PathBuf;

/// `setting`.
#[derive(Serialize)]
struct SettingMessage<'a> {
    /// The profile in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
    key: &'a str,
    values: &'a [Value],
    origin: &'static str,
    /// The flag, the variable, or the profile that says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
}

pub fn run(context: &Context) -> Result<Code, Failure> {
    let profile = context.profile()?;
    let global = &context.global;
    let flags = GlobalFlags {
        repository: global.repository.as_deref(),
        credential: global.credential_flags(),
        cache_dir: global.cache_dir.as_deref(),
        no_cache: global.no_cache,
    };
    let settings = in_force(&flags, &context.environment, profile, &context.places()?);
    head(context, profile)?;
    let name = profile.map(|profile| profile.name.as_str());
    for setting in &settings {
        context.output.object("setting", &SettingMessage::new(setting, name))?;
    }
    print(context, &settings, profile)?;
    Ok(Code::Done)
}

/// Which file and which profile it is about.
fn head(context: &Context, profile: Option<&Profile>) -> Result<(), Failure> {
    let Some(config) = context.config()? else {
        let usual = context.places()?.config_file();
        let message = format!("file     none ({} is not there)", usual.display());
        context.output.line(message)?;
        return context.output.line("");
    };
    let others = config.profiles.iter().map(|one| one.name.as_str());
    let others: Vec<&str> =
        others.filter(|name| profile.is_none_or(|one| one.name != *name)).collect();
    let in_force = profile.map_or("none in force", |profile| profile.name.as_str());
    context.output.line(format!("file     {}", config.file.display()))?;
    context.output.line(match others.is_empty() {
        true => format!("profile  {in_force}"),
        false => format!("profile  {in_force}; there are also: {}", others.join(", ")),
    })?;
    context.output.line("")
}

/// The values come last: they are as wide as they like.
fn print(
    context: &Context,
    settings: &[InForce],
    profile: Option<&Profile>,
) -> Result<(), Failure> {
    let mut table = Table::new(["setting", "from", "value"].map(Cell::left));
    for setting in settings {
        let values = setting.values.iter().map(|value| readable(value.to_string().as_bytes()));
        let none = setting.values.is_empty().then(|| "none".to_owned());
        table.row([
            Cell::left(setting.key.as_str()),
            Cell::left(origin(&setting.origin, profile)),
            Cell::lines(values.chain(none)),
        ]);
    }
    table.render().try_for_each(|line| context.output.line(line))
}

/// `snap.toml:5`, for one of the profile's own settings; others say whose they are.
fn origin(origin: &Origin, in_force: Option<&Profile>) -> String {
    match origin {
        Origin::Flag(name) | Origin::Environment(name) => (*name).to_owned(),
        Origin::Profile { profile, file, place } => {
            let name = file.file_name().unwrap_or(file.as_os_str());
            let at = format!("{}:{}", readable(name.as_encoded_bytes()), place.line);
            match in_force.is_some_and(|one| one.name == *profile) {
                true => at,
                false => format!("{at} ({profile})"),
            }
        }
        Origin::Default => "default".to_owned(),
    }
}

impl<'a> SettingMessage<'a> {
    fn new(setting: &'a InForce, in_force: Option<&'a str>) -> Self {
        let InForce { key, values, origin } = setting;
        let (word, from, file, place) = match origin {
            Origin::Flag(name) => ("flag", Some(*name), None, None),
            Origin::Environment(name) => ("environment", Some(*name), None, None),
            Origin::Profile { profile, file, place } => {
                ("profile", Some(profile.as_str()), Some(file.clone()), Some(*place))
            }
            Origin::Default => ("default", None, None, None),
        };
        let (line, column) = (place.map(|place| place.line), place.map(|place| place.column));
        Self { profile: in_force, key, values, origin: word, from, file, line, column }
    }
}
