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
    // Documents and arrays with the names still to go; as many levels as the path has names.
    let mut pending = vec![(document, path)];
    while let Some((inside, path)) = pending.pop() {
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
            ElementType::Document => pending.push((element.value, rest)),
            ElementType::Array => {
                in_array(element.value, rest, with_items, &mut pending, &mut found)
            }
            _ => found.push(None),
        }
    }
    found
}

fn in_array<'a, 'b>(
    array: &'a [u8],
    path: &'b [Vec<u8>],
    with_items: bool,
    pending: &mut Vec<(&'a [u8], &'b [Vec<u8>])>,
    found: &mut Vec<Option<Element<'a>>>,
) {
    for item in items(array) {
        if item.kind == ElementType::Document {
            pending.push((item.value, path));
        }
    }
    let Some((name, rest)) = path.split_first() else { return };
    if !name.iter().all(u8::is_ascii_digit) {
        return;
    }
    let Some(item) = items(array).find(|item| item.name == *name) else { return };
    match (rest.is_empty(), item.kind) {
        (true, _) => add(item, with_items, found),
        (false, ElementType::Document | ElementType::Array) => pending.push((item.value, rest)),
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
