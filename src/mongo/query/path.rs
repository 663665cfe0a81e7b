//! The values that a dotted path leads to.

use crate::codec::{Element, ElementType, Elements};

/// The names of a path, from the top down.
pub type FieldPath = Vec<Vec<u8>>;

/// Every value that the path leads to, `None` for one that is not there. Arrays on the way stand
/// for each document in them, and a number in the path also for one of their places; an array at
/// the end for itself and, `with_items`, for each thing in it.
pub fn candidates<'a>(
    document: &'a [u8],
    path: &[Vec<u8>],
    with_items: bool,
) -> Vec<Option<Element<'a>>> {
    let mut found = Vec::new();
    let mut pending = vec![(ElementType::Document, document, path)];
    while let Some((kind, inside, path)) = pending.pop() {
        if kind == ElementType::Array {
            in_array(inside, path, &mut pending, &mut found);
            continue;
        }
        let Some((name, rest)) = path.split_first() else { continue };
        let element = Elements::new(inside).ok().and_then(|elements| elements.find(name).ok()?);
        let Some(element) = element else {
            found.push(None);
            continue;
        };
        if rest.is_empty() {
            add(element, with_items, &mut found);
            continue;
        }
        match element.kind {
            ElementType::Document | ElementType::Array => {
                pending.push((element.kind, element.value, rest));
            }
            _ => found.push(None),
        }
    }
    found
}

/// Documents and arrays with the names that are still to go.
type Pending<'a, 'b> = Vec<(ElementType, &'a [u8], &'b [Vec<u8>])>;

fn in_array<'a, 'b>(
    array: &'a [u8],
    path: &'b [Vec<u8>],
    pending: &mut Pending<'a, 'b>,
    found: &mut Vec<Option<Element<'a>>>,
) {
    for item in items(array) {
        if item.kind == ElementType::Document {
            pending.push((item.kind, item.value, path));
        }
    }
    let Some((name, rest)) = path.split_first() else { return };
    if !name.iter().all(u8::is_ascii_digit) {
        return;
    }
    let Some(item) = items(array).find(|item| item.name == *name) else { return };
    match (rest.is_empty(), item.kind) {
        // An array in an array does not stand for what is in it.
        (true, _) => found.push(Some(item)),
        (false, ElementType::Document | ElementType::Array) => {
            pending.push((item.kind, item.value, rest));
        }
        (false, _) => {}
    }
}

fn add<'a>(element: Element<'a>, with_items: bool, found: &mut Vec<Option<Element<'a>>>) {
    if with_items && element.kind == ElementType::Array {
        found.extend(items(element.value).map(Some));
    }
    found.push(Some(element));
}

fn items(array: &[u8]) -> impl Iterator<Item = Element<'_>> {
    Elements::new(array).into_iter().flatten().filter_map(Result::ok)
}
