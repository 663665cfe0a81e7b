//! A file as the rules see it: its text, and its code without comments and literals.

use super::mask::mask;
use std::fmt;
use std::ops::Range;

/// A breach of a rule, with the cure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub path: String,
    /// Counted from 1.
    pub line: usize,
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

pub struct Source {
    /// Relative to the project, with `/`.
    pub path: String,
    pub text: String,
    /// The text with spaces in place of comments, strings and characters; empty if this is not
    /// Rust. Offsets are the same in both.
    pub code: String,
    /// Whether the module is declared for tests only.
    pub test_only: bool,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let code = if path.ends_with(".rs") { mask(text) } else { String::new() };
        Self { path: path.into(), text: text.into(), code, test_only: false }
    }

    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The folder of `src` in which this lies.
    pub fn folder(&self) -> Option<&str> {
        self.path.strip_prefix("src/")?.split_once('/').map(|(folder, _)| folder)
    }

    pub fn finding(&self, offset: usize, message: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line: self.line(offset), message: message.into() }
    }

    /// The number of the line, from 1.
    pub fn line(&self, offset: usize) -> usize {
        1 + self.text[..offset].bytes().filter(|byte| *byte == b'\n').count()
    }

    /// Identifiers, keywords and numbers in the code, with their offsets.
    pub fn words(&self) -> impl Iterator<Item = (usize, &str)> {
        words(&self.code)
    }

    /// Where a text stands in the code.
    pub fn places(&self, text: &'static str) -> impl Iterator<Item = usize> {
        self.code.match_indices(text).map(|(offset, _)| offset)
    }

    /// The parts of the code that only tests see, in a file that others see too.
    pub fn test_parts(&self) -> Vec<Range<usize>> {
        let items = self.places("#[cfg(test)]");
        items.map(|start| start..item_end(&self.code, start + "#[cfg(test)]".len())).collect()
    }

    /// The module's own path below `src`: `files/source` for `src/files/source/mod.rs`.
    pub fn module(&self) -> &str {
        let path = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let path = path.strip_suffix(".rs").unwrap_or(path);
        path.strip_suffix("/mod").unwrap_or(path)
    }

    /// Modules in files of their own that are declared here for tests only.
    fn test_modules(&self) -> impl Iterator<Item = String> {
        let parts = self.test_parts().into_iter().map(|part| &self.code[part]);
        let declarations = parts.filter(|part| part.ends_with(';'));
        let names = declarations.filter_map(|part| {
            let mut words = words(part).skip_while(|(_, word)| *word != "mod");
            words.nth(1).map(|(_, name)| name)
        });
        names.map(|name| format!("{}/{name}", self.module()))
    }
}

/// Finds the files that only tests see.
pub fn mark_tests(files: &mut [Source]) {
    let modules: Vec<String> = files.iter().flat_map(Source::test_modules).collect();
    for file in files {
        let module = file.module();
        let below = |test: &String| {
            module
                .strip_prefix(test.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        file.test_only = modules.iter().any(below);
    }
}

pub fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let separators = code.split_inclusive(|c: char| !is_word(c));
    let with_offsets = separators.scan(0, |end, part| {
        *end += part.len();
        Some((*end - part.len(), part.trim_end_matches(|c| !is_word(c))))
    });
    with_offsets.filter(|(_, word)| !word.is_empty())
}

pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Behind the bracket that closes the one at `open`; the end of the code if none does.
pub fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return offset + 1;
        }
    }
    code.len()
}

/// Behind the item that begins at `start`: its `;` or its block.
pub fn item_end(code: &str, start: usize) -> usize {
    let mut offset = start;
    while let Some(byte) = code.as_bytes().get(offset) {
        match byte {
            b';' => return offset + 1,
            b'{' => return closing(code, offset),
            b'(' | b'[' => offset = closing(code, offset),
            _ => offset += 1,
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_their_offsets() {
        let source = Source::new("src/a.rs", "use a::b_1; // c");
        let words: Vec<_> = source.words().collect();
        assert_eq!(words, [(0, "use"), (4, "a"), (7, "b_1")]);
    }

    #[test]
    fn tests_end_with_their_block() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests { fn b(x: [u8; 2]) { '}' } }\nfn c() {}";
        let source = Source::new("src/a.rs", code);
        let [part] = &source.test_parts()[..] else { panic!("one part") };
        assert!(code[part.clone()].ends_with("{ '}' } }"));
    }

    #[test]
    fn files_that_only_tests_see_are_known() {
        let files = [
            ("src/a/mod.rs", "mod b;\n#[cfg(test)]\nmod c;\n#[cfg(test)]\npub(crate) mod d;"),
            ("src/a/b.rs", ""),
            ("src/a/c.rs", ""),
            ("src/a/d/e.rs", ""),
            ("src/c.rs", ""),
        ];
        let mut files = files.map(|(path, text)| Source::new(path, text));
        mark_tests(&mut files);
        assert_eq!(files.map(|file| file.test_only), [false, false, true, true, false]);
    }
}
