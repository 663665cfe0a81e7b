//! How long files and functions may be.

use super::source::{Finding, Source, item_end};

const FILE_LINES: usize = 600;
const FUNCTION_LINES: usize = 70;

/// Code is read whole; what is too long for that is two things.
pub fn file(source: &Source) -> Vec<Finding> {
    let is_code = source.is_rust()
        || source.path.starts_with("src/")
        || source.path.ends_with(".py")
        || source.text.starts_with("#!");
    let lines = source.text.lines().count();
    if !is_code || lines <= FILE_LINES {
        return Vec::new();
    }
    let message =
        format!("{lines} lines, at most {FILE_LINES} are allowed: split it by what it is about");
    vec![source.finding(source.text.len(), message)]
}

/// From `fn` to the closing brace.
pub fn functions(source: &Source) -> Vec<Finding> {
    let too_long = |(offset, word): (usize, &str)| {
        let name = source.code[offset + word.len()..].trim_start();
        if word != "fn" || name.starts_with('(') {
            return None;
        }
        let end = item_end(&source.code, offset);
        let lines = 1 + source.code[offset..end].matches('\n').count();
        let name: String =
            name.chars().take_while(|c| c.is_alphanumeric() || "_$".contains(*c)).collect();
        let message = format!(
            "fn {name} has {lines} lines, at most {FUNCTION_LINES} are allowed: give its parts names of their own"
        );
        (lines > FUNCTION_LINES).then(|| source.finding(offset, message))
    };
    source.words().filter_map(too_long).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_are_found() {
        for (path, lines, findings) in [
            ("src/a/b.rs", 601, 1),
            ("src/a/b.rs", 600, 0),
            ("src/server/page.html", 601, 1),
            ("tests/a.rs", 601, 1),
            ("docs/a.md", 601, 0),
        ] {
            let source = Source::new(path, &"x\n".repeat(lines));
            assert_eq!(file(&source).len(), findings, "{path} {lines}");
        }
        let script = format!("#!/bin/sh\n{}", "x\n".repeat(600));
        assert_eq!(file(&Source::new("tests/run", &script)).len(), 1);
    }

    fn found(code: &str) -> usize {
        functions(&Source::new("src/a/b.rs", code)).len()
    }

    #[test]
    fn long_functions_are_found() {
        let body = |lines: usize| "    x;\n".repeat(lines);
        assert_eq!(found(&format!("fn a() {{\n{}}}", body(69))), 1);
        assert_eq!(found(&format!("fn a() {{\n{}}}", body(68))), 0);
        assert_eq!(found(&format!("fn a(\n    b: [u8; 2],\n) {{\n{}}}", body(67))), 1);
        assert_eq!(found(&format!("fn a() {{\n    // }}\n    \"}}\";\n{}}}", body(67))), 1);
        assert_eq!(found(&format!("mod tests {{\n    fn a() {{\n{}}}\n}}", body(69))), 1);
        assert_eq!(found(&format!("trait A {{ fn a(); }}\nmod b {{\n{}}}", body(100))), 0);
        assert_eq!(found(&format!("type A = fn(u8);\nmod b {{\n{}}}", body(100))), 0);
    }
}
