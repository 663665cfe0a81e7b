//! JSON texts: read from a stream and at once, laid out anew, and as documents.

use super::reading::read;
use snapstore::codec::{
    Elements, ExtendedJson, JsonInput, JsonLayout, JsonSpacing, JsonTape, read_extended_json,
    read_extended_value, write_extended_json,
};

/// Values of a stream may be so long.
const LONGEST: usize = 1 << 20;

pub fn body(bytes: &[u8]) {
    let Some(tape) = read(JsonTape::parse(bytes)) else { return };
    let mut input = JsonInput::new(bytes);
    let value = input.value(LONGEST).expect("what is JSON is read from a stream");
    assert_eq!(value, bytes.trim_ascii(), "a stream gives the whole value");
    read(input.end());
    laid_out(&tape);
    for old_regex in [false, true] {
        as_document(&tape, old_regex);
    }
    if let Some(document) = read(read_extended_value("v", &tape, 0)) {
        assert_eq!(Elements::new(&document).expect("a document").count(), 1);
    }
}

/// Laid out in any way it is the same value.
fn laid_out(tape: &JsonTape<'_>) {
    let compact = |tape: &JsonTape<'_>| written(tape, JsonSpacing::Compact, false);
    let plain = compact(tape);
    for spacing in [JsonSpacing::Spaced, JsonSpacing::Compact, JsonSpacing::Indented(2)] {
        for ascii in [false, true] {
            let text = written(tape, spacing, ascii);
            assert!(!ascii || text.is_ascii());
            let again = JsonTape::parse(&text).expect("what is written is JSON");
            assert_eq!(
                compact(&again).escape_ascii().to_string(),
                plain.escape_ascii().to_string()
            );
        }
    }
}

fn written(tape: &JsonTape<'_>, spacing: JsonSpacing, ascii: bool) -> Vec<u8> {
    let mut out = Vec::new();
    JsonLayout { spacing, sorts: false, ascii }.write(tape, 0, &mut out);
    out
}

/// What is read as a document is one, and stays the same.
fn as_document(tape: &JsonTape<'_>, old_regex: bool) {
    let Some(document) = read(read_extended_json(tape, 0, old_regex)) else { return };
    let whole = Elements::new(&document).expect("a document").all(|element| element.is_ok());
    assert!(whole, "elements hang together");
    let mut text = Vec::new();
    if read(write_extended_json(&document, ExtendedJson::Canonical, &mut text)).is_none() {
        return;
    }
    let Some(again) = read(JsonTape::parse(&text)) else { return };
    let back = read_extended_json(&again, 0, false).expect("what is written is a document");
    assert_eq!(back.escape_ascii().to_string(), document.escape_ascii().to_string());
}
