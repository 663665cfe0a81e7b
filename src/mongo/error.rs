//! What can go wrong with a server, in words.

use bson::Document;
use mongodb::error::{Error, ErrorKind};

/// Codes by which a server says that it cannot read at a moment (any more): the collection is
/// gone, was renamed or has another shape by now, or the history is too short.
const NOT_AT_THIS_MOMENT: [i32; 4] = [26, 175, 239, 246];
/// The last of these: only a later moment helps, whatever the collection is.
const WINDOW_PASSED: i32 = 239;
/// Codes of states that pass: elections, shutdowns, lost connections and cursors.
const PASSING: [i32; 18] =
    [6, 7, 43, 63, 89, 91, 133, 189, 202, 234, 237, 262, 358, 9001, 10107, 11600, 11602, 13435];
const NOT_AUTHORISED: [i32; 2] = [13, 8000];

/// Why something of a server could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MongoError {
    /// The address itself is not repeated: it may hold a password.
    #[error("this is no address of a MongoDB server: {why}")]
    Address { why: String },
    #[error("cannot reach {address}: {why}")]
    Unreachable { address: String, why: String },
    #[error("{address} does not let us in: {why}")]
    Unwelcome { address: String, why: String },
    /// A kind of server that is not backed up.
    #[error("{0}")]
    Refused(String),
    /// The server says no.
    #[error("{what}: {message} (code {code})")]
    Command { what: String, code: i32, message: String },
    /// The answer shows that the collection is not there at the moment that was asked for.
    #[error("{what}: it is not there at the moment of the snapshot")]
    Absent { what: String },
    /// The connection broke, or there is no server that would answer.
    #[error("{what}: {why}")]
    Lost { what: String, why: String },
    #[error("{what}: the answer makes no sense: {why}")]
    Answer { what: String, why: String },
}

impl MongoError {
    pub(super) fn answer(what: impl ToString, why: impl ToString) -> Self {
        Self::Answer { what: what.to_string(), why: why.to_string() }
    }

    /// What a command's failure means. `what` is what was being done.
    pub(super) fn of_command(what: &str, error: &Error) -> Self {
        let what = what.to_string();
        match error.kind.as_ref() {
            ErrorKind::Command(command) => {
                Self::Command { what, code: command.code, message: command.message.clone() }
            }
            ErrorKind::Authentication { message, .. } => {
                Self::Unwelcome { address: what, why: message.clone() }
            }
            ErrorKind::BsonDeserialization(why) => Self::Answer { what, why: why.to_string() },
            ErrorKind::InvalidResponse { message, .. } => {
                Self::Answer { what, why: message.clone() }
            }
            _ => Self::Lost { what, why: in_words(error) },
        }
    }

    pub(super) fn code(&self) -> Option<i32> {
        match self {
            Self::Command { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether a collection cannot be read at a moment, and perhaps at a later one.
    pub fn is_other_moment(&self) -> bool {
        matches!(self, Self::Absent { .. })
            || self.code().is_some_and(|code| NOT_AT_THIS_MOMENT.contains(&code))
    }

    /// Whether the server keeps too little history for the moment that was asked for.
    pub fn is_window_passed(&self) -> bool {
        self.code() == Some(WINDOW_PASSED)
    }

    /// Whether the same may well succeed when it is asked again.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Lost { .. }) || self.code().is_some_and(|code| PASSING.contains(&code))
    }

    pub fn is_not_authorised(&self) -> bool {
        self.code().is_some_and(|code| NOT_AUTHORISED.contains(&code))
    }
}

/// The driver's words; where no server is available, what was wrong with the first that it tried,
/// in place of its whole address book.
pub(super) fn in_words(error: &Error) -> String {
    match error.kind.as_ref() {
        ErrorKind::Io(error) => error.to_string(),
        ErrorKind::ServerSelection { message, .. } => selection_in_words(message),
        ErrorKind::ConnectionPoolCleared { message, .. } => message.clone(),
        ErrorKind::DnsResolve { message, .. } => message.clone(),
        ErrorKind::InvalidTlsConfig { message, .. } => message.clone(),
        ErrorKind::InvalidArgument { message, .. } => message.clone(),
        _ => error.to_string(),
    }
}

fn selection_in_words(message: &str) -> String {
    let told = message.split_once("Error: Kind: ").map(|(_, error)| error);
    let told = told.and_then(|error| error.split(", labels: ").next());
    let plain = || message.split(" Topology: ").next().unwrap_or(message);
    told.unwrap_or_else(plain).to_string()
}

/// `writeConcernError` of an answer, as an error.
pub(super) fn write_concern_error(what: &str, answer: &Document) -> Option<MongoError> {
    let error = answer.get_document("writeConcernError").ok()?;
    let code = error.get_i32("code").unwrap_or(0);
    let message = error.get_str("errmsg").unwrap_or("the write is not safe").to_string();
    Some(MongoError::Command { what: what.to_string(), code, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_available_server_is_said_by_what_is_wrong_with_it() {
        let message = "Server selection timeout: No available servers. Topology: { Type: Unknown, \
             Servers: [ { Address: h:1, Type: Unknown, Error: Kind: I/O error: Connection refused, \
             labels: {}, source: None } ] }";
        assert_eq!(selection_in_words(message), "I/O error: Connection refused");
        assert_eq!(selection_in_words("none. Topology: { }"), "none.");
    }
}
