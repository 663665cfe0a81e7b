//! `snap.toml`: profiles, which hold what commands would otherwise be told by flags.
//!
//! From text to profiles: `document` and `section` read the TOML and check every key and value
//! against the list in `key`, each with its place; `inherit` puts together what profiles take
//! from others; `profile` gives plain values. `load` finds the file.

mod document;
mod expand;
mod fault;
mod in_force;
mod inherit;
mod key;
mod kind;
mod load;
mod nearest;
mod part;
mod profile;
mod schema;
mod section;
mod template;
#[cfg(test)]
mod tests;
mod value;

pub use document::Setting;
pub use fault::{Fault, Place};
pub use in_force::{GlobalFlags, InForce, Origin, credential_in_force, in_force};
pub use key::{KEYS, Key, Number, Section};
pub use load::{Config, ConfigOrigin, DEFAULT_PROFILE, find_config, named_profiles};
pub use part::parse_part;
pub use profile::{CheckSchedule, Profile};
pub use schema::schema;
pub use template::filled_template;
pub use value::Value;

pub(super) use expand::{Base, expand};
use kind::Kind;
pub use kind::parse_duration;
