//! What must not be written, or not there.

use super::source::{Finding, Source, closing};

/// A crate and the folders that may use it.
struct Home {
    name: &'static str,
    folders: &'static [&'static str],
    cure: &'static str,
}

const JSON: &[&str] = &["format", "settings", "service", "server", "cli"];
const ON_DISK: &str = "what is stored has its form in src/format, convert there";

const HOMES: &[Home] = &[
    Home { name: "clap", folders: &["cli"], cure: "take plain values, src/cli parses arguments" },
    Home { name: "indicatif", folders: &["cli"], cure: "report to the Monitor" },
    Home { name: "rmp_serde", folders: &["format"], cure: ON_DISK },
    Home { name: "serde_bytes", folders: &["format"], cure: ON_DISK },
    Home { name: "serde", folders: JSON, cure: ON_DISK },
    Home { name: "serde_json", folders: JSON, cure: ON_DISK },
    Home {
        name: "mongodb",
        folders: &["mongo"],
        cure: "go through the Source and Target of src/mongo",
    },
];

/// Crates with a home are used nowhere else.
pub fn homes(source: &Source) -> Vec<Finding> {
    let folder = source.folder().unwrap_or_default();
    let stranger = |(offset, word): (usize, &str)| {
        let home = HOMES.iter().find(|home| home.name == word)?;
        let is_path = source.code[offset + word.len()..].starts_with("::");
        let is_import = source.code[..offset].trim_end().ends_with("use");
        if home.folders.contains(&folder) || !(is_path || is_import) {
            return None;
        }
        let places = home.folders.join(", src/");
        let message = format!("{word} is banned here, it belongs to src/{places}; {}", home.cure);
        Some(source.finding(offset, message))
    };
    source.words().filter_map(stranger).collect()
}

const PRINTING: &[&str] = &["print", "println", "eprint", "eprintln"];

/// Only the command line prints, and nobody leaves `dbg!` behind.
pub fn printing(source: &Source) -> Vec<Finding> {
    let may_print = source.folder() == Some("cli") || source.path == "src/main.rs";
    let banned = |(offset, word): (usize, &str)| {
        let after = &source.code[offset + word.len()..];
        let before = &source.code[..offset];
        let stream = matches!(word, "stdout" | "stderr")
            && (before.ends_with("io::") || (after.starts_with("()") && !before.ends_with('.')));
        let prints = stream || (PRINTING.contains(&word) && after.starts_with('!'));
        let message = match word {
            "dbg" if after.starts_with('!') => "dbg! is banned, take it out",
            _ if prints && !may_print => {
                "printing is banned below src/cli, report to the Monitor or return what there is to say"
            }
            _ => return None,
        };
        Some(source.finding(offset, message))
    };
    source.words().filter_map(banned).collect()
}

const PANICS: &[&str] = &["panic", "todo", "unimplemented", "unreachable"];

/// Nothing panics outside tests, unless a comment `// tidy: …` on the line or the one before says
/// why it cannot happen.
pub fn panics(source: &Source) -> Vec<Finding> {
    let tests = source.test_parts();
    let banned = |(offset, word): (usize, &str)| {
        let is_test = source.test_only || tests.iter().any(|part| part.contains(&offset));
        if is_test || !panicking(source, offset, word) || excused(source, offset) {
            return None;
        }
        let message = format!(
            "{word} is banned here, return a typed error (or say in a comment `// tidy: …` why it cannot happen)"
        );
        Some(source.finding(offset, message))
    };
    source.words().filter_map(banned).collect()
}

fn panicking(source: &Source, offset: usize, word: &str) -> bool {
    let after = &source.code[offset + word.len()..];
    let is_method = source.code[..offset].trim_end().ends_with('.');
    match word {
        "unwrap" => is_method && after.starts_with("()"),
        // Of an option or a result it has one argument; a monitor's has two.
        "expect" => is_method && after.starts_with('(') && !has_comma(after),
        _ => PANICS.contains(&word) && after.starts_with('!'),
    }
}

