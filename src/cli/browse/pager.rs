//! A file to be read: as text, or as hexadecimal. Only what is on the screen is in memory.

use super::contents::Contents;
use super::key::Key;
use crate::cli::text::{grouped, readable};
use crate::model::{Entry, EntryPath, Kind, Snapshot};
use std::sync::Arc;

/// A line that is longer is shown as several, in bytes.
const LONGEST_LINE: u64 = 4096;

/// Bytes in a line of hexadecimal.
const HEX: u64 = 16;

/// What is looked at to tell text from the rest, in bytes.
const BEGINNING: usize = 8192;

/// Columns that the sideways keys scroll by.
const SIDE: usize = 8;

pub struct Pager {
    pub snapshot: Arc<Snapshot>,
    pub path: EntryPath,
    entry: Arc<Entry>,
    size: u64,
    is_hex: bool,
    /// Where the first line that is shown begins.
    top: u64,
    /// The first column that is shown.
    left: usize,
}

impl Pager {
    pub fn open(
        contents: &dyn Contents,
        snapshot: &Arc<Snapshot>,
        path: EntryPath,
        entry: &Arc<Entry>,
    ) -> Result<Self, String> {
        let Kind::File(file) = &entry.kind else {
            return Err(format!("{} is no file", entry.name));
        };
        let beginning = contents.read(snapshot, entry, 0, BEGINNING)?;
        Ok(Self {
            snapshot: Arc::clone(snapshot),
            path,
            entry: Arc::clone(entry),
            size: file.size,
            is_hex: is_binary(&beginning),
            top: 0,
            left: 0,
        })
    }

    pub fn press(&mut self, contents: &dyn Contents, key: Key, height: u64) -> Result<(), String> {
        let page = height.saturating_sub(1).max(1);
        match key {
            Key::Down => self.down(contents, 1, height),
            Key::PageDown | Key::Character(' ') => self.down(contents, page, height),
            Key::Up => self.up(contents, 1),
            Key::PageUp => self.up(contents, page),
            Key::Home => {
                self.top = 0;
                Ok(())
            }
            Key::End => {
                self.top = self.size;
                self.up(contents, height)
            }
            Key::Right => {
                self.left = self.left.saturating_add(SIDE).min(LONGEST_LINE as usize);
                Ok(())
            }
            Key::Left => {
                self.left = self.left.saturating_sub(SIDE);
                Ok(())
            }
            Key::Character('x') => {
                self.is_hex = !self.is_hex;
                (self.top, self.left) = (self.top - self.top % HEX, 0);
                match self.is_hex {
                    true => Ok(()),
                    false => self.find_line_start(contents),
                }
            }
            _ => Ok(()),
        }
    }

    /// How far the end of the screen is, for people.
    pub fn place(&self) -> String {
        let kind = if self.is_hex { "hex" } else { "text" };
        format!("{kind}, byte {} of {}", grouped(self.top), grouped(self.size))
    }

    /// The lines that fit.
    pub fn lines(&self, contents: &dyn Contents, height: u64) -> Result<Vec<String>, String> {
        let lines = self.raw_lines(contents, height)?;
        let shown = lines.iter().map(|(offset, bytes)| match self.is_hex {
            true => hex_line(*offset, bytes),
            false => text_line(bytes),
        });
        Ok(shown.map(|line| line.chars().skip(self.left).collect()).collect())
    }

    /// At most `count` lines from the top, each with where it begins.
    fn raw_lines(
        &self,
        contents: &dyn Contents,
        count: u64,
    ) -> Result<Vec<(u64, Vec<u8>)>, String> {
        let mut lines = Vec::new();
        let mut offset = self.top;
        let width = if self.is_hex { HEX } else { LONGEST_LINE };
        let mut window = Vec::new();
        while (lines.len() as u64) < count && offset < self.size {
            if (window.len() as u64) < width {
                // What is left of the last one was not used.
                window = self.read(contents, offset, LONGEST_LINE * 16)?;
            }
            let length = self.line_length(&window);
            if length == 0 {
                break;
            }
            let rest = window.split_off(length);
            lines.push((offset, std::mem::replace(&mut window, rest)));
            offset = offset.saturating_add(length as u64);
        }
        Ok(lines)
    }

