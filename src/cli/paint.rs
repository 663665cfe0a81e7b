//! Colour, sparingly.

use crate::settings::Environment;

/// Colours text where a person looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    on: bool,
}

impl Paint {
    pub fn new(is_terminal: bool, environment: &Environment) -> Self {
        let dumb = environment.get("TERM").is_none_or(|term| term == "dumb");
        Self { on: is_terminal && !dumb && environment.get("NO_COLOR").is_none() }
    }

    pub fn red(self, text: &str) -> String {
        self.with("1;31", text)
    }

    pub fn yellow(self, text: &str) -> String {
        self.with("1;33", text)
    }

    pub fn cyan(self, text: &str) -> String {
        self.with("36", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
