//! A document that is being written, with those inside it that are not at their ends yet.

use super::{LARGEST, UpdateError};
use crate::codec::{Element, ElementType};

#[derive(Debug, Default)]
pub struct Output {
    bytes: Vec<u8>,
    /// Where each of those that are open begins, the innermost last.
    open: Vec<usize>,
}

impl Output {
    pub fn begin(&mut self) {
        self.open.push(self.bytes.len());
        self.bytes.extend_from_slice(&[0; 4]);
    }

    /// Begins a document or array inside the one that is open.
    pub fn begin_inner(&mut self, kind: ElementType, name: &[u8]) -> Result<(), UpdateError> {
        self.head(kind, name)?;
        self.begin();
        Ok(())
    }

    pub fn end(&mut self) {
        self.bytes.push(0);
        let Some(start) = self.open.pop() else { return };
        let length = u32::try_from(self.bytes.len().saturating_sub(start)).unwrap_or(u32::MAX);
        let field = self.bytes.get_mut(start..).and_then(<[u8]>::first_chunk_mut);
        if let Some(field) = field {
            *field = length.to_le_bytes();
        }
    }

    pub fn element(&mut self, element: &Element<'_>) -> Result<(), UpdateError> {
        self.value(element.kind, element.name, element.value)
    }

    pub fn value(
        &mut self,
        kind: ElementType,
        name: &[u8],
        value: &[u8],
    ) -> Result<(), UpdateError> {
        self.head(kind, name)?;
        self.room(value.len())?;
        self.bytes.extend_from_slice(value);
        Ok(())
    }

    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn head(&mut self, kind: ElementType, name: &[u8]) -> Result<(), UpdateError> {
        self.room(name.len())?;
        self.bytes.push(kind.tag());
        self.bytes.extend_from_slice(name);
        self.bytes.push(0);
        Ok(())
    }

    /// Room for so many bytes, and for the ends of all that is open.
    fn room(&self, more: usize) -> Result<(), UpdateError> {
        let ends = self.open.len().saturating_add(6);
        let length = self.bytes.len().saturating_add(more).saturating_add(ends);
        if length > LARGEST { Err(UpdateError::TooLarge) } else { Ok(()) }
    }
}
