//! The environment variables that snap knows.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use zeroize::Zeroizing;

const PASSWORD: &str = "SNAP_PASSWORD";

/// The environment as it was at the start. A variable that is set to nothing counts as not set.
#[derive(Clone, Default)]
pub struct Environment {
    variables: HashMap<OsString, OsString>,
    password: Option<Zeroizing<Vec<u8>>>,
}

impl Environment {
    /// Reads the process's environment and takes the password out of it, so that no child sees
    /// it.
    ///
    /// # Safety
    ///
    /// No other thread may be running yet: the environment is changed.
    pub unsafe fn take() -> Self {
        let environment = Self::new(std::env::vars_os());
        // SAFETY: the caller promises that this is the only thread.
        unsafe { std::env::remove_var(PASSWORD) };
        environment
    }

    /// An environment of these variables.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        use std::os::unix::ffi::OsStringExt;
        let mut variables: HashMap<_, _> =
            variables.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let password = variables.remove(OsStr::new(PASSWORD));
        Self { variables, password: password.map(|text| Zeroizing::new(text.into_vec())) }
    }

    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    /// `SNAP_PASSWORD`.
    pub fn password(&self) -> Option<&Zeroizing<Vec<u8>>> {
        self.password.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_is_not_set() {
        let pairs = [("HOME", ""), ("SNAP_KEY_FILE", "k"), ("SNAP_PASSWORD", "")];
        let environment = Environment::new(pairs.map(|(name, value)| (name.into(), value.into())));
        assert_eq!(environment.get("HOME"), None);
        assert_eq!(environment.path("SNAP_KEY_FILE"), Some("k".into()));
        assert!(environment.password().is_none());
    }

    #[test]
    fn the_password_is_no_ordinary_variable() {
        let environment = Environment::new([("SNAP_PASSWORD".into(), "secret".into())]);
        assert_eq!(environment.get("SNAP_PASSWORD"), None);
        assert_eq!(environment.password().unwrap().as_slice(), b"secret");
    }
}
