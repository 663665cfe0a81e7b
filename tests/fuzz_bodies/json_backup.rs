//! A JSON backup of a whole database.

use super::import::imported;

pub fn body(bytes: &[u8]) {
    // Others are archives.
    if bytes.starts_with(&[0x1f, 0x8b]) || bytes.starts_with(&[0x6d, 0xe2]) {
        return;
    }
    if let Some(report) = imported(bytes) {
        let documents: u64 = report.databases.iter().map(|database| database.documents).sum();
        assert!(documents * 2 <= bytes.len() as u64, "a document is two braces at least");
        let names = report.databases.iter().map(|database| database.name.as_str());
        assert_eq!(names.collect::<Vec<_>>(), ["bot"]);
    }
}
