//! Puts the fields of two documents together.

use crate::codec::{DocumentBuilder, Element, ElementType, Elements};

/// Embedded documents are merged down to here; below, the one that wins is taken whole.
const DEEPEST: usize = 32;

/// The fields of both, those of `live` first and in its order. Where both have a field, embedded
/// documents are merged, and of anything else the one that wins is taken; arrays are values like
/// others. The `_id` is that of `live`.
pub fn merge(snapshot: &[u8], live: &[u8], live_wins: bool) -> Result<Vec<u8>, String> {
    merge_level(snapshot, live, live_wins, 0)
}

fn merge_level(
    snapshot: &[u8],
    live: &[u8],
    live_wins: bool,
    depth: usize,
) -> Result<Vec<u8>, String> {
    let (ours, theirs) = (fields(snapshot)?, fields(live)?);
    let mut merged = DocumentBuilder::new();
    for there in &theirs {
        let new = ours.iter().find(|new| new.name == there.name);
        let new = new.filter(|_| depth > 0 || there.name != b"_id");
        merged = match new {
            None => merged.element(there),
            Some(new) if both_documents(new, there) && depth < DEEPEST => {
                let inner = merge_level(new.value, there.value, live_wins, depth + 1)?;
                merged.document(there.name, &inner)
            }
            Some(_) if live_wins => merged.element(there),
            Some(new) => merged.element(new),
        };
    }
    let is_new = |new: &&Element<'_>| theirs.iter().all(|there| there.name != new.name);
    Ok(ours.iter().filter(is_new).fold(merged, DocumentBuilder::element).finish())
}

fn both_documents(one: &Element<'_>, other: &Element<'_>) -> bool {
    one.kind == ElementType::Document && other.kind == ElementType::Document
}

/// All fields, none of which comes twice.
fn fields(document: &[u8]) -> Result<Vec<Element<'_>>, String> {
    let fields = Elements::new(document).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let fields = fields.map_err(|error| error.to_string())?;
    let mut names: Vec<&[u8]> = fields.iter().map(|field| field.name).collect();
    names.sort_unstable();
    match names.windows(2).any(|pair| pair[0] == pair[1]) {
        true => Err("a field is in it twice: it cannot be merged".to_string()),
        false => Ok(fields),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(fields: &[(&str, i32)]) -> Vec<u8> {
        let new = DocumentBuilder::new();
        fields.iter().fold(new, |document, (name, value)| document.int32(name, *value)).finish()
    }

    #[test]
    fn fields_of_both_are_there_and_one_side_wins() {
        let snapshot = document(&[("_id", 1), ("a", 1), ("b", 1)]);
        let live = document(&[("_id", 2), ("c", 2), ("b", 2)]);
        let expected = document(&[("_id", 2), ("c", 2), ("b", 1), ("a", 1)]);
        assert_eq!(merge(&snapshot, &live, false).unwrap(), expected);
        let expected = document(&[("_id", 2), ("c", 2), ("b", 2), ("a", 1)]);
        assert_eq!(merge(&snapshot, &live, true).unwrap(), expected);
    }

    #[test]
    fn embedded_documents_are_merged() {
        let with = |inner: &[u8]| DocumentBuilder::new().document("d", inner).finish();
        let merged = merge(&with(&document(&[("_id", 1)])), &with(&document(&[("x", 2)])), false);
        assert_eq!(merged.unwrap(), with(&document(&[("x", 2), ("_id", 1)])));
    }

    #[test]
    fn a_field_that_comes_twice_is_not_merged() {
        let twice = document(&[("a", 1), ("a", 2)]);
        assert!(merge(&twice, &document(&[]), false).is_err());
    }
}
