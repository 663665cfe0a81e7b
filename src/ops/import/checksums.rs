//! Sums over collections in JSON backups: what they were made from is not written anywhere, so
//! the ways in which programs write JSON are tried.

use crate::codec::{JsonLayout, JsonSpacing, JsonTape};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What was found out about the sums of a backup.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Verdict {
    /// It has none.
    #[default]
    None,
    /// All of them are right.
    Verified {
        /// How the texts were made that they are of.
        form: String,
        collections: u64,
    },
    /// None of them is the sum of any text that was tried.
    Unknown { collections: u64 },
}

/// Tries all forms for one collection, document by document.
pub struct Trial {
    expected: [u8; 32],
    forms: Vec<(JsonLayout, Sha256)>,
    is_empty: bool,
    text: Vec<u8>,
}

/// How a collection's sum came out.
#[derive(Debug, Clone)]
struct Outcome {
    is_empty: bool,
    matching: Vec<usize>,
}

/// The sums of one backup.
#[derive(Debug, Clone, Default)]
pub struct Checksums {
    expected: BTreeMap<String, [u8; 32]>,
    outcomes: BTreeMap<String, Outcome>,
}

impl Checksums {
    /// Of `{name: "sha256:…"}`; sums of other kinds are passed over.
    pub fn of(tape: &JsonTape<'_>) -> Self {
        let expected = tape.members(0).filter_map(|(name, value)| {
            let text = String::from_utf8(tape.string(value)?).ok()?;
            let digits = text.strip_prefix("sha256:").unwrap_or(&text);
            Some((String::from_utf8(name).ok()?, parse(digits)?))
        });
        Self { expected: expected.collect(), outcomes: BTreeMap::new() }
    }

    /// Names of sums that are of none of these collections.
    pub fn beside<'a>(&'a self, has: impl Fn(&str) -> bool + 'a) -> impl Iterator<Item = &'a str> {
        self.expected.keys().map(String::as_str).filter(move |name| !has(name))
    }

    pub fn trial(&self, collection: &str) -> Option<Trial> {
        self.expected.get(collection).map(|expected| Trial::new(*expected))
    }

    pub fn add(&mut self, collection: &str, trial: Trial) {
        self.outcomes.insert(collection.to_string(), trial.finish());
    }

    /// The verdict over all collections; an error names one whose content is another than what
    /// its sum is of, where the others show how sums were made.
    pub fn verdict(&self) -> Result<Verdict, String> {
        let telling = || self.outcomes.values().filter(|outcome| !outcome.is_empty);
        let form = forms()
            .into_iter()
            .enumerate()
            .find(|(number, _)| telling().any(|outcome| outcome.matching.contains(number)));
        let collections = self.outcomes.len() as u64;
        let Some((_, layout)) = form else {
            return Ok(match collections {
                0 => Verdict::None,
                _ => Verdict::Unknown { collections },
            });
        };
        match self.outcomes.iter().find(|(_, outcome)| outcome.matching.is_empty()) {
            Some((name, _)) => Err(name.clone()),
            None => Ok(Verdict::Verified { form: described(&layout), collections }),
        }
    }
}

impl Trial {
    fn new(expected: [u8; 32]) -> Self {
        let forms = forms().into_iter().map(|layout| (layout, Sha256::new_with_prefix("[")));
        Self { expected, forms: forms.collect(), is_empty: true, text: Vec::new() }
    }

    /// The next document of the collection.
    pub fn add(&mut self, tape: &JsonTape<'_>) {
        let is_first = std::mem::take(&mut self.is_empty);
        for (layout, sum) in &mut self.forms {
            self.text.clear();
            layout.between(is_first, 1, &mut self.text);
            layout.write(tape, 1, &mut self.text);
            sum.update(&self.text);
        }
    }

