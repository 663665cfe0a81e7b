//! Numbers, times and paths as people read them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// `1 file`, `12,345 files`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// `12,345,678`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `2025-11-28 02:00:07`, in the zone.
pub fn time(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `2025-11-28 02:00`, where a table has no room for more.
pub fn minute(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// `2025-11-28 02:00:07 CET`.
pub fn time_with_zone(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// Bytes that should be text, on one line and unable to steer a terminal.
pub fn readable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character.is_control() {
                true => text.extend(character.escape_default()),
                false => text.push(character),
            }
        }
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

/// Text in which others may have chosen something, unable to steer a terminal; lines stay lines.
pub fn harmless(text: &str) -> Cow<'_, str> {
    let steers = |character: char| character.is_control() && !['\n', '\t'].contains(&character);
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let parts = text.split_inclusive(['\n', '\t']).map(|part| {
        let end = part.trim_end_matches(['\n', '\t']).len();
        let (text, end) = part.split_at(end);
        readable(text.as_bytes()) + end
    });
    parts.collect()
}

/// A word of a command that a shell reads back as it is.
pub fn shell_word(word: &OsStr) -> String {
    let bytes = word.as_bytes();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./:=@%+,~".contains(byte);
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && bytes.iter().all(is_plain) => text.to_owned(),
        _ => format!("'{}'", readable(bytes).replace('\'', "'\\''")),
    }
}

/// Bytes of a label: more than anybody reads, and few beside a key slot.
const LONGEST_LABEL: usize = 200;

/// What a key is called.
pub fn parse_label(text: &str) -> Result<String, String> {
    match text.len() > LONGEST_LABEL {
        true => Err(format!("a label has at most {LONGEST_LABEL} bytes")),
        false => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(count(1, "entry", "entries"), "1 entry");
        assert_eq!(count(2000, "entry", "entries"), "2,000 entries");
    }

    #[test]
    fn paths_stay_on_one_line() {
        assert_eq!(harmless("a\tb\n\nc\x1b[2J\n"), "a\tb\n\nc\\u{1b}[2J\n");
        assert_eq!(readable(b"/a\n\x1b[2J\xff/\xc3\xa9"), "/a\\n\\u{1b}[2J\\xff/é");
    }

    #[test]
    fn shell_words_are_quoted_where_they_must_be() {
        for (word, text) in
            [("/srv/bot", "/srv/bot"), ("", "''"), ("a b", "'a b'"), ("it's", "'it'\\''s'")]
        {
            assert_eq!(shell_word(OsStr::new(word)), text);
        }
    }

    #[test]
    fn labels_are_short() {
        assert_eq!(parse_label(&"x".repeat(200)), Ok("x".repeat(200)));
        assert!(parse_label(&"x".repeat(201)).is_err());
    }
}
