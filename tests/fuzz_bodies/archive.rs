//! An archive of mongodump; also with the checksums that it should have, so that what comes behind
//! them is reached.

use super::import::imported;
use snapstore::codec::{Crc64, DocumentBuilder, ElementType, Elements};
use snapstore::format::documents;
use std::collections::BTreeMap;

const MAGIC: [u8; 4] = 0x8199_e26d_u32.to_le_bytes();
const TERMINATOR: [u8; 4] = [0xff; 4];

pub fn body(bytes: &[u8]) {
    if bytes.starts_with(&MAGIC) {
        take(bytes);
        if let Some(mended) = with_right_sums(bytes) {
            take(&mended);
        }
    }
    // Gzip of whatever.
    if bytes.starts_with(&[0x1f, 0x8b]) {
        imported(bytes);
    }
}

fn take(archive: &[u8]) {
    let Some(report) = imported(archive) else { return };
    let (documents, size) = inside(archive);
    let counted: u64 = report.databases.iter().map(|database| database.documents).sum();
    let bytes: u64 = report.databases.iter().map(|database| database.bytes).sum();
    assert!(counted <= documents && bytes <= size, "{counted} of {documents}, {bytes} of {size}");
}

/// A part of an archive: documents up to a terminator, and what follows.
fn part(bytes: &[u8]) -> Option<(Vec<&[u8]>, &[u8])> {
    let (mut found, mut rest) = (Vec::new(), bytes);
    while !rest.starts_with(&TERMINATOR) {
        let document = documents(rest).next()?.ok()?;
        rest = rest.get(document.len()..)?;
        found.push(document);
    }
    Some((found, rest.get(TERMINATOR.len()..)?))
}

/// Documents and their bytes in all slices.
fn inside(archive: &[u8]) -> (u64, u64) {
    let mut rest = archive.get(MAGIC.len()..).and_then(part).map_or(&[][..], |(_, rest)| rest);
    let (mut count, mut size) = (0, 0);
    while let Some((slice, behind)) = part(rest) {
        rest = behind;
        for document in slice.iter().skip(1) {
            (count, size) = (count + 1, size + document.len() as u64);
        }
    }
    (count, size)
}

/// The same with new checksums; `None` if its parts do not hang together.
fn with_right_sums(archive: &[u8]) -> Option<Vec<u8>> {
    let (_, mut rest) = archive.get(MAGIC.len()..).and_then(part)?;
    let mut mended = archive.get(..archive.len() - rest.len())?.to_vec();
    let mut sums: BTreeMap<Vec<u8>, Crc64> = BTreeMap::new();
    while !rest.is_empty() {
        let (slice, behind) = part(rest)?;
        rest = behind;
        let (head, documents) = slice.split_first()?;
        let elements = Elements::new(head).ok()?.collect::<Result<Vec<_>, _>>().ok()?;
        let of = elements.iter().filter(|element| matches!(element.name, b"db" | b"collection"));
        let namespace: Vec<u8> = of.flat_map(|element| element.value.to_vec()).collect();
        let sum = sums.entry(namespace).or_default();
        documents.iter().for_each(|document| sum.update(document));
        let value = (sum.value() as i64).to_le_bytes();
        let head =
            elements.iter().fold(DocumentBuilder::new(), |head, element| match element.name {
                b"CRC" => head.raw(ElementType::Int64, "CRC", &value),
                _ => head.element(element),
            });
        mended.extend_from_slice(&head.finish());
        documents.iter().for_each(|document| mended.extend_from_slice(document));
        mended.extend_from_slice(&TERMINATOR);
    }
    Some(mended)
}
