//! A JSON value as a flat list of tokens.

use std::ops::Range;

/// What is wrong with a JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    #[error("it ends in the middle")]
    Ended,
    #[error("byte {at} is not what JSON has there")]
    Unexpected { at: usize },
    #[error("values lie in each other more than {limit} deep")]
    TooDeep { limit: usize },
}

/// A token; the values in an array or object follow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonToken {
    Null,
    Boolean(bool),
    /// Its text; also `NaN`, `Infinity` and `-Infinity`, which Python writes.
    Number(Range<usize>),
    /// Its text between the quotes, as it was written.
    String(Range<usize>),
    /// `end` is the place behind the last token in it.
    Array {
        end: usize,
    },
    /// In it names (strings) and values take turns.
    Object {
        end: usize,
    },
}

/// A parsed value. Memory: 32 bytes a token beside the text.
#[derive(Debug, Clone)]
pub struct JsonTape<'a> {
    text: &'a [u8],
    tokens: Vec<JsonToken>,
}

/// More than a BSON document may have.
const DEEPEST: usize = 300;

impl<'a> JsonTape<'a> {
    /// Parses a whole text.
    pub fn parse(text: &'a [u8]) -> Result<Self, JsonError> {
        let mut parser = Parser { text, at: 0, tokens: Vec::new(), open: Vec::new() };
        parser.run()?;
        Ok(Self { text, tokens: parser.tokens })
    }

    pub fn token(&self, place: usize) -> Option<&JsonToken> {
        self.tokens.get(place)
    }

    /// The place behind the value at a place.
    pub fn behind(&self, place: usize) -> usize {
        match self.tokens.get(place) {
            Some(JsonToken::Array { end } | JsonToken::Object { end }) => *end,
            _ => place + 1,
        }
    }

    /// The places of the values directly in an array, or of names and values of an object.
    pub fn inside(&self, place: usize) -> impl Iterator<Item = usize> + '_ {
        let end = match self.tokens.get(place) {
            Some(JsonToken::Array { end } | JsonToken::Object { end }) => *end,
            _ => place,
        };
        let mut next = place + 1;
        std::iter::from_fn(move || {
            let now = next;
            next = self.behind(now);
            (now < end).then_some(now)
        })
    }

    /// The names of an object's members, with the places of their values.
    pub fn members(&self, place: usize) -> impl Iterator<Item = (Vec<u8>, usize)> + '_ {
        let is_object = matches!(self.tokens.get(place), Some(JsonToken::Object { .. }));
        let names = self.inside(place).step_by(2).filter(move |_| is_object);
        names.map(|name| (self.string(name).unwrap_or_default(), name + 1))
    }

    /// The place of a member's value.
    pub fn member(&self, place: usize, name: &str) -> Option<usize> {
        self.members(place).find(|(one, _)| one == name.as_bytes()).map(|(_, value)| value)
    }

    /// A string without its escapes. `\udc80` to `\udcff` on their own stand for bytes that are
    /// not UTF-8 (Python's `surrogateescape`); other lone surrogates become U+FFFD.
    pub fn string(&self, place: usize) -> Option<Vec<u8>> {
        match self.tokens.get(place) {
            Some(JsonToken::String(range)) => Some(unescape(self.text.get(range.clone())?)),
            _ => None,
        }
    }

    /// The text of a number or string, as it was written.
    pub fn written(&self, place: usize) -> &'a [u8] {
        match self.tokens.get(place) {
            Some(JsonToken::Number(range) | JsonToken::String(range)) => {
                self.text.get(range.clone()).unwrap_or_default()
            }
            _ => &[],
        }
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    tokens: Vec<JsonToken>,
    /// The tokens of the arrays and objects that are open.
    open: Vec<usize>,
}

