//! Writing a file of settings.

use super::SettingsError;
use super::places::make_private;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Writes a new file of settings, for this user only: it says what opens the repository. One
/// that is there already is left alone.
pub fn write_config(path: &Path, text: &str) -> Result<(), SettingsError> {
    let failed = |cause: io::Error| match cause.kind() {
        io::ErrorKind::AlreadyExists => SettingsError::ConfigExists { path: path.to_owned() },
        _ => SettingsError::ConfigUnwritable { path: path.to_owned(), cause },
    };
    if let Some(folder) = path.parent() {
        make_private(folder).map_err(failed)?;
    }
    let options = OpenOptions::new().write(true).create_new(true).mode(0o600).clone();
    let mut file = options.open(path).map_err(failed)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|cause| {
        // Half a file would be in the way of the next attempt.
        let _ = std::fs::remove_file(path);
        failed(cause)
    })
}
