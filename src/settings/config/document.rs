//! From the text of `snap.toml` to its profiles as they are written, each value checked and with
//! its place; what is wrong is collected, not just the first.

use super::expand::Base;
use super::fault::{Fault, Place};
use super::key::{Key, Section};
use super::section::{is_known, words};
use super::value::Value;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What all profiles lie below.
const PROFILE: &str = "profile";

/// A profile as it is written.
#[derive(Debug, Clone)]
pub struct Written {
    pub name: String,
    pub place: Place,
    pub inherit: Vec<(String, Place)>,
    pub settings: Vec<Setting>,
}

/// A key with its value or values.
#[derive(Debug, Clone)]
pub struct Setting {
    pub key: &'static Key,
    pub values: Vec<Value>,
    /// The profile that says it.
    pub profile: String,
    pub place: Place,
}

/// Reads the text; all that is wrong, in the order of the file, if anything is.
pub fn parse(text: &str, file: &Path, base: &Base) -> Result<Vec<Written>, Vec<Fault>> {
    let table = DeTable::parse(text).map_err(|error| {
        let place = Place::of(&error.span().unwrap_or_default(), text);
        vec![Fault::new(file, place, one_line(error.message()))]
    })?;
    let mut reader = Reader { text, file, base, faults: Vec::new() };
    let mut written = reader.document(table.get_ref());
    written.sort_by_key(|profile| profile.place);
    reader.faults.sort_by_key(|fault| fault.place);
    if reader.faults.is_empty() { Ok(written) } else { Err(reader.faults) }
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A value with where it stands.
pub(super) type Found<'t> = &'t Spanned<DeValue<'t>>;

/// Goes through the document, and collects what is wrong.
pub(super) struct Reader<'t> {
    text: &'t str,
    file: &'t Path,
    pub base: &'t Base,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    pub fn place(&self, span: Range<usize>) -> Place {
        Place::of(&span, self.text)
    }

    pub fn fault(&mut self, span: Range<usize>, message: impl Into<String>, hint: Option<String>) {
        let fault = Fault::new(self.file, self.place(span), message);
        self.faults.push(Fault { hint, ..fault });
    }

    fn document(&mut self, table: &DeTable<'_>) -> Vec<Written> {
        let mut written = Vec::new();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            match (name, value.get_ref()) {
                (PROFILE, DeValue::Table(profiles)) => {
                    for (name, profile) in profiles {
                        written.extend(self.profile(name.get_ref(), name.span(), profile));
                    }
                }
                (PROFILE, other) => {
                    let message = format!("profile is a table, not {}", words(other));
                    self.fault(value.span(), message, Some("write [profile.default]".to_owned()));
                }
                _ => {
                    let hint = match is_known(name) {
                        true => "settings belong to a profile: write [profile.default] above",
                        false => "did you mean [profile.NAME]? nothing else stands at the top",
                    };
                    self.fault(key.span(), format!("unknown key {name:?}"), Some(hint.to_owned()));
                }
            }
        }
        written
    }

    fn profile(&mut self, name: &str, span: Range<usize>, value: Found<'_>) -> Option<Written> {
        let DeValue::Table(table) = value.get_ref() else {
            let message = format!("{name} should be a profile, but is {}", words(value.get_ref()));
            self.fault(span, message, Some("write [profile.default] above".to_owned()));
            return None;
        };
        if !is_name(name) {
            let message = format!("{name:?} is no name of a profile");
            let hint = "use letters, digits, and - _ . between them";
            self.fault(span, message, Some(hint.to_owned()));
            return None;
        }
        let place = self.place(span);
        let name = name.to_owned();
        let mut written = Written { name, place, inherit: Vec::new(), settings: Vec::new() };
        self.section(Section::Profile, table, &mut written);
        Some(written)
    }
}

/// Letters and digits, with `-`, `_` and `.` between them: no commas, for lists of names have
/// them, and nothing that a shell would take for something else.
fn is_name(name: &str) -> bool {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
    name.starts_with(char::is_alphanumeric) && name.chars().all(is_plain)
}