impl Parser<'_> {
    fn run(&mut self) -> Result<(), JsonError> {
        self.value()?;
        while let Some(innermost) = self.open.last().copied() {
            let is_object = matches!(self.tokens.get(innermost), Some(JsonToken::Object { .. }));
            let is_first = self.tokens.len() == innermost + 1;
            let close = if is_object { b'}' } else { b']' };
            match self.peek()? {
                byte if byte == close => {
                    self.at += 1;
                    self.close(innermost);
                    continue;
                }
                b',' if !is_first => self.at += 1,
                _ if is_first => {}
                _ => return Err(JsonError::Unexpected { at: self.at }),
            }
            if is_object {
                self.name()?;
            }
            self.value()?;
        }
        self.blank();
        match self.at == self.text.len() {
            true => Ok(()),
            false => Err(JsonError::Unexpected { at: self.at }),
        }
    }

    fn close(&mut self, place: usize) {
        let behind = self.tokens.len();
        if let Some(JsonToken::Array { end } | JsonToken::Object { end }) =
            self.tokens.get_mut(place)
        {
            *end = behind;
        }
        self.open.pop();
    }

    fn blank(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|byte| b" \t\r\n".contains(byte)).count();
    }

    /// The next byte that means something.
    fn peek(&mut self) -> Result<u8, JsonError> {
        self.blank();
        self.text.get(self.at).copied().ok_or(JsonError::Ended)
    }

    fn name(&mut self) -> Result<(), JsonError> {
        match self.peek()? {
            b'"' => self.string()?,
            _ => return Err(JsonError::Unexpected { at: self.at }),
        }
        match self.peek()? {
            b':' => self.at += 1,
            _ => return Err(JsonError::Unexpected { at: self.at }),
        }
        Ok(())
    }

    fn value(&mut self) -> Result<(), JsonError> {
        match self.peek()? {
            b'"' => self.string(),
            b'{' => self.enter(JsonToken::Object { end: 0 }),
            b'[' => self.enter(JsonToken::Array { end: 0 }),
            b't' => self.word(b"true", JsonToken::Boolean(true)),
            b'f' => self.word(b"false", JsonToken::Boolean(false)),
            b'n' => self.word(b"null", JsonToken::Null),
            _ => self.number(),
        }
    }

    fn enter(&mut self, token: JsonToken) -> Result<(), JsonError> {
        if self.open.len() >= DEEPEST {
            return Err(JsonError::TooDeep { limit: DEEPEST });
        }
        self.at += 1;
        self.open.push(self.tokens.len());
        self.tokens.push(token);
        Ok(())
    }

    fn word(&mut self, word: &[u8], token: JsonToken) -> Result<(), JsonError> {
        match self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            true => {
                self.at += word.len();
                self.tokens.push(token);
                Ok(())
            }
            false => Err(JsonError::Unexpected { at: self.at }),
        }
    }

    fn string(&mut self) -> Result<(), JsonError> {
        let start = self.at + 1;
        let mut at = start;
        loop {
            match self.text.get(at) {
                None => return Err(JsonError::Ended),
                Some(b'"') => break,
                Some(b'\\') => at += escape_length(self.text, at)?,
                Some(0..=0x1f) => return Err(JsonError::Unexpected { at }),
                Some(_) => at += 1,
            }
        }
        self.tokens.push(JsonToken::String(start..at));
        self.at = at + 1;
        Ok(())
    }

    fn number(&mut self) -> Result<(), JsonError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let length = rest.iter().take_while(is_part).count();
        let text = std::str::from_utf8(rest.get(..length).unwrap_or_default()).unwrap_or_default();
        if !is_number(text) {
            return Err(JsonError::Unexpected { at: self.at });
        }
        self.tokens.push(JsonToken::Number(self.at..self.at + length));
        self.at += length;
        Ok(())
    }
}

