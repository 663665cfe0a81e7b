//! Two documents put together, as a restore into a live collection does it.

use super::reading::read;
use snapstore::codec::Elements;
use snapstore::format::documents;
use std::collections::BTreeSet;

// A file of its own that is private to the restore: compiled here once more.
#[allow(dead_code)]
#[path = "../../src/ops/restore/databases/merge.rs"]
mod private;

pub fn body(bytes: &[u8]) {
    let mut whole = documents(bytes).map_while(Result::ok);
    let (Some(snapshot), Some(live)) = (whole.next(), whole.next()) else { return };
    for live_wins in [false, true] {
        let Some(merged) = read(private::merge(snapshot, live, live_wins)) else { continue };
        let expected: BTreeSet<Vec<u8>> = names(snapshot).union(&names(live)).cloned().collect();
        assert_eq!(names(&merged), expected, "the fields of both");
        assert!(merged.len() <= snapshot.len() + live.len());
        // Embedded documents are looked at only where both have one.
        if let Some(again) = read(private::merge(snapshot, &merged, live_wins)) {
            assert_eq!(again, merged, "merged again it stays");
        }
        if let Some(same) = read(private::merge(live, live, live_wins)) {
            assert_eq!(same, live);
        }
    }
}

fn names(document: &[u8]) -> BTreeSet<Vec<u8>> {
    let elements = Elements::new(document).expect("a document");
    elements.map(|element| element.expect("an element").name.to_vec()).collect()
}
