//! The environment variables that snap knows.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use zeroize::Zeroizing;

const PASSWORD: &str = "SNAP_PASSWORD";
/// The address of a database, which may hold its password.
const MONGODB: &str = "SNAP_MONGODB";
/// Of the repository that is copied to.
const TARGET_PASSWORD: &str = "SNAP_TO_PASSWORD";

/// The environment as it was at the start. A variable that is set to nothing counts as not set.
#[derive(Clone, Default)]
pub struct Environment {
    variables: HashMap<OsString, OsString>,
    password: Option<Zeroizing<Vec<u8>>>,
    target_password: Option<Zeroizing<Vec<u8>>>,
}

impl Environment {
    /// Reads the process's environment and takes the passwords out of it, so that no child sees
    /// them.
    ///
    /// # Safety
    ///
    /// No other thread may be running yet: the environment is changed.
    pub unsafe fn take() -> Self {
        let environment = Self::new(std::env::vars_os());
        // SAFETY: the caller promises that this is the only thread.
        unsafe {
            std::env::remove_var(PASSWORD);
            std::env::remove_var(MONGODB);
            std::env::remove_var(TARGET_PASSWORD);
        }
        environment
    }

    /// An environment of these variables.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        use std::os::unix::ffi::OsStringExt;
        let mut variables: HashMap<_, _> =
            variables.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let mut secret = |name: &str| {
            let text = variables.remove(OsStr::new(name))?;
            Some(Zeroizing::new(text.into_vec()))
        };
        let (password, target_password) = (secret(PASSWORD), secret(TARGET_PASSWORD));
        Self { variables, password, target_password }
    }

    /// What is said of the repository that is copied to: `SNAP_TO_KEY_FILE` is its
    /// `SNAP_KEY_FILE`, and so on. Nothing else is in it.
    pub fn of_target(&self) -> Self {
        let renamed = |(name, value): (&OsString, &OsString)| {
            let rest = name.to_str()?.strip_prefix("SNAP_TO_")?;
            Some((OsString::from(format!("SNAP_{rest}")), value.clone()))
        };
        let variables = self.variables.iter().filter_map(renamed).collect();
        Self { variables, password: self.target_password.clone(), target_password: None }
    }

    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    /// `SNAP_MONGODB`.
    pub fn mongodb(&self) -> Option<&str> {
        self.get(MONGODB)?.to_str()
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

    #[test]
    fn the_target_has_settings_of_its_own() {
        let pairs = [
            ("SNAP_KEY_FILE", "key"),
            ("SNAP_TO_KEY_FILE", "other"),
            ("SNAP_PASSWORD", "secret"),
            ("SNAP_TO_PASSWORD", "another"),
        ];
        let environment = Environment::new(pairs.map(|(name, value)| (name.into(), value.into())));
        let target = environment.of_target();
        assert_eq!(target.path("SNAP_KEY_FILE"), Some("other".into()));
        assert_eq!(target.password().unwrap().as_slice(), b"another");
        assert_eq!(environment.get("SNAP_TO_PASSWORD"), None);
        assert!(Environment::new([]).of_target().password().is_none());
    }
}
