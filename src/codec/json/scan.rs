//! Reads a large JSON text from a stream, value by value, without keeping it.

use super::tape::JsonError;
use std::io::{self, BufRead};

/// Why a stream of JSON could not be read on.
#[derive(Debug, thiserror::Error)]
pub enum JsonInputError {
    #[error("cannot read it: {0}")]
    Read(#[from] io::Error),
    #[error("it is not whole, or no JSON: {}", .0)]
    Malformed(#[from] JsonError),
    #[error("a value in it takes more than {limit} bytes")]
    TooLong { limit: usize },
}

/// A JSON text that comes from a stream. Memory: the value that is asked for.
pub struct JsonInput<R> {
    input: R,
    /// The byte that was looked at and not taken.
    next: Option<u8>,
    at: usize,
}

impl<R: BufRead> JsonInput<R> {
    pub fn new(input: R) -> Self {
        Self { input, next: None, at: 0 }
    }

    /// Passes over a mark such as `{`; an error if something else is there.
    pub fn pass(&mut self, mark: u8) -> Result<(), JsonInputError> {
        match self.peek()? == mark {
            true => self.take().map(drop),
            false => Err(self.unexpected()),
        }
    }

    /// The next byte that means something, which stays the next.
    pub fn peek(&mut self) -> Result<u8, JsonInputError> {
        loop {
            match self.look()? {
                b' ' | b'\t' | b'\r' | b'\n' => drop(self.take()?),
                byte => return Ok(byte),
            }
        }
    }

    /// In an array or object, before its next value: whether there is one. Passes over the comma,
    /// or over the end mark.
    pub fn goes_on(&mut self, is_first: bool, end: u8) -> Result<bool, JsonInputError> {
        match self.peek()? {
            byte if byte == end => self.take().map(|_| false),
            b',' if !is_first => self.take().map(|_| true),
            _ if is_first => Ok(true),
            _ => Err(self.unexpected()),
        }
    }

    /// The text of the next value, of at most `limit` bytes. Only its brackets and strings are
    /// looked at: it is to be parsed.
    pub fn value(&mut self, limit: usize) -> Result<Vec<u8>, JsonInputError> {
        let mut text = Vec::new();
        self.peek()?;
        let mut depth = 0_usize;
        loop {
            match self.look_or_end()? {
                None if depth == 0 && !text.is_empty() => return Ok(text),
                None => return Err(JsonError::Ended.into()),
                Some(b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n' | b':') if depth == 0 => {
                    return Ok(text);
                }
                Some(b'"') => self.string(&mut text, limit)?,
                Some(byte) => {
                    match byte {
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth -= 1,
                        _ => {}
                    }
                    text.push(self.take()?);
                }
            }
            if text.len() > limit {
                return Err(JsonInputError::TooLong { limit });
            }
            let is_closed = text.last().is_some_and(|last| b"}]\"".contains(last));
            if depth == 0 && is_closed {
                return Ok(text);
            }
        }
    }

    /// After the value: nothing but blanks may come.
    pub fn end(&mut self) -> Result<(), JsonInputError> {
        loop {
            match self.look_or_end()? {
                None => return Ok(()),
                Some(b' ' | b'\t' | b'\r' | b'\n') => drop(self.take()?),
                Some(_) => return Err(self.unexpected()),
            }
        }
    }

    fn string(&mut self, text: &mut Vec<u8>, limit: usize) -> Result<(), JsonInputError> {
        text.push(self.take()?);
        loop {
            let byte = self.take()?;
            text.push(byte);
            match byte {
                b'"' => return Ok(()),
                b'\\' => text.push(self.take()?),
                _ if text.len() > limit => return Err(JsonInputError::TooLong { limit }),
                _ => {}
            }
        }
    }

    fn unexpected(&self) -> JsonInputError {
        JsonError::Unexpected { at: self.at }.into()
    }

    fn look(&mut self) -> Result<u8, JsonInputError> {
        Ok(self.look_or_end()?.ok_or(JsonError::Ended)?)
    }

    fn look_or_end(&mut self) -> Result<Option<u8>, JsonInputError> {
        if self.next.is_none() {
            let byte = self.input.fill_buf()?.first().copied();
            if byte.is_some() {
                self.input.consume(1);
            }
            self.next = byte;
        }
        Ok(self.next)
    }

    fn take(&mut self) -> Result<u8, JsonInputError> {
        let byte = self.look()?;
        self.next = None;
        self.at = self.at.saturating_add(1);
        Ok(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<String, JsonInputError> {
        let value = JsonInput::new(text.as_bytes()).value(100)?;
        Ok(String::from_utf8(value).unwrap())
    }

    #[test]
    fn values_are_cut_out() {
        for (text, expected) in [
            (" {\"a\": \"}\\\"\"} , 1", "{\"a\": \"}\\\"\"}"),
            ("[[1], {}]]", "[[1], {}]"),
            ("12.5,", "12.5"),
            ("true", "true"),
            ("\"x\\\\\" ", "\"x\\\\\""),
        ] {
            assert_eq!(value(text).unwrap(), expected);
        }
        for text in ["", "{", "\"x", "[1, 2"] {
            assert!(value(text).is_err(), "{text}");
        }
        assert!(matches!(value(&"1".repeat(101)), Err(JsonInputError::TooLong { limit: 100 })));
    }

    #[test]
    fn arrays_are_gone_through() {
        let mut input = JsonInput::new(b"[1, [2] , {\"a\": 3}] ".as_slice());
        input.pass(b'[').unwrap();
        let mut values = Vec::new();
        while input.goes_on(values.is_empty(), b']').unwrap() {
            values.push(input.value(100).unwrap().len());
        }
        input.end().unwrap();
        assert_eq!(values, [1, 3, 8]);
    }
}
