//! The change log, looked at: what it covers, and what it says of one document.

mod history;
mod overview;

pub use history::{LoggedChange, LoggedKind, log_history};
pub use overview::{LogOverview, WindowOverview, log_overview, newest_base_before};
