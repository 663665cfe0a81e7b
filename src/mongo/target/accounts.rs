//! Users and roles, which a server lets nobody write directly: they are put aside and merged.

use crate::codec::DocumentBuilder;
use crate::mongo::{Connection, MongoError};

/// What an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accounts {
    Users,
    Roles,
}

impl Accounts {
    /// Of a collection of `admin`.
    pub fn of(database: &str, name: &str) -> Option<Self> {
        match (database, name) {
            ("admin", "system.users") => Some(Self::Users),
            ("admin", "system.roles") => Some(Self::Roles),
            _ => None,
        }
    }

    /// Where they are put aside, in `admin`.
    pub fn aside(self) -> &'static str {
        match self {
            Self::Users => "snap_restored_users",
            Self::Roles => "snap_restored_roles",
        }
    }
}

impl Connection {
    /// Merges accounts that were put aside, of all databases, and takes them away there. Those
    /// that exist stay as they are.
    pub fn merge_accounts(&self, accounts: Accounts) -> Result<(), MongoError> {
        let what = "cannot restore users and roles";
        let place = format!("admin.{}", accounts.aside());
        let (users, roles) = match accounts {
            Accounts::Users => (place.as_str(), ""),
            Accounts::Roles => ("", place.as_str()),
        };
        let mut command = DocumentBuilder::new().int32("_mergeAuthzCollections", 1);
        for (name, place) in [("tempUsersCollection", users), ("tempRolesCollection", roles)] {
            if !place.is_empty() {
                command = command.string(name, place);
            }
        }
        let command = command.string("db", "").boolean("drop", false);
        let merged = self.change("admin", what, command).map(drop);
        self.drop_aside(accounts)?;
        merged
    }

    /// Takes away what was put aside, by this restore or one that was interrupted.
    pub fn drop_aside(&self, accounts: Accounts) -> Result<(), MongoError> {
        const NOT_FOUND: i32 = 26;
        let command = DocumentBuilder::new().string("drop", accounts.aside());
        match self.change("admin", "what was put aside", command) {
            Err(error) if error.code() != Some(NOT_FOUND) => Err(error),
            _ => Ok(()),
        }
    }
}
