//! Documents end to end in a stream, packed by gzip or not.

use super::ImportError;
use crate::codec::Elements;
use crate::format::LARGEST_DOCUMENT;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

const BUFFER: usize = 256 * 1024;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Opens a file; one that is packed by gzip (as its first bytes say) is unpacked on the way.
pub fn open(path: &Path) -> Result<Box<dyn BufRead>, ImportError> {
    let failed = |cause| ImportError::read(path, cause);
    let mut file = BufReader::with_capacity(BUFFER, File::open(path).map_err(failed)?);
    match file.fill_buf().map_err(failed)?.starts_with(&GZIP) {
        true => Ok(Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file)))),
        false => Ok(Box::new(file)),
    }
}

/// What comes next in a stream of documents.
pub enum Next {
    /// It is in the buffer.
    Document,
    /// Four times 0xff, which archives end parts with.
    Terminator,
    End,
}

/// Reads the next document into `buffer`, after proof that it hangs together.
pub fn next_document(
    input: &mut dyn BufRead,
    buffer: &mut Vec<u8>,
    path: &Path,
) -> Result<Next, ImportError> {
    let failed = |cause| ImportError::read(path, cause);
    if input.fill_buf().map_err(failed)?.is_empty() {
        return Ok(Next::End);
    }
    let mut field = [0; 4];
    input.read_exact(&mut field).map_err(|cause| ended(path, cause))?;
    if field == [0xff; 4] {
        return Ok(Next::Terminator);
    }
    let length = usize::try_from(i32::from_le_bytes(field)).unwrap_or(0);
    if !(5..=LARGEST_DOCUMENT).contains(&length) {
        return Err(ImportError::broken(path, "what should be a document has no possible length"));
    }
    buffer.clear();
    buffer.extend_from_slice(&field);
    let rest = (length - field.len()) as u64;
    let read = input.take(rest).read_to_end(buffer).map_err(failed)?;
    if read as u64 != rest {
        return Err(ended(path, io::ErrorKind::UnexpectedEof.into()));
    }
    let is_whole = Elements::new(buffer)
        .and_then(|mut elements| elements.try_for_each(|element| element.map(drop)));
    is_whole.map_err(|error| ImportError::broken(path, format!("a document in it: {error}")))?;
    Ok(Next::Document)
}

fn ended(path: &Path, cause: io::Error) -> ImportError {
    match cause.kind() {
        io::ErrorKind::UnexpectedEof => {
            ImportError::broken(path, "it ends in the middle of a document")
        }
        _ => ImportError::read(path, cause),
    }
}
