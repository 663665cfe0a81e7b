//! Names and paths inside a snapshot: raw bytes, checked once.

use std::borrow::Borrow;
use std::fmt;

/// Why bytes are not the name of an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is not a name: {reason}", String::from_utf8_lossy(.name).escape_debug())]
pub struct InvalidName {
    pub name: Vec<u8>,
    pub reason: &'static str,
}

/// The name of an entry in its directory: any bytes but `/` and NUL, never empty, `.` or `..`,
/// at most [`EntryName::LONGEST`] bytes. Ordered by bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryName(Box<[u8]>);

impl EntryName {
    /// Bytes. Linux allows 255; other media that a repository may keep allow more.
    pub const LONGEST: usize = 4096;

    pub fn new(name: impl Into<Box<[u8]>>) -> Result<Self, InvalidName> {
        let name = name.into();
        match Self::fault(&name) {
            None => Ok(Self(name)),
            Some(reason) => {
                Err(InvalidName { name: name.iter().copied().take(300).collect(), reason })
            }
        }
    }

    fn fault(name: &[u8]) -> Option<&'static str> {
        match name {
            b"" => Some("it is empty"),
            b"." | b".." => Some("it names another directory"),
            _ if name.contains(&b'/') => Some("it contains a slash"),
            _ if name.contains(&0) => Some("it contains a NUL byte"),
            _ if name.len() > Self::LONGEST => Some("it is too long"),
            _ => None,
        }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<[u8]> for EntryName {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_readable(&self.0, f)
    }
}

impl fmt::Debug for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

/// A path below a root: names joined by `/`; empty for the root itself. It never starts or ends
/// with `/` and never leads upwards.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryPath(Vec<u8>);

impl EntryPath {
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// Reads `a/b/c`. Every part must be a valid [`EntryName`].
    pub fn parse(path: &[u8]) -> Result<Self, InvalidName> {
        let mut parsed = Self::root();
        if !path.is_empty() {
            for name in path.split(|byte| *byte == b'/') {
                parsed.push(&EntryName::new(name)?);
            }
        }
        Ok(parsed)
    }

    /// Reads a path as people and programs write it: leading, trailing and doubled slashes and
    /// `.` are passed over, `..` is refused.
    pub fn parse_lenient(path: &[u8]) -> Result<Self, InvalidName> {
        let mut parsed = Self::root();
        for name in path.split(|byte| *byte == b'/') {
            if !name.is_empty() && name != b"." {
                parsed.push(&EntryName::new(name)?);
            }
        }
        Ok(parsed)
    }

    pub fn push(&mut self, name: &EntryName) {
        if !self.0.is_empty() {
            self.0.push(b'/');
        }
        self.0.extend_from_slice(name.bytes());
    }

    /// Takes the last name off; nothing happens at the root.
    pub fn pop(&mut self) {
        let end = self.0.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        self.0.truncate(end);
    }

    pub fn join(&self, name: &EntryName) -> Self {
        let mut path = Self(Vec::with_capacity(self.0.len() + 1 + name.bytes().len()));
        path.0.extend_from_slice(&self.0);
        path.push(name);
        path
    }

    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `self` is `other` or lies below it.
    pub fn starts_with(&self, other: &Self) -> bool {
        match self.0.strip_prefix(other.0.as_slice()) {
            Some(rest) => other.is_root() || rest.is_empty() || rest[0] == b'/',
            None => false,
        }
    }

    /// Whether both lie in one directory.
    pub fn is_beside(&self, other: &Self) -> bool {
        let directory = |path: &Self| path.0.iter().rposition(|byte| *byte == b'/');
        let (ours, theirs) = (directory(self), directory(other));
        ours == theirs && self.0[..ours.unwrap_or(0)] == other.0[..theirs.unwrap_or(0)]
    }

    pub fn names(&self) -> impl DoubleEndedIterator<Item = EntryName> + '_ {
        self.0
            .split(|byte| *byte == b'/')
            .filter(|name| !name.is_empty())
            .map(|n| EntryName(n.into()))
    }

    pub fn depth(&self) -> usize {
        if self.is_root() { 0 } else { 1 + self.0.iter().filter(|byte| **byte == b'/').count() }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_readable(&self.0, f)
    }
}

impl fmt::Debug for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

/// Readable, on one line, and unable to steer a terminal: control characters and invalid UTF-8
/// are written as `\x1b` (one for each byte).
fn write_readable(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => f.write_str("\\\\")?,
                _ if character.is_control() => write!(f, "{}", character.escape_default())?,
                _ => write!(f, "{character}")?,
            }
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_their_directory_are_refused() {
        for name in [&b""[..], b".", b"..", b"a/b", b"a\0", &[b'x'; 4097]] {
            assert!(EntryName::new(name).is_err(), "{name:?}");
        }
        assert!(EntryName::new(&b"..."[..]).is_ok());
        assert!(EntryName::new(&b"\xff\n"[..]).is_ok());
    }

    #[test]
    fn paths_are_pushed_and_popped() {
        let mut path = EntryPath::parse(b"a/b").unwrap();
        assert_eq!(path.depth(), 2);
        path.pop();
        assert_eq!(path.bytes(), b"a");
        path.pop();
        assert!(path.is_root());
        path.pop();
        assert!(path.is_root());
    }

    #[test]
    fn starts_with_compares_whole_names() {
        let path = |text: &str| EntryPath::parse(text.as_bytes()).unwrap();
        assert!(path("a/b").starts_with(&path("a")));
        assert!(path("a/b").starts_with(&path("")));
        assert!(!path("ab").starts_with(&path("a")));
        assert!(EntryPath::parse(b"a//b").is_err());
        assert_eq!(EntryPath::parse_lenient(b"/a//./b/").unwrap(), path("a/b"));
        assert!(EntryPath::parse_lenient(b"a/../b").is_err());
    }

    #[test]
    fn shown_names_cannot_steer_a_terminal() {
        let name = EntryName::new(&b"a\x1b[2J\n\xff\\"[..]).unwrap();
        assert_eq!(name.to_string(), "a\\u{1b}[2J\\n\\xff\\\\");
    }
}
