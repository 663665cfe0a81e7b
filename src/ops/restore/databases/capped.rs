//! A capped collection that holds more than it may: documents of it have grown, or it was made
//! smaller, and a server takes the rest away only when the next one comes. To have all of it back
//! it is made larger, and as small as it was in the end.

use crate::codec::{DocumentBuilder, Element, Elements};
use crate::model::Collection;

/// More than the documents alone.
const ROOM_BYTES: u64 = 1 << 20;

/// Options with room for all documents, where those that it has give too little.
pub fn roomy(collection: &Collection) -> Option<Vec<u8>> {
    let options: Vec<Element<'_>> =
        Elements::new(&collection.options).ok()?.collect::<Result<_, _>>().ok()?;
    let option = |name: &[u8]| options.iter().find(|option| option.name == name);
    let limit = |name: &[u8]| option(name).and_then(Element::integer);
    let is_over = |name: &[u8], has: u64| {
        limit(name).is_some_and(|limit| u64::try_from(limit).is_ok_and(|limit| limit < has))
    };
    let is_capped = option(b"capped").is_some_and(Element::is_true);
    let (is_large, is_many) =
        (is_over(b"size", collection.size), is_over(b"max", collection.count));
    if !is_capped || !(is_large || is_many) {
        return None;
    }
    let size = limit(b"size").and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
    let size = size.max(collection.size).saturating_add(ROOM_BYTES).min(i64::MAX as u64);
    let others = options.iter().filter(|option| !matches!(option.name, b"size" | b"max"));
    let roomy = others.fold(DocumentBuilder::new(), DocumentBuilder::element);
    let size = size.to_le_bytes();
    Some(roomy.raw(crate::codec::ElementType::Int64, "size", &size).finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(count: u64, size: u64, max: Option<i32>) -> Collection {
        let options = DocumentBuilder::new().boolean("capped", true).int32("size", 4096);
        let options = match max {
            Some(max) => options.int32("max", max),
            None => options,
        };
        Collection { options: options.finish(), count, size, ..Collection::default() }
    }

    #[test]
    fn only_what_has_too_little_room_gets_more() {
        assert_eq!(roomy(&ring(10, 4096, None)), None);
        assert_eq!(roomy(&ring(10, 4096, Some(10))), None);
        assert_eq!(roomy(&Collection { count: 5, size: 1 << 40, ..Collection::default() }), None);
        for ring in [ring(10, 4097, None), ring(11, 100, Some(10))] {
            let roomy = roomy(&ring).unwrap();
            let option = |name: &[u8]| Elements::new(&roomy).unwrap().find(name).unwrap();
            assert!(option(b"size").unwrap().integer().unwrap() > 1 << 20);
            assert!(option(b"max").is_none() && option(b"capped").unwrap().is_true());
        }
    }
}