    /// Of the line at the beginning of `window`, with its end.
    fn line_length(&self, window: &[u8]) -> usize {
        let longest = if self.is_hex { HEX } else { LONGEST_LINE } as usize;
        let line = window.get(..longest).unwrap_or(window);
        match line.iter().position(|byte| *byte == b'\n') {
            Some(end) if !self.is_hex => end.saturating_add(1),
            _ => line.len(),
        }
    }

    fn read(&self, contents: &dyn Contents, offset: u64, length: u64) -> Result<Vec<u8>, String> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        contents.read(&self.snapshot, &self.entry, offset, length)
    }

    /// Not further than to where the last line is at the bottom.
    fn down(&mut self, contents: &dyn Contents, count: u64, height: u64) -> Result<(), String> {
        let lines = self.raw_lines(contents, height.saturating_add(count))?;
        let beyond = (lines.len() as u64).saturating_sub(height);
        let skipped = usize::try_from(beyond.min(count)).unwrap_or(0);
        if let Some((offset, _)) = lines.get(skipped) {
            self.top = *offset;
        }
        Ok(())
    }

    fn up(&mut self, contents: &dyn Contents, count: u64) -> Result<(), String> {
        for _ in 0..count {
            if self.top == 0 {
                break;
            }
            self.top = match self.is_hex {
                true => self.top.saturating_sub(1) / HEX * HEX,
                false => self.line_before(contents, self.top)?,
            };
        }
        Ok(())
    }

    /// Where the line before the one at `offset` begins.
    fn line_before(&self, contents: &dyn Contents, offset: u64) -> Result<u64, String> {
        // Without the end of that line.
        let end = offset.saturating_sub(1);
        let start = end.saturating_sub(LONGEST_LINE.saturating_sub(1));
        let window = self.read(contents, start, end.saturating_sub(start))?;
        let newline = window.iter().rposition(|byte| *byte == b'\n');
        Ok(match newline {
            Some(at) => start.saturating_add(at as u64).saturating_add(1),
            None => start,
        })
    }

    fn find_line_start(&mut self, contents: &dyn Contents) -> Result<(), String> {
        if self.top > 0 {
            self.top = self.line_before(contents, self.top.saturating_add(1))?;
        }
        Ok(())
    }
}

/// Text has no NUL and is UTF-8, but for the character that the end may have cut.
fn is_binary(beginning: &[u8]) -> bool {
    let broken = match std::str::from_utf8(beginning) {
        Ok(_) => false,
        Err(error) => error.error_len().is_some(),
    };
    broken || beginning.contains(&0)
}

fn text_line(bytes: &[u8]) -> String {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let parts: Vec<String> = line.split(|byte| *byte == b'\t').map(readable).collect();
    let mut shown = String::new();
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            let column = shown.chars().count();
            shown.push_str(&" ".repeat(8_usize.saturating_sub(column % 8)));
        }
        shown.push_str(part);
    }
    shown
}

/// `0000001f  48 65 …  |He…|`
fn hex_line(offset: u64, bytes: &[u8]) -> String {
    let mut line = format!("{offset:08x} ");
    for number in 0..HEX as usize {
        let gap = if number % 8 == 0 { " " } else { "" };
        match bytes.get(number) {
            Some(byte) => line.push_str(&format!("{gap}{byte:02x} ")),
            None => line.push_str(&format!("{gap}   ")),
        }
    }
    let is_shown = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    let text = bytes.iter().map(|byte| if is_shown(byte) { char::from(*byte) } else { '.' });
    line.push_str(" |");
    line.extend(text);
    line.push('|');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_the_rest() {
        assert!(!is_binary(b"plain\ttext\n"));
        assert!(!is_binary("señal".as_bytes()));
        assert!(!is_binary(&"señal".as_bytes()[..3]));
        assert!(is_binary(b"a\0b"));
        assert!(is_binary(b"\xff\xfeab"));
    }

    #[test]
    fn lines_cannot_steer_the_terminal() {
        assert_eq!(text_line(b"a\tb\x1b[2J\r\n"), "a       b\\u{1b}[2J");
    }

    #[test]
    fn hexadecimal_is_as_hexdump_shows_it() {
        assert_eq!(
            hex_line(16, b"Hello\0 world, yo"),
            "00000010  48 65 6c 6c 6f 00 20 77  6f 72 6c 64 2c 20 79 6f  |Hello. world, yo|"
        );
        assert_eq!(hex_line(0, b"a").len(), hex_line(0, b"").len() + 1);
    }
}
