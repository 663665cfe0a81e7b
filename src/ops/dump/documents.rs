//! Collections and documents as BSON or as lines of JSON.

use super::DumpError;
use super::DumpReport;
use crate::codec::{ExtendedJson, write_extended_json};
use crate::model::{Collection, Counter, Monitor, Stage};
use crate::ops::documents::{SoughtDocument, each_document};
use crate::repo::{BlobReader, RepoError};
use std::io::Write;

/// How documents are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentFormat {
    /// As they are, end to end: what mongodump writes.
    Bson,
    /// A line each.
    Json(ExtendedJson),
}

impl DocumentFormat {
    fn write(self, document: &[u8], out: &mut dyn Write) -> Result<u64, DumpError> {
        let Self::Json(form) = self else {
            out.write_all(document)?;
            return Ok(document.len() as u64);
        };
        let mut line = Vec::with_capacity(2 * document.len());
        write_extended_json(document, form, &mut line).map_err(|error| RepoError::Damaged {
            name: "a document".to_owned(),
            why: error.to_string(),
        })?;
        line.push(b'\n');
        out.write_all(&line)?;
        Ok(line.len() as u64)
    }
}

/// Writes all documents of a collection.
pub fn dump_collection(
    reader: &BlobReader,
    collection: &Collection,
    format: DocumentFormat,
    out: &mut dyn Write,
    monitor: &dyn Monitor,
) -> Result<DumpReport, DumpError> {
    monitor.stage(Stage::Restoring);
    monitor.expect(Counter::BytesRestored, collection.size);
    let mut report = DumpReport::default();
    each_document(reader, collection, &mut |document| {
        if monitor.stopped() {
            return Err(DumpError::Stopped);
        }
        report.bytes += format.write(document, out)?;
        report.entries += 1;
        monitor.add(Counter::BytesRestored, document.len() as u64);
        Ok(())
    })?;
    out.flush()?;
    Ok(report)
}

/// Writes one document. Reads only the part of the collection that it is in.
pub fn dump_document(
    reader: &BlobReader,
    collection: &Collection,
    sought: &SoughtDocument,
    format: DocumentFormat,
    out: &mut dyn Write,
) -> Result<DumpReport, DumpError> {
    let document = sought.find(reader, collection)?.ok_or(DumpError::NoDocument)?;
    let bytes = format.write(&document, out)?;
    out.flush()?;
    Ok(DumpReport { entries: 1, bytes, left_out: 0 })
}
