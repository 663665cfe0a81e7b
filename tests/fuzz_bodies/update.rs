//! An update of the server's log, applied to a document.

use super::reading::read;
use snapstore::codec::Elements;
use snapstore::format::documents;
use snapstore::mongo::oplog::apply_update;

pub fn body(bytes: &[u8]) {
    let mut whole = documents(bytes).map_while(Result::ok);
    let (Some(before), Some(update)) = (whole.next(), whole.next()) else { return };
    let Some(after) = read(apply_update(before, update)) else { return };
    let elements = Elements::new(&after.document).expect("a document");
    assert!(elements.count() <= before.len() + update.len());
    let again = read(apply_update(before, update)).expect("what was applied once");
    assert_eq!(again, after);
    let id = |document: &[u8]| {
        let id = Elements::new(document).expect("a document").find(b"_id");
        id.expect("it was read before").map(|id| (id.kind, id.value.to_vec()))
    };
    if id(update).is_some() {
        assert_eq!(after.document, update, "a replacement is the document");
    }
}
