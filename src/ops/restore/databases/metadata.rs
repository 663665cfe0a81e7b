//! What mongodump 100 writes beside the documents of a collection, and how it names the files.

use super::plan::{Planned, PlannedContent};
use crate::codec::{
    DocumentBuilder, Element, ElementType, Elements, ExtendedJson, write_extended_json,
};
use crate::model::{Collection, CollectionKind};
use sha1::Digest;
use std::fmt::Write;

/// Longer names are cut there: with what follows them they fit a file system.
const LONGEST_NAME: usize = 238;
/// Where they are cut: a separator of 3 bytes and a hash of 27 follow.
const CUT_AT: usize = 208;

/// The collection that holds the documents of a time series.
pub fn buckets_name(series: &str) -> String {
    format!("system.buckets.{series}")
}

/// A name of a database or collection as that of a file: as mongodump does, what is not plain in
/// a path is written as `%` and two hexadecimal digits. A long one is cut, and ends with `%24`
/// and the SHA-1 of the name; the file of metadata has it whole.
pub fn file_name(name: &str) -> String {
    let only_dots = name.bytes().all(|byte| byte == b'.');
    let mut escaped = String::new();
    for byte in name.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-_.~$&+:=@".contains(&byte);
        match is_plain && !only_dots {
            true => escaped.push(char::from(byte)),
            // Into a string nothing fails.
            false => drop(write!(escaped, "%{byte:02X}")),
        }
    }
    if escaped.len() > LONGEST_NAME {
        escaped.truncate(CUT_AT);
        escaped.push_str("%24");
        escaped.push_str(&base64_url(sha1::Sha1::digest(name.as_bytes()).as_slice()));
    }
    escaped
}

/// RFC 4648, section 5, without padding.
fn base64_url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..=three.len() {
            text.push(char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize]));
        }
    }
    text
}

/// The file of metadata: options, indexes, UUID, name and kind, in canonical extended JSON.
pub fn metadata(planned: &Planned) -> Vec<u8> {
    let none = DocumentBuilder::new().finish();
    let (options, indexes, uuid, kind) = match &planned.content {
        PlannedContent::View { options } => (options, Vec::new(), None, "view"),
        PlannedContent::Collection(collection) => {
            let Collection { options, indexes, uuid, .. } = &**collection;
            match collection.kind {
                CollectionKind::Ordinary => (options, indexes.clone(), *uuid, "collection"),
                CollectionKind::TimeSeries => {
                    let indexes = indexes.iter().map(|index| of_series(index, options));
                    (options, indexes.collect(), None, "timeseries")
                }
            }
        }
    };
    let mut document = DocumentBuilder::new();
    if *options != none {
        document = document.document("options", options);
    }
    let document = document.documents("indexes", indexes.iter().map(Vec::as_slice));
    let hex =
        |uuid: [u8; 16]| uuid.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let document = document
        .string("uuid", &uuid.map(hex).unwrap_or_default())
        .string("collectionName", &planned.to_name)
        .string("type", kind)
        .finish();
    let mut text = Vec::new();
    match write_extended_json(&document, ExtendedJson::Canonical, &mut text) {
        Ok(()) => text,
        // Options or indexes that do not hang together: the name and kind are left.
        Err(_) => format!("{{\"indexes\":[],\"type\":\"{kind}\"}}").into_bytes(),
    }
}

/// The specification of an index of buckets, as it is given for the series: `meta` stands for its
/// field of metadata, and the least and largest values of a field for the field.
fn of_series(index: &[u8], options: &[u8]) -> Vec<u8> {
    let series = find(options, b"timeseries");
    let meta = series.and_then(|series| find(series.value, b"metaField"));
    let meta = meta.and_then(|meta| meta.text()).unwrap_or(b"meta");
    let Ok(elements) = Elements::new(index) else { return index.to_vec() };
    let mut specification = DocumentBuilder::new();
    for element in elements.filter_map(Result::ok) {
        specification = match (element.name, element.kind) {
            (b"key", ElementType::Document) => {
                specification.document("key", &key_of_series(&element, meta))
            }
            _ => specification.element(&element),
        };
    }
    specification.finish()
}

fn key_of_series(key: &Element<'_>, meta: &[u8]) -> Vec<u8> {
    let Ok(elements) = Elements::new(key.value) else { return key.value.to_vec() };
    let (mut fields, mut last) = (DocumentBuilder::new(), Vec::new());
    for element in elements.filter_map(Result::ok) {
        let name = match element.name {
            b"meta" => meta.to_vec(),
            name if name.starts_with(b"meta.") => {
                [meta, name.get(4..).unwrap_or_default()].concat()
            }
            name => {
                let bounds = [&b"control.min."[..], b"control.max."];
                let field = bounds.iter().find_map(|bound| name.strip_prefix(*bound));
                field.unwrap_or(name).to_vec()
            }
        };
        if name != last {
            fields = fields.named(&name, &element);
        }
        last = name;
    }
    fields.finish()
}

fn find<'a>(document: &'a [u8], name: &[u8]) -> Option<Element<'a>> {
    Elements::new(document).and_then(|elements| elements.find(name)).ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_like_those_of_mongodump() {
        for (name, expected) in [
            ("users", "users"),
            ("a/b c", "a%2Fb%20c"),
            ("system.views$", "system.views$"),
            ("größe", "gr%C3%B6%C3%9Fe"),
            ("100%;", "100%25%3B"),
            ("..", "%2E%2E"),
        ] {
            assert_eq!(file_name(name), expected);
        }
        let long = file_name(&"x".repeat(250));
        assert_eq!(long.len(), LONGEST_NAME);
        assert!(long.ends_with("%24w37xfIBcVRZ6y_7nlLrmMpphjzQ"), "{long}");
        let umlauts = file_name(&"ä".repeat(40));
        assert!(umlauts.starts_with("%C3%A4%C3"), "{umlauts}");
        assert_ne!(long, file_name(&"x".repeat(251)));
    }

    #[test]
    fn indexes_of_buckets_become_those_of_the_series() {
        let key = DocumentBuilder::new()
            .int32("meta.who", 1)
            .int32("control.min.at", 1)
            .int32("control.max.at", 1)
            .finish();
        let index = DocumentBuilder::new().document("key", &key).string("name", "n").finish();
        let series = DocumentBuilder::new().string("metaField", "by").finish();
        let options = DocumentBuilder::new().document("timeseries", &series).finish();
        let key = DocumentBuilder::new().int32("by.who", 1).int32("at", 1).finish();
        let expected = DocumentBuilder::new().document("key", &key).string("name", "n").finish();
        assert_eq!(of_series(&index, &options), expected);
    }
}
