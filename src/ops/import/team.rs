//! JSON backups: `{"backup_metadata": {"timestamp", "database", …}, "collections": {name:
//! [documents]}, "checksums": {name: "sha256:…"}}`, in any order, packed by gzip or not.

use super::ImportError;
use super::bson_file::open;
use super::checksums::{Checksums, Verdict};
use super::gather::Gatherer;
use super::metadata::Description;
use crate::codec::{JsonInput, JsonTape, JsonToken, read_extended_json};
use crate::format::LARGEST_DOCUMENT;
use crate::model::ProblemKind;
use crate::policy::parse_exact;
use jiff::{Timestamp, Zoned};
use std::collections::BTreeSet;
use std::io::BufRead;
use std::path::Path;

/// Text of one document: JSON takes more room than BSON.
const LARGEST_TEXT: usize = 128 << 20;

/// What a backup says of itself.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// As it was written.
    timestamp: Option<String>,
    database: Option<String>,
    collections: BTreeSet<String>,
    checksums: Checksums,
}

/// Reads a backup from end to end, to see what it is and whether it is all there.
pub fn survey(path: &Path) -> Result<Survey, ImportError> {
    let mut survey = Survey::default();
    let mut has_metadata = false;
    let mut file = TeamFile::open(path)?;
    let mut members = file.begin(b'{').map_err(|_| no_backup(path))?;
    while let Some(name) = file.next_name(&mut members)? {
        match name.as_str() {
            "backup_metadata" => {
                has_metadata = true;
                let text = file.value()?;
                survey.describe(&file.parse(&text)?);
            }
            "checksums" => {
                let text = file.value()?;
                survey.checksums = Checksums::of(&file.parse(&text)?);
            }
            "collections" => survey.collections = file.collections()?,
            _ => drop(file.value()?),
        }
    }
    file.end()?;
    match has_metadata && !survey.collections.is_empty() {
        true => Ok(survey),
        false => Err(no_backup(path)),
    }
}

fn no_backup(path: &Path) -> ImportError {
    let why = "it is neither of mongodump nor JSON with \"backup_metadata\" and \"collections\"";
    ImportError::no_backup(path, why)
}

impl Survey {
    fn describe(&mut self, tape: &JsonTape<'_>) {
        let text = |name: &str| {
            let place = tape.member(0, name)?;
            let text = match tape.token(place)? {
                JsonToken::String(_) => tape.string(place)?,
                _ => tape.written(place).to_vec(),
            };
            String::from_utf8(text).ok().filter(|text| !text.is_empty())
        };
        self.timestamp = text("timestamp");
        self.database = text("database");
    }

    /// When the backup was made. Times without a zone are local.
    pub fn begun(&self, path: &Path, now: &Zoned) -> Result<Timestamp, ImportError> {
        let Some(text) = &self.timestamp else {
            return Err(ImportError::no_backup(path, "it has no timestamp: name one with --time"));
        };
        parse_time(text, now).ok_or_else(|| {
            let why = format!("its timestamp {text:?} is not understood: name one with --time");
            ImportError::no_backup(path, why)
        })
    }

    /// Gathers all documents, and verifies the sums.
    pub fn read(
        &self,
        path: &Path,
        database: Option<&str>,
        gatherer: &mut Gatherer<'_>,
    ) -> Result<Verdict, ImportError> {
        let Some(database) = database.or(self.database.as_deref()) else {
            let why = "it does not name its database: name it with --db";
            return Err(ImportError::no_backup(path, why));
        };
        let mut checksums = self.checksums.clone();
        let mut file = TeamFile::open(path)?;
        let mut members = file.begin(b'{')?;
        while let Some(name) = file.next_name(&mut members)? {
            if name != "collections" {
                file.value()?;
                continue;
            }
            let mut collections = file.begin(b'{')?;
            while let Some(name) = file.next_name(&mut collections)? {
                file.collection(database, &name, &mut checksums, gatherer)?;
            }
        }
        for name in checksums.beside(|name| self.collections.contains(name)) {
            let why = "a sum is named after it, and no collection: it is passed over";
            gatherer.tell(ProblemKind::Note, name.to_string(), why);
        }
        checksums.verdict().map_err(|name| {
            let why = format!(
                "the checksum of the collection {name} is of other documents than those that are \
                 there"
            );
            ImportError::broken(path, why)
        })
    }
}

/// RFC 3339, local times, `20251128_020000`, seconds or milliseconds since 1970.
fn parse_time(text: &str, now: &Zoned) -> Option<Timestamp> {
    if let Ok(number) = text.parse::<f64>().map(|number| number.abs())
        && !text.starts_with("20")
    {
        let milliseconds = if number < 1e11 { number * 1000.0 } else { number };
        return Timestamp::from_millisecond(milliseconds as i64).ok();
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let is_joined = digits.len() == 14 && text.len() <= 15;
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default();
    let text = match is_joined {
        true => format!(
            "{}-{}-{}T{}:{}:{}",
            part(0..4),
            part(4..6),
            part(6..8),
            part(8..10),
            part(10..12),
            part(12..14)
        ),
        false => text.to_string(),
    };
    match text.parse() {
        Ok(time) => Some(time),
        Err(_) => parse_exact(&text, now).ok(),
    }
}

/// A backup that is being read.
struct TeamFile<'a> {
    input: JsonInput<Box<dyn BufRead>>,
    path: &'a Path,
}

