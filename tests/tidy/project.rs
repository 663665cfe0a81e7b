//! The project as a whole: names, test files, dependencies, and what no text may mention.

use super::source::{Finding, Source};

const VAGUE: &[&str] = &["util", "utils", "common", "helper", "helpers", "misc"];

/// A name says what is inside.
pub fn names(source: &Source) -> Vec<Finding> {
    let stems = source.path.split('/').map(|part| part.split('.').next().unwrap_or_default());
    let vague: Vec<&str> = stems.filter(|stem| VAGUE.contains(stem)).collect();
    let cure = "is a banned name, name the file or folder after what it is about";
    vague.iter().map(|stem| source.finding(0, format!("{stem} {cure}"))).collect()
}

/// Put together here, for else this file would be the first to mention them.
const MACHINE: &[(&str, &str)] = &[
    (concat!("/wo", "rk/"), "write the path relative to the project"),
    (concat!("/ro", "ot/"), "write the path relative to the project or to $HOME"),
    (concat!("index.", "crates.io"), "cargo knows its registry"),
    (concat!("static.", "crates.io"), "cargo knows its registry"),
    (concat!("pypi", ".org"), "pip knows its index"),
    (concat!("files.", "pythonhosted.org"), "pip knows its index"),
    (concat!("art", "ifactory"), "cargo and pip know their registries"),
    (concat!("--index", "-url"), "pip knows its index"),
    (concat!("--extra-", "index-url"), "pip knows its index"),
    (concat!("replace", "-with"), "a source replacement belongs to a machine, not to the project"),
];

/// A project works on every machine, so it mentions none.
pub fn machine(source: &Source) -> Vec<Finding> {
    let mentions = MACHINE.iter().flat_map(|(text, cure)| {
        let places = source.text.match_indices(text).filter(|(offset, _)| {
            // A path from the root, not the middle of another.
            let before = source.text[..*offset].chars().next_back();
            !text.starts_with('/')
                || !before.is_some_and(|c| c.is_alphanumeric() || "._-~}".contains(c))
        });
        places.map(move |(offset, _)| source.finding(offset, format!("{text} is banned, {cure}")))
    });
    mentions.collect()
}

/// There is one test binary: a file that `runner.rs` does not name is never compiled.
pub fn runner(files: &[Source]) -> Vec<Finding> {
    let runner = files.iter().find(|file| file.path == "tests/runner.rs");
    let named = runner.map_or("", |file| file.code.as_str());
    let is_forgotten = |file: &&Source| {
        let stem = file.path.strip_prefix("tests/").and_then(|name| name.strip_suffix(".rs"));
        stem.is_some_and(|stem| {
            !stem.contains('/') && stem != "runner" && !named.contains(&format!("mod {stem};"))
        })
    };
    let forgotten = files.iter().filter(is_forgotten);
    forgotten.map(|file| file.finding(0, "never run: name it in tests/runner.rs")).collect()
}

/// What is not used is not depended on. A comment `# tidy: …` before it excuses one that only
/// turns on a feature.
pub fn dependencies(files: &[Source]) -> Vec<Finding> {
    let Some(manifest) = files.iter().find(|file| file.path == "Cargo.toml") else {
        return Vec::new();
    };
    let is_used = |name: &str, development: bool| {
        let word = name.replace('-', "_");
        let places = |file: &&Source| development || file.path.starts_with("src/");
        files.iter().filter(places).any(|file| file.words().any(|(_, found)| found == word))
    };
    let mut findings = Vec::new();
    let (mut section, mut excused, mut offset) = ("", false, 0);
    for line in manifest.text.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some((name, _)) =
            line.split_once('=').filter(|_| section.ends_with("dependencies"))
        {
            let name = name.trim().split('.').next().unwrap_or_default();
            let used = is_used(name, section.ends_with("dev-dependencies"));
            if !used && !excused {
                let message = format!("{name} is not used, take it out");
                findings.push(manifest.finding(offset, message));
            }
        }
        excused = line.starts_with("# tidy: ");
        offset += line.len() + 1;
    }
    findings
}

const TOP_LEVEL: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "src",
    "benches",
    "tests",
    "fixtures",
    "docs",
    "README.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "CHANGELOG.md",
];

pub fn top_level(files: &[Source]) -> Vec<Finding> {
    let is_stranger = |file: &&Source| {
        let first = file.path.split('/').next().unwrap_or_default();
        !first.starts_with('.') && !TOP_LEVEL.contains(&first)
    };
    let strangers = files.iter().filter(is_stranger);
    let message = "nothing else lies at the top level: move it into src, tests, fixtures or docs";
    strangers.map(|file| file.finding(0, message)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source::new(path, text)
    }

    #[test]
    fn vague_names_are_found() {
        for path in ["src/util/a.rs", "src/ops/helpers.rs", "tests/common/mod.rs", "docs/misc.md"] {
            assert_eq!(names(&source(path, "")).len(), 1, "{path}");
        }
        assert_eq!(names(&source("src/ops/utility.rs", "")), []);
    }

    #[test]
    fn machines_are_found() {
        for (text, _) in MACHINE {
            let found = machine(&source("docs/a.md", &format!("a\nsee {text}b")));
            assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2], "{text}");
        }
        for text in [concat!("./wo", "rk/"), "the root/", "registry+https://github.com/rust-lang/"]
        {
            assert_eq!(machine(&source("docs/a.md", text)), [], "{text}");
        }
    }

    #[test]
    fn forgotten_test_files_are_found() {
        let runner_file = source("tests/runner.rs", "mod a;\n// mod b;\n");
        let files = [
            runner_file,
            source("tests/a.rs", ""),
            source("tests/b.rs", ""),
            source("tests/c/d.rs", ""),
        ];
        let found = runner(&files);
        assert_eq!(found.iter().map(|finding| &finding.path).collect::<Vec<_>>(), ["tests/b.rs"]);
    }

    #[test]
    fn unused_dependencies_are_found() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\na-b = \"1\"\nc = \"1\"\n# tidy: a feature\nd = \"1\"\n\
                        e.workspace = true\n[dev-dependencies]\nf = \"1\"\n[features]\ng = []\n";
        let files = [
            source("Cargo.toml", manifest),
            source("src/lib.rs", "use a_b::x; // c\n"),
            source("tests/a.rs", "use c; use f;"),
        ];
        let found = dependencies(&files);
        assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [5, 8]);
    }

    #[test]
    fn strangers_at_the_top_are_found() {
        let files = ["src/lib.rs", ".ci/run", "README.md", "notes.txt", "scripts/a.sh"];
        let found = top_level(&files.map(|path| source(path, "")));
        assert_eq!(found.len(), 2);
    }
}
