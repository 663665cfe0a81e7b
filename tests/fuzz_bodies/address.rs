//! Addresses of servers and repositories: a password in one is never shown.

use super::reading::read;
use snapstore::mongo;
use snapstore::settings::{Address, DatabaseAddress, SourceAddress};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

pub fn body(bytes: &[u8]) {
    if let Some(Address::Local(path)) = read(Address::parse(OsStr::from_bytes(bytes))) {
        assert_eq!(path.as_os_str().as_bytes(), bytes);
    }
    if let SourceAddress::Path(path) = SourceAddress::parse(PathBuf::from(OsStr::from_bytes(bytes)))
    {
        assert_eq!(path.as_os_str().as_bytes(), bytes);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let secrets = secrets(text);
    match text.parse::<mongo::Address>() {
        Ok(address) => {
            assert!(!address.hosts().is_empty() && !address.hosts().contains('@'));
            hides(&address.to_string(), &secrets);
            hides(&format!("{address:?}"), &secrets);
        }
        Err(error) => hides(&error.to_string(), &secrets),
    }
    match DatabaseAddress::parse(text) {
        Ok(address) => {
            assert_eq!(address.reveal(), text.trim());
            hides(&format!("{address} {address:?}"), &secrets);
        }
        Err(error) => hides(&error, &secrets),
    }
}

/// What stands before the last `@` of an address, taken apart: names of users and passwords, whose
/// own signs may have been forgotten to be escaped.
fn secrets(text: &str) -> Vec<&str> {
    let rest = ["mongodb://", "mongodb+srv://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let Some((before, after)) = rest.and_then(|rest| rest.rsplit_once('@')) else {
        return Vec::new();
    };
    let parts = before.split([':', '@', '/', '?', ',', '%']);
    // One that is a word of what may be shown cannot be told from it.
    parts.filter(|part| part.len() > 5 && !after.contains(part) && is_own(part)).collect()
}

/// Not part of any message.
fn is_own(part: &str) -> bool {
    part.bytes().any(|byte| byte.is_ascii_digit())
}

fn hides(shown: &str, secrets: &[&str]) {
    for secret in secrets {
        assert!(!shown.contains(secret), "{secret:?} is shown: {shown}");
    }
}
