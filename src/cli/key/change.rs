//! Keys come and go.

use super::NewKey;
use super::list::{KeyMessage, kind};
use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::init::new_credential;
use crate::cli::open::locate;
use crate::cli::text::{count, readable, shell_word};
use crate::format::SlotKind;
use crate::model::KeyId;
use crate::ops::{KeyError, add_key, current_key, remove_key, replace_key};
use crate::repo::{Credential, KeySlotInfo, Repository};
use crate::settings::{CredentialFlags, CredentialSource, Environment};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Serialize)]
struct Removed {
    id: String,
}

pub fn add(context: &Context, repository: &Repository, new: &NewKey) -> Result<Code, Failure> {
    let (credential, made) = credential(context, new)?;
    let label = new.label.clone().unwrap_or_default();
    let added = add_key(repository, &credential, label);
    let id = opens_nothing(added, made.as_deref())?;
    print_added(context, repository, id, made.as_deref())?;
    Ok(Code::Done)
}

pub fn passwd(context: &Context, repository: &Repository, new: &NewKey) -> Result<Code, Failure> {
    let current = current_key(repository)?;
    if current.kind == SlotKind::KeyFile && new.new_key_file.is_none() {
        let message = "the repository was opened with a key file, which has no password";
        return Err(Failure::usage(message).hint(
            "open it with the password that is to change; `snap key add` makes a password \
             beside the key file, --new-key-file puts another file in its place",
        ));
    }
    let (credential, made) = credential(context, new)?;
    let replaced = replace_key(repository, &credential, new.label.clone());
    let (_, id) = opens_nothing(replaced, made.as_deref())?;
    print_added(context, repository, id, made.as_deref())?;
    print_removed(context, &current)?;
    Ok(Code::Done)
}

pub fn remove(
    context: &Context,
    repository: &Repository,
    id: &str,
    yes: bool,
) -> Result<Code, Failure> {
    let slots = repository.key_slots()?.slots;
    let slot = by_id(&slots, id)?;
    remove_key(repository, slot, yes)?;
    print_removed(context, slot)?;
    Ok(Code::Done)
}

/// The slot whose id begins like `text` (at least four digits).
fn by_id<'a>(slots: &'a [KeySlotInfo], text: &str) -> Result<&'a KeySlotInfo, Failure> {
    let is_id = text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_id {
        return Err(Failure::usage(format!("{text:?} is no key"))
            .hint("write an id as `snap key list` shows them, at least four digits"));
    }
    let text = text.to_ascii_lowercase();
    let mut found = slots.iter().filter(|slot| slot.id.hex().starts_with(&text));
    match (found.next(), found.count()) {
        (Some(slot), 0) => Ok(slot),
        (None, _) => Err(Failure::new(Code::Nothing, format!("there is no key {text}"))
            .hint("`snap key list` shows those that are there")),
        (Some(_), more) => {
            let message = format!("{} have ids that begin with {text}", more + 1);
            Err(Failure::usage(message).hint("write more digits of the one you mean"))
        }
    }
}

/// The new password or key file; the second value is the path of a key file that was made now.
fn credential(context: &Context, new: &NewKey) -> Result<(Credential, Option<PathBuf>), Failure> {
    let flags = CredentialFlags {
        password_file: new.new_password_file.clone(),
        key_file: new.new_key_file.clone(),
        ..CredentialFlags::default()
    };
    let source = CredentialSource::find(&flags, &Environment::default(), None, None);
    if matches!(source, CredentialSource::Ask) && !crate::cli::ask::is_possible() {
        return Err(Failure::new(Code::WrongKey, "no new password or key was given")
            .hint("--new-password-file FILE or --new-key-file FILE; at a terminal snap asks"));
    }
    let path = locate(context)?.map(|located| located.path).unwrap_or_default();
    new_credential(context, source, &path)
}

/// A key file that was made for a slot that is not there is taken away. If the old key could not be
/// removed the new slot is there, and the old one may be gone all the same.
fn opens_nothing<T>(result: Result<T, KeyError>, made: Option<&Path>) -> Result<T, Failure> {
    match (&result, made) {
        (Ok(_) | Err(KeyError::OldStays { .. }), _) | (Err(_), None) => {}
        (Err(_), Some(path)) => {
            let _ = std::fs::remove_file(path);
        }
    }
    Ok(result?)
}

fn print_added(
    context: &Context,
    repository: &Repository,
    id: KeyId,
    made: Option<&Path>,
) -> Result<(), Failure> {
    let found = repository.key_slots()?;
    let number = count(found.slots.len() as u64, "key", "keys");
    if let Some(slot) = found.slots.iter().find(|slot| slot.id == id) {
        let key_file = made.map(|path| path.display().to_string());
        context.output.object("key", &KeyMessage::from(slot).with_file(key_file))?;
        context.output.say(format!("added key {}; {number} now", describe(slot)))?;
    }
    let Some(path) = made else { return Ok(()) };
    let word = shell_word(path.as_os_str());
    context.output.say(format!(
        "made key file {}\n  \
         Whoever has it can read the backups: keep it where the repository is not.\n  \
         Print it:     cat {word}\n  \
         Or copy it:   cp {word} /media/usb-stick/",
        path.display()
    ))
}

fn print_removed(context: &Context, slot: &KeySlotInfo) -> Result<(), Failure> {
    context.output.object("key_removed", &Removed { id: slot.id.hex() })?;
    context.output.say(format!("removed key {}", describe(slot)))
}

/// `1a2b3c4d (password, anna)`.
fn describe(slot: &KeySlotInfo) -> String {
    let label = match slot.label.is_empty() {
        true => String::new(),
        false => format!(", {}", readable(slot.label.as_bytes())),
    };
    format!("{} ({}{label})", slot.id.short(), kind(slot))
}
