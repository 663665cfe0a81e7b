//! What a stream covers, and what it does not.

use super::LogStream;
use crate::format::{LogPlace, SegmentHeader};
use crate::repo::RepoError;

/// A stretch of the log in which nothing is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogWindow {
    /// The first entry that is in it, or that it goes on after: a base of this moment or a later
    /// one can be rolled forward.
    pub first: LogPlace,
    /// The last entry that was seen.
    pub last: LogPlace,
    /// Numbers of its first and last segment.
    pub numbers: (u64, u64),
    /// What lies between the window before and this one.
    pub gap: Option<LogGap>,
}

/// What is missing between two windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogGap {
    /// The last entry before it.
    pub from: LogPlace,
    /// The first one after it.
    pub to: LogPlace,
    pub why: String,
}

impl LogStream {
    /// The windows, ascending, none of which is empty. Reads about three objects a window.
    pub fn windows(&self) -> Result<Vec<LogWindow>, RepoError> {
        let mut windows: Vec<LogWindow> = Vec::new();
        for (first, last) in self.parts.runs().into_iter().rev() {
            let mut number = last;
            while let Some(found) = self.window_that_ends(first, number)? {
                let next = found.numbers.0;
                self.add(&mut windows, found);
                if next <= first {
                    break;
                }
                number = next - 1;
            }
        }
        windows.reverse();
        Ok(windows)
    }

    /// A window that lies before all that were found.
    fn add(&self, windows: &mut Vec<LogWindow>, found: LogWindow) {
        if let Some(after) = windows.last_mut() {
            let gap = LogGap {
                from: found.last,
                to: after.first,
                why: match after.gap.take() {
                    Some(said) => said.why,
                    None => "segments of the log are missing or damaged".to_string(),
                },
            };
            after.gap = Some(gap);
        }
        windows.push(found);
    }

    /// The window of the segment `last`, or, where that is damaged, of one before it, but for
    /// segments before `first`.
    fn window_that_ends(&self, first: u64, last: u64) -> Result<Option<LogWindow>, RepoError> {
        let mut number = last;
        let end = loop {
            match self.sound(number)? {
                Some(header) => break header,
                None => match self.part_of(number).map_or(number, |part| part.first) {
                    begin if begin <= first => return Ok(None),
                    begin => number = begin - 1,
                },
            }
        };
        let mut number = end.window.max(first);
        let begin = loop {
            match self.sound(number)? {
                Some(header) => break header,
                None => number = self.part_of(number).map_or(number, |part| part.last) + 1,
            }
        };
        let gap = begin.gap.clone().map(|why| LogGap { from: begin.begin, to: begin.begin, why });
        Ok(Some(LogWindow {
            first: begin.begin,
            last: end.end,
            numbers: (begin.number, end.number),
            gap,
        }))
    }

    /// A header, if it opens.
    fn sound(&self, number: u64) -> Result<Option<SegmentHeader>, RepoError> {
        match self.header(number) {
            Ok(header) => Ok(Some(header)),
            Err(error) if error.is_damage() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
