//! Key files: 256 random bits as text.

use super::SettingsError;
use super::places::make_private;
use super::repository::read_small;
use crate::codec::Secret;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use zeroize::Zeroizing;

/// What the line with the key begins with.
const PREFIX: &str = "snap-key-1 ";

/// Reads a key file: empty lines, lines that begin with `#`, and one line
/// `snap-key-1 <64 hexadecimal digits>`.
pub fn read_key_file(path: &Path) -> Result<Secret, SettingsError> {
    let content = read_small(path).map_err(|error| match error {
        SettingsError::Unreadable { path, cause } if cause.kind() == io::ErrorKind::NotFound => {
            SettingsError::NoKeyFile { path }
        }
        other => other,
    })?;
    parse(&content).map_err(|why| SettingsError::NotAKeyFile { path: path.to_owned(), why })
}

fn parse(content: &[u8]) -> Result<Secret, &'static str> {
    let text = std::str::from_utf8(content).map_err(|_| "it is not text")?;
    let lines = text.lines().map(str::trim);
    let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let line = lines.next().ok_or("it has no line \"snap-key-1 …\"")?;
    let digits = line.strip_prefix(PREFIX).ok_or("its first line is not \"snap-key-1 …\"")?;
    match lines.next() {
        None => from_hexadecimal(digits.trim()).ok_or("its key is not 64 hexadecimal digits"),
        Some(_) => Err("it has more than one line beside comments"),
    }
}

fn from_hexadecimal(digits: &str) -> Option<Secret> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    let pairs = digits.as_bytes().chunks_exact(2);
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let [high, low] = <[u8; 2]>::try_from(pair).ok()?.map(|d| char::from(d).to_digit(16));
        *byte = u8::try_from(high? << 4 | low?).ok()?;
    }
    Some(Secret::new(*bytes))
}

/// Writes a new key file, for this user only and durable; one that is there already is left
/// alone.
pub fn make_key_file(path: &Path, key: &Secret, created: &str) -> Result<(), SettingsError> {
    let failed = |cause: io::Error| match cause.kind() {
        io::ErrorKind::AlreadyExists => SettingsError::KeyFileExists { path: path.to_owned() },
        _ => SettingsError::KeyFileUnwritable { path: path.to_owned(), cause },
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    make_private(folder).map_err(failed)?;
    // It gets its name when it is whole: half a key file would be in the way of the next attempt.
    let temporary = folder.join(format!(".snap-key-{}.tmp", std::process::id()));
    let named = write_key(&temporary, key, created)
        .and_then(|()| take_name(&temporary, path))
        .and_then(|()| File::open(folder)?.sync_all());
    named.map_err(|cause| {
        let _ = std::fs::remove_file(&temporary);
        failed(cause)
    })
}

fn write_key(temporary: &Path, key: &Secret, created: &str) -> io::Result<()> {
    // One that was killed had the same number: what it left opens nothing.
    let _ = std::fs::remove_file(temporary);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(temporary)?;
    let mut text = Zeroizing::new(String::with_capacity(512));
    text.push_str("# Key of a snap repository, made ");
    text.push_str(created);
    text.push_str(".\n# Whoever has it can read the backups; without it nobody can.\n");
    text.push_str(PREFIX);
    for byte in key.bytes() {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    text.push('\n');
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Renames to a name that must not be taken.
fn take_name(temporary: &Path, path: &Path) -> io::Result<()> {
    match renameat_with(CWD, temporary, CWD, path, RenameFlags::NOREPLACE) {
        // A file system that knows no better, on a stick: who else would make it just now?
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) if !path.exists() => {
            std::fs::rename(temporary, path)
        }
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Err(Errno::EXIST.into()),
        result => Ok(result?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OsEntropy;

    #[test]
    fn what_is_written_reads_back() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/key");
        let key = Secret::random(&OsEntropy);
        make_key_file(&path, &key, "2025-11-28").unwrap();
        assert!(read_key_file(&path).unwrap() == key);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = make_key_file(&path, &Secret::random(&OsEntropy), "2025-11-28");
        assert!(matches!(again, Err(SettingsError::KeyFileExists { .. })));
        assert!(read_key_file(&path).unwrap() == key);
    }

    #[test]
    fn comments_and_case_do_not_matter() {
        let digits = "0123456789abcdef".repeat(4);
        let key = parse(format!("snap-key-1 {digits}").as_bytes()).unwrap();
        let text = format!("# mine\r\n\n  snap-key-1   {}  \r\n# end", digits.to_uppercase());
        assert!(parse(text.as_bytes()).unwrap() == key);
    }

    #[test]
    fn other_files_are_refused_with_the_reason() {
        let digits = "0".repeat(64);
        for (text, why) in [
            (String::new(), "has no line"),
            ("secret".into(), "first line is not"),
            (format!("snap-key-2 {digits}"), "first line is not"),
            (format!("snap-key-1 {digits}0"), "not 64"),
            (format!("snap-key-1 {}", "g".repeat(64)), "not 64"),
            (format!("snap-key-1 {}", "é".repeat(32)), "not 64"),
            (format!("snap-key-1 {digits}\nsnap-key-1 {digits}"), "more than one"),
        ] {
            assert!(parse(text.as_bytes()).unwrap_err().contains(why), "{text}");
        }
        assert_eq!(parse(b"\xff").unwrap_err(), "it is not text");
    }
}