fn is_number(text: &str) -> bool {
    if matches!(text, "NaN" | "Infinity" | "-Infinity") {
        return true;
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let begins = digits.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    let is_padded = digits.len() > 1
        && digits.starts_with('0')
        && digits.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    let has_fraction = |(_, fraction): (&str, &str)| {
        fraction.bytes().next().is_some_and(|byte| byte.is_ascii_digit())
    };
    begins
        && !is_padded
        && text.split_once('.').is_none_or(has_fraction)
        && text.parse::<f64>().is_ok()
}

fn escape_length(text: &[u8], at: usize) -> Result<usize, JsonError> {
    match text.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
        Some(b'u') => match text.get(at + 2..at + 6) {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(6),
            Some(_) => Err(JsonError::Unexpected { at }),
            None => Err(JsonError::Ended),
        },
        Some(_) => Err(JsonError::Unexpected { at }),
        None => Err(JsonError::Ended),
    }
}

fn unescape(written: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(written.len());
    let mut at = 0;
    while let Some(byte) = written.get(at) {
        if *byte != b'\\' {
            plain.push(*byte);
            at += 1;
            continue;
        }
        at += match written.get(at + 1) {
            Some(b'u') => unescape_unit(written, at, &mut plain),
            Some(letter) => {
                plain.push(match letter {
                    b'b' => 8,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    other => *other,
                });
                2
            }
            None => 1,
        };
    }
    plain
}

/// Appends what `\uXXXX` (two of them, for a pair of surrogates) stands for; returns its length.
fn unescape_unit(written: &[u8], at: usize, plain: &mut Vec<u8>) -> usize {
    let unit = |at: usize| {
        let digits = written.get(at..).filter(|rest| rest.starts_with(b"\\u"))?.get(2..6)?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let first = unit(at).unwrap_or(0xfffd);
    let pair = match first {
        0xd800..=0xdbff => unit(at + 6).filter(|second| (0xdc00..=0xdfff).contains(second)),
        _ => None,
    };
    if let (0xdc80..=0xdcff, None) = (first, pair) {
        plain.push((first & 0xff) as u8);
        return 6;
    }
    let units = [first, pair.unwrap_or(0)];
    let units = units.get(..1 + usize::from(pair.is_some())).unwrap_or_default();
    for character in char::decode_utf16(units.iter().copied()) {
        let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
        plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    6 * units.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found() {
        let tape =
            JsonTape::parse(br#" {"a": [1, {"b": null}, []], "c\u0041": "x\n\ud83d\ude00"} "#);
        let tape = tape.unwrap();
        let array = tape.member(0, "a").unwrap();
        assert_eq!(tape.inside(array).count(), 3);
        assert_eq!(tape.written(array + 1), b"1");
        let text = tape.member(0, "cA").unwrap();
        assert_eq!(tape.string(text).unwrap(), "x\n😀".as_bytes());
        assert_eq!(tape.member(0, "d"), None);
        let scalar = JsonTape::parse(b"-1.5e3").unwrap();
        assert_eq!(scalar.token(0), Some(&JsonToken::Number(0..6)));
    }

    #[test]
    fn bytes_that_are_no_text_have_a_form() {
        let tape = JsonTape::parse(br#""\udcff\ud800x""#).unwrap();
        assert_eq!(tape.string(0).unwrap(), b"\xff\xef\xbf\xbdx");
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "",
            "{",
            "[1",
            "[1,]",
            "{\"a\"}",
            "{\"a\":}",
            "{1:2}",
            "[1 2]",
            "01",
            "1.",
            "tru",
            "\"a",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\n\"",
            "1 1",
            "+1",
            "inf",
            "[,1]",
        ] {
            assert!(JsonTape::parse(text.as_bytes()).is_err(), "{text}");
        }
        let deep = "[".repeat(1000);
        assert_eq!(
            JsonTape::parse(deep.as_bytes()).unwrap_err(),
            JsonError::TooDeep { limit: DEEPEST }
        );
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_come_to_an_end(text: Vec<u8>) {
            let _ = JsonTape::parse(&text);
        }
    }
}