/// Whether the parentheses at the beginning hold more than one argument.
fn has_comma(code: &str) -> bool {
    let inside = &code[1..closing(code, 0) - 1];
    let mut offset = 0;
    while let Some(byte) = inside.as_bytes().get(offset) {
        match byte {
            b',' => return !inside[offset + 1..].trim().is_empty(),
            b'(' | b'[' | b'{' => offset = closing(inside, offset),
            _ => offset += 1,
        }
    }
    false
}

fn excused(source: &Source, offset: usize) -> bool {
    let line = source.line(offset);
    let mut around =
        source.text.lines().skip(line.saturating_sub(2)).take(if line > 1 { 2 } else { 1 });
    around.any(|text| text.split_once("// tidy: ").is_some_and(|(_, why)| why.len() > 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(rule: fn(&Source) -> Vec<Finding>, path: &str, text: &str) -> usize {
        rule(&Source::new(path, text)).len()
    }

    #[test]
    fn crates_away_from_home_are_found() {
        for (path, text) in [
            ("src/ops/backup.rs", "use clap::Parser;"),
            ("src/ops/backup.rs", "#[derive(clap::Args)] struct A;"),
            ("src/main.rs", "use clap::Parser;"),
            ("src/model/id.rs", "use serde::Serialize;"),
            ("src/model/id.rs", "use serde;"),
            ("src/server/api.rs", "rmp_serde::to_vec(&a)"),
            ("src/repo/index.rs", "serde_json::from_slice(a)"),
        ] {
            assert_eq!(count(homes, path, text), 1, "{text}");
        }
        for (path, text) in [
            ("src/cli/mod.rs", "use clap::Parser;"),
            ("src/format/pack.rs", "use serde::Serialize; rmp_serde::to_vec(a)"),
            ("src/server/api.rs", "use serde::Serialize;"),
            ("src/ops/backup.rs", "// clap::Parser\nlet serde = \"serde::\";"),
        ] {
            assert_eq!(count(homes, path, text), 0, "{text}");
        }
    }

    #[test]
    fn printing_is_found() {
        for text in [
            "println!()",
            "eprint!(\"{a}\")",
            "std::io::stdout().lock()",
            "io::stderr()",
            "let out = stdout();",
            "use std::io::stdout;",
            "dbg!(a)",
        ] {
            assert_eq!(count(printing, "src/ops/backup.rs", text), 1, "{text}");
        }
        assert_eq!(count(printing, "src/cli/backup.rs", "dbg!(a)"), 1);
        assert_eq!(count(printing, "src/cli/backup.rs", "println!()"), 0);
        for text in ["// println!()", "command.stdout(piped)", "child.stdout.take()", "print(a)"] {
            assert_eq!(count(printing, "src/ops/backup.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn panics_are_found() {
        for text in [
            "a.unwrap()",
            "a\n    .expect(\"b, c\")",
            "a.expect(&format!(\"{b}\", b))",
            "panic!(\"a\")",
            "todo!()",
            "unreachable!()",
            "// tidy: \na.unwrap()",
            "// tidy: a good reason\n\na.unwrap()",
            "#[cfg(test)]\nmod tests {}\nfn a() { b.unwrap() }",
        ] {
            assert_eq!(count(panics, "src/ops/backup.rs", text), 1, "{text}");
        }
        for text in [
            "a.unwrap_or(b)",
            "monitor.expect(Counter::BytesProcessed, sum(a, b))",
            "fn expect(&self) {}",
            "#[cfg(test)]\nmod tests { fn a() { b.unwrap() } }",
            "a.unwrap() // tidy: the line before has checked it",
            "// tidy: sixteen bytes were asked for\na.unwrap()",
            "\"a.unwrap()\"",
        ] {
            assert_eq!(count(panics, "src/ops/backup.rs", text), 0, "{text}");
        }
    }
}
