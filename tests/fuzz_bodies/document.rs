//! A document: walked, written again, keyed, and as JSON.

use super::reading::read;
use snapstore::codec::{
    DocumentBuilder, Element, Elements, ExtendedJson, JsonTape, document_key, read_extended_json,
    write_extended_json,
};
use snapstore::format::documents;

pub fn body(bytes: &[u8]) {
    for document in documents(bytes).map_while(Result::ok) {
        whole(document);
    }
    whole(bytes);
}

fn whole(document: &[u8]) {
    let Some(elements) = read(Elements::new(document)) else { return };
    let Some(elements) = read(elements.collect::<Result<Vec<Element<'_>>, _>>()) else { return };
    let again = elements.iter().fold(DocumentBuilder::new(), DocumentBuilder::element).finish();
    assert_eq!(again, document, "elements are all of a document");
    elements.iter().for_each(keyed);
    as_json(document);
}

/// A value has one key, under whatever name, wherever it lies.
fn keyed(element: &Element<'_>) {
    let Some(key) = read(document_key(element)) else { return };
    let elsewhere = DocumentBuilder::new().named("elsewhere", element).finish();
    let moved = Elements::new(&elsewhere).expect("a document").next().expect("an element");
    assert_eq!(document_key(&moved.expect("an element")).expect("a key"), key);
    // Wrapped in an array, the key goes on: order is that of what is inside.
    let wrapped = DocumentBuilder::new().raw(snapstore::codec::ElementType::Array, "a", &elsewhere);
    let wrapped = wrapped.finish();
    let array = Elements::new(&wrapped).expect("a document").next().expect("an element");
    if let Some(outer) = read(document_key(&array.expect("an element"))) {
        assert_eq!(outer.get(1..1 + key.len()), Some(key.as_slice()));
    }
}

/// Canonical JSON comes back as a document that is written the same.
fn as_json(document: &[u8]) {
    let mut text = Vec::new();
    if read(write_extended_json(document, ExtendedJson::Canonical, &mut text)).is_none() {
        return;
    }
    let Some(tape) = read(JsonTape::parse(&text)) else {
        assert!(depth(&text) >= 300, "what is written is JSON: {}", text.escape_ascii());
        return;
    };
    let Some(back) = read(read_extended_json(&tape, 0, false)) else { return };
    let mut again = Vec::new();
    write_extended_json(&back, ExtendedJson::Canonical, &mut again).expect("a document");
    assert_eq!(again.escape_ascii().to_string(), text.escape_ascii().to_string());
    let mut relaxed = Vec::new();
    write_extended_json(document, ExtendedJson::Relaxed, &mut relaxed).expect("a document");
    JsonTape::parse(&relaxed).expect("what is written is JSON");
}

/// At least as deep as brackets lie in each other.
fn depth(text: &[u8]) -> usize {
    let mut depth: usize = 0;
    let mut deepest = 0;
    for byte in text {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
