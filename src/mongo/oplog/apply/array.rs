//! Differences of arrays: `{a: true, l: <new length>, u<index>: <value>, s<index>: <a difference
//! inside>}`, indexes ascending.

use super::difference::{Step, step_into};
use super::{LARGEST, Output, UpdateError, unknown};
use crate::codec::{Element, ElementType, Elements};

#[derive(Clone, Copy)]
enum Change<'a> {
    Changed(Element<'a>),
    Inside(&'a [u8]),
}

/// An array that is being changed.
pub struct ArrayChanges<'a> {
    before: Elements<'a>,
    length: Option<usize>,
    changes: std::iter::Peekable<std::vec::IntoIter<(usize, Change<'a>)>>,
    /// Of the element that is next.
    index: usize,
}

impl<'a> ArrayChanges<'a> {
    pub fn new(before: &'a [u8], difference: &'a [u8]) -> Result<Self, UpdateError> {
        let mut length = None;
        let mut changes: Vec<(usize, Change<'a>)> = Vec::new();
        // The first says that it is an array.
        for field in Elements::new(difference)?.skip(1) {
            let field = field?;
            let (index, change) = match field.name.split_first() {
                Some((b'l', [])) if length.is_none() && changes.is_empty() => {
                    length = Some(new_length(&field)?);
                    continue;
                }
                Some((b'u', index)) => (index, Change::Changed(field)),
                Some((b's', index)) if field.kind == ElementType::Document => {
                    (index, Change::Inside(field.value))
                }
                _ => return Err(unknown(field.name)),
            };
            let index = parse_index(index).ok_or_else(|| unknown(field.name))?;
            let ascends = changes.last().is_none_or(|(last, _)| *last < index);
            if !ascends || length.is_some_and(|length| length <= index) {
                return Err(unknown(field.name));
            }
            changes.push((index, change));
        }
        let changes = changes.into_iter().peekable();
        Ok(Self { before: Elements::new(before)?, length, changes, index: 0 })
    }

    pub fn go_on(&mut self, output: &mut Output) -> Result<Step<'a>, UpdateError> {
        loop {
            let index = self.index;
            let is_beyond = self.length.is_some_and(|length| index >= length);
            let element = match is_beyond {
                true => None,
                false => self.before.next().transpose()?,
            };
            let change = self.changes.next_if(|(at, _)| *at == index).map(|(_, change)| change);
            let is_end = element.is_none() && change.is_none() && self.changes.peek().is_none();
            if is_end && self.length.is_none_or(|length| index >= length) {
                return Ok(Step::End);
            }
            self.index = self.index.saturating_add(1);
            let name = index.to_string().into_bytes();
            match (element, change) {
                (_, Some(Change::Changed(field))) => {
                    output.value(field.kind, &name, field.value)?
                }
                (Some(element), Some(Change::Inside(difference))) => {
                    if let Some(step) = step_into(&element, name.clone(), difference)? {
                        return Ok(step);
                    }
                    output.value(element.kind, &name, element.value)?;
                    return Ok(Step::Misfit);
                }
                (None, Some(Change::Inside(_))) => {
                    output.value(ElementType::Null, &name, &[])?;
                    return Ok(Step::Misfit);
                }
                (Some(element), None) => output.value(element.kind, &name, element.value)?,
                (None, None) => output.value(ElementType::Null, &name, &[])?,
            }
        }
    }
}

fn new_length(field: &Element<'_>) -> Result<usize, UpdateError> {
    let length = field.integer().and_then(|length| usize::try_from(length).ok());
    length.filter(|length| *length < LARGEST).ok_or_else(|| unknown(b"l"))
}

/// An index as servers write it: digits, and no zero before others.
pub fn parse_index(text: &[u8]) -> Option<usize> {
    let is_plain =
        text.iter().all(u8::is_ascii_digit) && (text.len() == 1 || !text.starts_with(b"0"));
    let number = std::str::from_utf8(text).ok().filter(|_| is_plain)?.parse().ok()?;
    Some(number).filter(|number| *number < LARGEST)
}