/// An array or object that is being gone through.
struct Members {
    end: u8,
    is_first: bool,
}

impl<'a> TeamFile<'a> {
    fn open(path: &'a Path) -> Result<Self, ImportError> {
        Ok(Self { input: JsonInput::new(open(path)?), path })
    }

    fn begin(&mut self, mark: u8) -> Result<Members, ImportError> {
        self.input.pass(mark).map_err(|error| ImportError::json(self.path, error))?;
        Ok(Members { end: if mark == b'{' { b'}' } else { b']' }, is_first: true })
    }

    /// Whether there is one more value.
    fn goes_on(&mut self, members: &mut Members) -> Result<bool, ImportError> {
        let is_first = std::mem::take(&mut members.is_first);
        let goes_on = self.input.goes_on(is_first, members.end);
        goes_on.map_err(|error| ImportError::json(self.path, error))
    }

    /// The name before the next value of an object.
    fn next_name(&mut self, members: &mut Members) -> Result<Option<String>, ImportError> {
        if !self.goes_on(members)? {
            return Ok(None);
        }
        let text = self.value()?;
        let name = self.parse(&text)?.string(0).and_then(|name| String::from_utf8(name).ok());
        let name = name.ok_or_else(|| ImportError::broken(self.path, "a name in it is no text"))?;
        self.input.pass(b':').map_err(|error| ImportError::json(self.path, error))?;
        Ok(Some(name))
    }

    fn value(&mut self) -> Result<Vec<u8>, ImportError> {
        self.input.value(LARGEST_TEXT).map_err(|error| ImportError::json(self.path, error))
    }

    fn parse<'t>(&self, text: &'t [u8]) -> Result<JsonTape<'t>, ImportError> {
        JsonTape::parse(text).map_err(|error| {
            ImportError::broken(self.path, format!("a value in it is no JSON: {error}"))
        })
    }

    fn end(&mut self) -> Result<(), ImportError> {
        self.input.end().map_err(|error| ImportError::json(self.path, error))
    }

    /// The names of all collections; their documents are passed over.
    fn collections(&mut self) -> Result<BTreeSet<String>, ImportError> {
        let mut names = BTreeSet::new();
        let mut collections = self.begin(b'{')?;
        while let Some(name) = self.next_name(&mut collections)? {
            let mut documents = self.begin(b'[')?;
            while self.goes_on(&mut documents)? {
                self.value()?;
            }
            names.insert(name);
        }
        Ok(names)
    }

    fn collection(
        &mut self,
        database: &str,
        name: &str,
        checksums: &mut Checksums,
        gatherer: &mut Gatherer<'_>,
    ) -> Result<(), ImportError> {
        let mut intake = gatherer.intake(false);
        let mut trial = checksums.trial(name);
        let mut documents = self.begin(b'[')?;
        while self.goes_on(&mut documents)? {
            let text = self.value()?;
            let tape = self.parse(&text)?;
            if let Some(trial) = &mut trial {
                trial.add(&tape);
            }
            let document = read_extended_json(&tape, 0, true).map_err(|error| {
                ImportError::broken(self.path, format!("a document of {name}: {error}"))
            })?;
            if document.len() > LARGEST_DOCUMENT {
                let why = format!("a document of {name} is larger than a server takes");
                return Err(ImportError::broken(self.path, why));
            }
            gatherer.push(&mut intake, &document)?;
        }
        if let Some(trial) = trial {
            checksums.add(name, trial);
        }
        gatherer.collection(database, name, Description::default(), intake)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_understood_as_programs_write_them() {
        let now: Zoned = "2025-12-01T00:00[America/Montevideo]".parse().unwrap();
        for (text, expected) in [
            ("2025-11-28T02:00:00Z", "2025-11-28T02:00:00Z"),
            ("2025-11-28T02:00:00.123456+00:00", "2025-11-28T02:00:00.123456Z"),
            ("2025-11-28T02:00:00.123456", "2025-11-28T05:00:00.123456Z"),
            ("2025-11-28 02:00:00", "2025-11-28T05:00:00Z"),
            ("20251128_020000", "2025-11-28T05:00:00Z"),
            ("20251128020000", "2025-11-28T05:00:00Z"),
            ("1764295200", "2025-11-28T02:00:00Z"),
            ("1764295200123", "2025-11-28T02:00:00.123Z"),
        ] {
            let expected: Timestamp = expected.parse().unwrap();
            assert_eq!(parse_time(text, &now), Some(expected), "{text}");
        }
        assert_eq!(parse_time("the day before", &now), None);
    }
}
