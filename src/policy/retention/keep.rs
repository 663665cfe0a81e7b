//! How many snapshots a rule keeps.

use super::PolicyError;
use std::fmt;
use std::str::FromStr;

/// The count of a rule. Reads `7`, `unlimited` and restic's `-1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Keep {
    Count(u32),
    Unlimited,
}

impl Keep {
    /// Whether it keeps none, or no more.
    pub fn is_zero(self) -> bool {
        self == Keep::Count(0)
    }

    /// What is left of it when one is kept.
    pub(super) fn less_one(self) -> Self {
        match self {
            Keep::Count(count) => Keep::Count(count.saturating_sub(1)),
            Keep::Unlimited => Keep::Unlimited,
        }
    }
}

impl FromStr for Keep {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let word = text.trim();
        if word == "-1" || word.eq_ignore_ascii_case("unlimited") {
            return Ok(Keep::Unlimited);
        }
        let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        let invalid = || PolicyError::Keep { text: text.chars().take(80).collect() };
        digits.then(|| word.parse().ok()).flatten().map(Keep::Count).ok_or_else(invalid)
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Keep::Count(count) => write!(f, "{count}"),
            Keep::Unlimited => f.write_str("unlimited"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read() {
        for (text, keep) in [
            ("7", Keep::Count(7)),
            ("0", Keep::Count(0)),
            (" 30 ", Keep::Count(30)),
            ("unlimited", Keep::Unlimited),
            ("Unlimited", Keep::Unlimited),
            ("-1", Keep::Unlimited),
        ] {
            assert_eq!(text.parse::<Keep>().unwrap(), keep, "{text}");
            assert_eq!(keep.to_string().parse::<Keep>().unwrap(), keep);
        }
    }

    #[test]
    fn what_is_no_count_is_refused_with_the_cure() {
        for text in ["", "-2", "+7", "seven", "7d", "1.5", "4294967296", "٧"] {
            let error = text.parse::<Keep>().unwrap_err().to_string();
            assert!(error.contains(text) && error.contains("\"unlimited\""), "{error}");
        }
    }
}
