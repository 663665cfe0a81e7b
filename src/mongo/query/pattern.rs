//! Regular expressions of a filter.

use super::QueryError;
use crate::codec::{Element, ElementType};
use regex_automata::meta::{BuildError, Regex};
use regex_automata::util::syntax;

/// Memory that one may take, in bytes.
const LARGEST: usize = 4 << 20;

/// A regular expression, with the value that it is itself.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
    /// As a document has it: pattern and options, each with its NUL.
    value: Vec<u8>,
}

impl Pattern {
    /// The options are those of the server: `i`, `m`, `s`, `x`.
    pub fn new(pattern: &[u8], options: &[u8]) -> Result<Self, QueryError> {
        let text = std::str::from_utf8(pattern);
        let text = text.map_err(|_| QueryError::Broken("a pattern is no text".to_string()))?;
        if let Some(option) = options.iter().find(|option| !b"imsxu".contains(option)) {
            let option = char::from(*option);
            return Err(QueryError::Broken(format!("{option} is no option of a pattern")));
        }
        let has = |option: u8| options.contains(&option);
        let config = syntax::Config::new()
            .case_insensitive(has(b'i'))
            .multi_line(has(b'm'))
            .dot_matches_new_line(has(b's'))
            .ignore_whitespace(has(b'x'));
        let limited = Regex::config().nfa_size_limit(Some(LARGEST));
        let built = Regex::builder().configure(limited).syntax(config).build(text);
        let unknown = |_: BuildError| QueryError::Pattern(text.to_string());
        let value = [pattern, &[0], options, &[0]].concat();
        Ok(Self { regex: built.map_err(unknown)?, value })
    }

    /// Whether it is found in a text; and it fits itself.
    pub fn fits(&self, value: &Element<'_>) -> bool {
        match value.kind {
            ElementType::String | ElementType::Symbol => {
                value.text().is_some_and(|text| self.regex.is_match(text))
            }
            ElementType::RegularExpression => value.value == self.value,
            _ => false,
        }
    }
}
