//! What commands have in common that speak with MongoDB servers.

use super::code::Code;
use super::context::Context;
use super::error::Failure;
use crate::mongo::{Address, Connection, MongoError};
use crate::ops::DatabaseRestoreError;
use crate::settings::DatabaseAddress;

/// Connects to the server at an address.
pub fn connect(context: &Context, address: &DatabaseAddress) -> Result<Connection, Failure> {
    let address: Address = address.reveal().parse()?;
    Ok(Connection::open(context.runtime()?.handle(), &address)?)
}

impl From<MongoError> for Failure {
    fn from(error: MongoError) -> Self {
        let failure = |code| Self::new(code, &error);
        match &error {
            MongoError::Address { .. } => {
                failure(Code::Usage).hint("write mongodb://host:port/database")
            }
            MongoError::Unreachable { address, why } => {
                Self::new(Code::Failed, format!("cannot reach {address}"))
                    .because(why)
                    .hint("is the server running, and may this machine connect to it?")
            }
            MongoError::Unwelcome { address, why } => {
                Self::new(Code::Failed, format!("{address} does not let us in"))
                    .because(why)
                    .hint("check name, password and authSource in the address")
            }
            MongoError::Lost { what, why } => {
                Self::new(Code::Failed, format!("{what}: the server was lost"))
                    .because(why)
                    .hint("try again when it is back; nothing half-done counts as a snapshot")
            }
            MongoError::Command { .. } if error.is_not_authorised() => failure(Code::Failed)
                .hint("the role `backup` may read everything, `restore` may write everything"),
            _ => failure(Code::Failed),
        }
    }
}

impl From<DatabaseRestoreError> for Failure {
    fn from(error: DatabaseRestoreError) -> Self {
        let usage = |hint: &str| Self::usage(&error).hint(hint);
        match error {
            DatabaseRestoreError::Repo(error) => error.into(),
            DatabaseRestoreError::Mongo(error) => error.into(),
            DatabaseRestoreError::Folder(_) => Self::new(Code::Failed, &error),
            DatabaseRestoreError::Backup(error) => (*error).into(),
            DatabaseRestoreError::Unsaved(_) => {
                Self::new(Code::Failed, &error).hint("nothing was changed; they are named above")
            }
            DatabaseRestoreError::OtherServer { .. } => {
                usage("name the address of that server with --to")
            }
            DatabaseRestoreError::SameTarget(_) => usage(
                "choose names with --ns-from and --ns-to, or one server's with --db SERVER/NAME",
            ),
            DatabaseRestoreError::SeveralInto(_) => {
                usage("choose one with --db, or name no database in the address")
            }
        }
    }
}