    fn finish(self) -> Outcome {
        let Self { expected, forms, is_empty, mut text } = self;
        let mut matching = Vec::new();
        for (number, (layout, mut sum)) in forms.into_iter().enumerate() {
            text.clear();
            if !is_empty {
                layout.line(0, &mut text);
            }
            text.push(b']');
            sum.update(&text);
            if sum.finalize()[..] == expected {
                matching.push(number);
            }
        }
        Outcome { is_empty, matching }
    }
}

/// What is tried: Python's `json.dumps` and JavaScript's `JSON.stringify` in their usual settings.
fn forms() -> Vec<JsonLayout> {
    let spacings = [
        JsonSpacing::Spaced,
        JsonSpacing::Compact,
        JsonSpacing::Indented(2),
        JsonSpacing::Indented(4),
    ];
    let mut forms = Vec::new();
    for spacing in spacings {
        for (sorts, ascii) in [(true, true), (false, true), (true, false), (false, false)] {
            forms.push(JsonLayout { spacing, sorts, ascii });
        }
    }
    forms
}

/// As it would be written in Python.
fn described(layout: &JsonLayout) -> String {
    let mut settings = Vec::new();
    if layout.sorts {
        settings.push("sort_keys=True".to_string());
    }
    if !layout.ascii {
        settings.push("ensure_ascii=False".to_string());
    }
    match layout.spacing {
        JsonSpacing::Spaced => {}
        JsonSpacing::Compact => settings.push("separators=(',', ':')".to_string()),
        JsonSpacing::Indented(width) => settings.push(format!("indent={width}")),
    }
    format!("json.dumps({})", settings.join(", "))
}

fn parse(digits: &str) -> Option<[u8; 32]> {
    let mut sum = [0; 32];
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    for (byte, place) in sum.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(digits.get(place..place + 2)?, 16).ok()?;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hexadecimal(text: &str) -> String {
        Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn verdict(collections: &[(&str, &[&str], String)]) -> Result<Verdict, String> {
        let sums: Vec<_> = collections
            .iter()
            .map(|(name, _, sum)| format!("\"{name}\": \"sha256:{sum}\""))
            .collect();
        let text = format!("{{{}}}", sums.join(","));
        let mut checksums = Checksums::of(&JsonTape::parse(text.as_bytes()).unwrap());
        for (name, documents, _) in collections {
            let mut trial = checksums.trial(name).unwrap();
            for document in *documents {
                trial.add(&JsonTape::parse(document.as_bytes()).unwrap());
            }
            checksums.add(name, trial);
        }
        checksums.verdict()
    }

    #[test]
    fn the_form_is_found_out() {
        let documents: &[&str] = &[r#"{"b": "é", "a": 1}"#, "{}"];
        for (text, form) in [
            (r#"[{"a": 1, "b": "\u00e9"}, {}]"#, "json.dumps(sort_keys=True)"),
            (r#"[{"b": "\u00e9", "a": 1}, {}]"#, "json.dumps()"),
            (r#"[{"b":"é","a":1},{}]"#, "json.dumps(ensure_ascii=False, separators=(',', ':'))"),
            (
                "[\n  {\n    \"a\": 1,\n    \"b\": \"é\"\n  },\n  {}\n]",
                "json.dumps(sort_keys=True, ensure_ascii=False, indent=2)",
            ),
        ] {
            let sums = [("x", documents, hexadecimal(text)), ("empty", &[], hexadecimal("[]"))];
            let verified = Verdict::Verified { form: form.to_string(), collections: 2 };
            assert_eq!(verdict(&sums), Ok(verified));
        }
    }

    #[test]
    fn a_wrong_sum_is_known_by_the_right_ones() {
        let documents: &[&str] = &[r#"{"a": 1}"#];
        let right = ("x", documents, hexadecimal(r#"[{"a": 1}]"#));
        let wrong = ("y", documents, hexadecimal(r#"[{"a": 2}]"#));
        assert_eq!(verdict(&[right, wrong.clone()]), Err("y".to_string()));
        assert_eq!(verdict(&[wrong]), Ok(Verdict::Unknown { collections: 1 }));
        assert_eq!(verdict(&[]), Ok(Verdict::None));
    }
}
