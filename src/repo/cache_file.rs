//! Small files of the local cache.

use std::io;
use std::path::Path;

/// Puts the bytes there as a whole, in place of what was, or leaves what was. Makes the folder.
/// A power cut may still take them: who reads them proves that they are whole.
pub fn put_cache_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let put = path
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(&temporary, bytes))
        .and_then(|()| std::fs::rename(&temporary, path));
    if put.is_err() {
        // The first error is the one that counts.
        let _ = std::fs::remove_file(&temporary);
    }
    put
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_whole_or_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/file");
        for bytes in [b"first".as_slice(), b"second"] {
            put_cache_file(&path, bytes).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
        }
        assert!(put_cache_file(&folder.path().join("new"), b"a folder").is_err());
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }
}
