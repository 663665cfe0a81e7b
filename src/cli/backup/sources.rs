//! What is backed up, and what is left out.

use super::Arguments;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::text::shell_word;
use crate::ops::FilesBackup;
use crate::settings::{DatabaseAddress, Profile, SourceAddress};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// What is backed up, each once.
#[derive(Default)]
pub struct Sources {
    /// Full ones.
    pub paths: Vec<PathBuf>,
    pub databases: Vec<DatabaseAddress>,
}

impl Sources {
    /// Those that are named, else the profile's.
    pub fn find(context: &Context, arguments: &Arguments) -> Result<Self, Failure> {
        let (mut found, mut known) = (Self::default(), HashSet::new());
        for source in sources(context, arguments)? {
            match source {
                SourceAddress::Database(address) if !found.databases.contains(&address) => {
                    found.databases.push(address);
                }
                SourceAddress::Database(_) => {}
                SourceAddress::Path(path) => {
                    let path = absolute(&path)?;
                    if known.insert(path.clone()) {
                        found.paths.push(path);
                    }
                }
            }
        }
        Ok(found)
    }
}

/// How files are backed up, from arguments and profile.
pub fn files(
    context: &Context,
    arguments: &Arguments,
    paths: Vec<PathBuf>,
) -> Result<FilesBackup, Failure> {
    let profile = context.profile()?;
    Ok(FilesBackup {
        paths,
        rules: arguments.leave_out.rules(profile),
        one_file_system: arguments.leave_out.one_file_system(profile),
        force: arguments.force,
    })
}

fn sources(context: &Context, arguments: &Arguments) -> Result<Vec<SourceAddress>, Failure> {
    let listed = arguments.listed.paths()?.into_iter().map(SourceAddress::Path);
    let given = arguments.paths.iter().cloned().map(SourceAddress::parse);
    let mut named: Vec<SourceAddress> = listed.chain(given).collect();
    named.extend(in_files(&arguments.databases.files)?);
    if !named.is_empty() {
        return Ok(named);
    }
    let listed = sources_in_force(context)?;
    match listed.is_empty() {
        false => Ok(listed),
        true => Err(nothing_to_back_up(context)?),
    }
}

/// Without arguments: what the profile lists; a database that the environment names takes the
/// place of its databases.
fn sources_in_force(context: &Context) -> Result<Vec<SourceAddress>, Failure> {
    let profile = context.profile()?;
    let Some(database) = from_environment(context)? else {
        return profile.map(sources_of).transpose().map(Option::unwrap_or_default);
    };
    let mut listed = profile.map(Profile::sources).unwrap_or_default();
    listed.retain(|source| matches!(source, SourceAddress::Path(_)));
    listed.push(database);
    Ok(listed)
}

/// All that a profile lists, also by files with addresses of databases.
pub fn sources_of(profile: &Profile) -> Result<Vec<SourceAddress>, Failure> {
    let mut listed = profile.sources();
    listed.extend(in_files(&profile.mongodb_files())?);
    Ok(listed)
}

/// The database that the environment names.
pub fn from_environment(context: &Context) -> Result<Option<SourceAddress>, Failure> {
    if let Some(text) = context.environment.mongodb() {
        let address = DatabaseAddress::parse(text).map_err(|why| {
            Failure::usage("SNAP_MONGODB is no address of a database").because(why)
        })?;
        return Ok(Some(SourceAddress::Database(address)));
    }
    let file = context.environment.path("SNAP_MONGODB_FILE");
    Ok(in_files(file.as_slice())?.into_iter().next())
}

/// The databases whose addresses are in files.
pub fn in_files(files: &[PathBuf]) -> Result<Vec<SourceAddress>, Failure> {
    let read = |file: &PathBuf| {
        let address = DatabaseAddress::read(file).map_err(|why| {
            let name = shell_word(file.as_os_str());
            Failure::usage(format!("{name} holds no address of a database"))
                .because(why)
                .hint("its first line must be mongodb://user:password@host:port/database")
        });
        address.map(SourceAddress::Database)
    };
    files.iter().map(read).collect()
}

fn nothing_to_back_up(context: &Context) -> Result<Failure, Failure> {
    let message = match context.profile()? {
        Some(profile) => format!("profile {} lists no sources", profile.name),
        None => "nothing says what to back up".to_owned(),
    };
    let hint = context.hint_to_name_a_profile().unwrap_or_else(|| {
        "name files and folders (`snap backup /srv/bot`), or list them in a profile (`snap config \
         init`)"
            .to_owned()
    });
    Ok(Failure::usage(message).hint(hint))
}

/// Without the slash at the end: `bot` and `bot/` are one source.
pub fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    let absolute = std::path::absolute(path)
        .map_err(|_| Failure::usage("a path to back up is empty").hint("name a file or folder"))?;
    Ok(absolute.components().collect())
}

/// A repository that backs itself up grows for ever.
pub fn leave_out_own(
    context: &Context,
    repository: &Path,
    files: &mut FilesBackup,
) -> Result<(), Failure> {
    let own = [Some(repository.to_owned()), context.cache()?];
    for own in own.iter().flatten().filter_map(|path| path.canonicalize().ok()) {
        let given = files.paths.iter().filter_map(|path| path.canonicalize().ok());
        let mut above = given.filter(|path| own != *path && own.starts_with(path));
        if let (Some(_), Some(pattern)) = (above.next(), literal_pattern(&own)) {
            files.rules.exclude.push(pattern);
        }
    }
    Ok(())
}

/// A pattern that matches this path only; `None` if it is not text.
fn literal_pattern(path: &Path) -> Option<String> {
    let mut pattern = String::new();
    for character in path.to_str()?.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    Some(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_pattern_has_no_wildcards() {
        assert_eq!(literal_pattern(Path::new("/a/b*[c]")).unwrap(), "/a/b\\*\\[c\\]");
    }
}
