//! The keys of a profile, and of the tables below it.

use super::document::{Found, Reader, Setting, Written};
use super::fault::Place;
use super::key::{INHERIT, KEYS, Key, Number, Section, find, keys_of};
use super::nearest::nearest;
use super::value::Value;
use std::ops::Range;
use toml::de::{DeInteger, DeTable, DeValue};

/// What people call keys elsewhere, and what to say to them.
const ELSEWHERE: [(&str, &str); 7] = [
    ("password", "a file is read by many: use password-file, password-command or key-file"),
    ("repo", "did you mean \"repository\"?"),
    ("paths", "did you mean \"sources\"?"),
    ("hostname", "did you mean \"host\"?"),
    ("backup", "write its settings in the profile itself"),
    ("forget", "did you mean \"retention\"?"),
    ("keep", "did you mean \"retention\"?"),
];

impl Reader<'_> {
    /// Reads the keys of a table into `written`.
    pub fn section(&mut self, section: Section, table: &DeTable<'_>, written: &mut Written) {
        for (name, value) in table {
            let (span, name) = (name.span(), name.get_ref().as_ref());
            match (section, find(section, name), section_called(name)) {
                (_, Some(key), _) => self.setting(key, span, value, written),
                (Section::Profile, _, _) if name == INHERIT => {
                    written.inherit = self.inherit(value);
                }
                (Section::Profile, _, Some(below)) => self.below(below, span, value, written),
                _ => {
                    let hint = hint_for(section, name, &written.name);
                    self.fault(span, format!("unknown key {name:?}"), Some(hint));
                }
            }
        }
    }

    fn below(
        &mut self,
        section: Section,
        span: Range<usize>,
        value: Found<'_>,
        written: &mut Written,
    ) {
        let name = section.table().unwrap_or_default();
        match value.get_ref() {
            DeValue::Table(table) if table.is_empty() => {
                let hint = keys_of(section).next().map(|key| format!("such as {}", key.name));
                self.fault(span, format!("{name} is empty: give it settings"), hint);
            }
            DeValue::Table(table) => self.section(section, table, written),
            other => {
                let hint = format!("write [profile.{}.{name}]", written.name);
                let message = format!("{name} is a table, not {}", words(other));
                self.fault(value.span(), message, Some(hint));
            }
        }
    }

    fn setting(
        &mut self,
        key: &'static Key,
        span: Range<usize>,
        value: Found<'_>,
        written: &mut Written,
    ) {
        if key.number == Number::OneOfGroup
            && let Some(other) = written.settings.iter().find(|set| set.key.number == key.number)
        {
            let message = format!("{} and {} exclude each other", other.key.name, key.name);
            self.fault(span.clone(), message, Some("keep one of them".to_owned()));
        }
        let place = self.place(span);
        let values = match key.is_list() {
            true => self.list(value, |reader, value| reader.value(key, value)),
            false => self.value(key, value).into_iter().collect(),
        };
        let profile = written.name.clone();
        written.settings.push(Setting { key, values, profile, place });
    }

    fn inherit(&mut self, value: Found<'_>) -> Vec<(String, Place)> {
        self.list(value, |reader, value| match value.get_ref() {
            DeValue::String(name) => Some((name.to_string(), reader.place(value.span()))),
            other => {
                let message = format!("inherit names profiles, not {}", words(other));
                reader.fault(value.span(), message, None);
                None
            }
        })
    }

    /// A list; a single value is one, too.
    fn list<T>(
        &mut self,
        value: Found<'_>,
        mut read: impl FnMut(&mut Self, Found<'_>) -> Option<T>,
    ) -> Vec<T> {
        match value.get_ref() {
            DeValue::Array(values) => values.iter().filter_map(|value| read(self, value)).collect(),
            _ => read(self, value).into_iter().collect(),
        }
    }

    fn value(&mut self, key: &Key, value: Found<'_>) -> Option<Value> {
        let parsed = match value.get_ref() {
            DeValue::String(text) => key.kind.parse(text, self.base),
            DeValue::Boolean(on) if key.kind == super::Kind::Switch => Ok(Value::Switch(*on)),
            DeValue::Integer(number) if key.kind.takes_number() => match decimal(number) {
                Some(text) => key.kind.parse(&text, self.base),
                None => Err("the number is too large".to_owned()),
            },
            other => {
                Err(format!("{} is to be {}, not {}", key.name, key.kind.words(), words(other)))
            }
        };
        let fail = |why| self.fault(value.span(), why, None);
        parsed.map_err(fail).ok()
    }
}

fn decimal(number: &DeInteger<'_>) -> Option<String> {
    i64::from_str_radix(number.as_str(), number.radix()).ok().map(|number| number.to_string())
}

/// What a value is, for people.
pub(super) fn words(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a broken number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Whether a key is known anywhere.
pub(super) fn is_known(name: &str) -> bool {
    KEYS.iter().any(|key| key.name == name) || section_called(name).is_some() || name == INHERIT
}

fn section_called(name: &str) -> Option<Section> {
    [Section::Retention, Section::Check, Section::Protect]
        .into_iter()
        .find(|section| section.table() == Some(name))
}

/// What was probably meant by a key of this profile.
fn hint_for(section: Section, name: &str, profile: &str) -> String {
    if let Some((_, hint)) = ELSEWHERE.iter().find(|(word, _)| *word == name) {
        return (*hint).to_owned();
    }
    if let Some(key) = KEYS.iter().find(|key| key.name == name) {
        let table = key.section.table().map(|table| format!(".{table}")).unwrap_or_default();
        return format!("it belongs to [profile.{profile}{table}]");
    }
    let tables: &[&str] = match section {
        Section::Profile => &[INHERIT, "retention", "check", "protect"],
        _ => &[],
    };
    let here = keys_of(section).map(|key| key.name);
    match nearest(name, here.chain(tables.iter().copied())) {
        Some(meant) => format!("did you mean {meant:?}?"),
        None => "`snap config init --stdout` explains all keys".to_owned(),
    }
}
