//! The bytes of files and attributes.

use super::DumpError;
use crate::codec::BlobClass;
use crate::model::{Attribute, AttributeValue, ChunkTree, Counter, File, Monitor, data_extents};
use crate::repo::{BlobReader, RepoError};
use std::io::Write;

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Bytes of a hole between two looks at whether to stop.
const ZEROS_AT_ONCE: u64 = 1 << 20;

/// The largest value of an extended attribute that Linux has, in bytes.
const LARGEST_ATTRIBUTE: u64 = 64 * 1024;

/// Calls `sink` with the bytes of a chunk tree, in order. Memory: one chunk.
pub fn read_chunks(
    reader: &BlobReader,
    chunks: &ChunkTree,
    monitor: &dyn Monitor,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), DumpError>,
) -> Result<(), DumpError> {
    reader.each_chunk(chunks, &mut |chunk| {
        if monitor.stopped() {
            return Err(DumpError::Stopped);
        }
        let plain = reader.read(BlobClass::Data, &chunk.id)?;
        if plain.len() as u64 != chunk.length {
            let why = format!("it is {} bytes long instead of {}", plain.len(), chunk.length);
            return Err(RepoError::Damaged { name: format!("chunk {}", chunk.id), why }.into());
        }
        sink(&plain)
    })
}

/// Writes the bytes of a file outside its holes.
pub(super) fn copy_data(
    reader: &BlobReader,
    file: &File,
    out: &mut dyn Write,
    monitor: &dyn Monitor,
) -> Result<(), DumpError> {
    read_chunks(reader, &file.chunks, monitor, &mut |bytes| {
        monitor.add(Counter::BytesRestored, bytes.len() as u64);
        Ok(out.write_all(bytes)?)
    })
}

/// Writes all bytes of a file, zeros for its holes.
pub fn copy_file(
    reader: &BlobReader,
    file: &File,
    out: &mut dyn Write,
    monitor: &dyn Monitor,
) -> Result<(), DumpError> {
    let mut extents = data_extents(file.size, &file.holes);
    // How far the file is written, and what of the data extent there is still to come.
    let (mut written, mut left) = (0_u64, 0_u64);
    read_chunks(reader, &file.chunks, monitor, &mut |mut bytes| {
        monitor.add(Counter::BytesRestored, bytes.len() as u64);
        while !bytes.is_empty() {
            if left == 0 {
                // A decoded file has exactly the data that its extents hold.
                let Some(extent) = extents.next() else { break };
                write_hole(extent.offset.saturating_sub(written), out, monitor)?;
                (written, left) = (extent.offset, extent.length);
            }
            let length = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
            let (now, rest) = bytes.split_at(length);
            out.write_all(now)?;
            written = written.saturating_add(length as u64);
            left = left.saturating_sub(length as u64);
            bytes = rest;
        }
        Ok(())
    })?;
    write_hole(file.size.saturating_sub(written), out, monitor)
}

/// Zeros without end, almost, where a hole is that large: it can be stopped.
fn write_hole(mut count: u64, out: &mut dyn Write, monitor: &dyn Monitor) -> Result<(), DumpError> {
    while count > 0 {
        if monitor.stopped() {
            return Err(DumpError::Stopped);
        }
        let part = count.min(ZEROS_AT_ONCE);
        write_zeros(part, out)?;
        count -= part;
    }
    Ok(())
}

pub(super) fn write_zeros(mut count: u64, out: &mut dyn Write) -> Result<(), DumpError> {
    while count > 0 {
        let length = usize::try_from(count).map_or(ZEROS.len(), |count| count.min(ZEROS.len()));
        out.write_all(ZEROS.get(..length).unwrap_or(&ZEROS))?;
        count = count.saturating_sub(length as u64);
    }
    Ok(())
}

/// The value of an extended attribute.
pub fn read_attribute(reader: &BlobReader, attribute: &Attribute) -> Result<Vec<u8>, DumpError> {
    match &attribute.value {
        AttributeValue::Inline(value) => Ok(value.clone()),
        AttributeValue::Chunks(chunks) => {
            if chunks.length().is_none_or(|length| length > LARGEST_ATTRIBUTE) {
                let name = String::from_utf8_lossy(&attribute.name).escape_debug().to_string();
                let why = "its value is larger than any can be".to_owned();
                return Err(RepoError::Damaged { name: format!("attribute {name}"), why }.into());
            }
            let mut value = Vec::new();
            read_chunks(reader, chunks, &crate::model::Silent, &mut |bytes| {
                value.extend_from_slice(bytes);
                Ok(())
            })?;
            Ok(value)
        }
    }
}
