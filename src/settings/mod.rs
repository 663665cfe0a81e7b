//! What the user set outside of a command's own arguments: the environment, places, and
//! `snap.toml`, read once into plain values.

pub mod config;
mod credential;
mod environment;
mod error;
mod identity;
mod key_file;
mod order;
mod places;
mod repository;
mod retention;
mod source;
mod write;

pub use config::{Config, Profile};
pub use credential::{CredentialFlags, CredentialSource, password_credential};
pub use environment::Environment;
pub use error::SettingsError;
pub use identity::this_host;
pub use key_file::{make_key_file, read_key_file};
pub use places::{Places, home, prepare_cache};
pub use repository::{Address, RepositoryChoice};
pub use retention::{policy_from_pairs, policy_to_pairs};
pub use source::{DatabaseAddress, SourceAddress, without_passwords};
pub use write::write_config;
