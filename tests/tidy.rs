//! The rules of the house, as tests. A finding names the place and the cure.
//!
//! They read source text, not syntax trees: a scanner that knows comments, strings and braces
//! (`tidy/mask.rs`) is enough, and a rule stays something that is understood at a glance.

mod bans;
mod layers;
mod mask;
mod project;
mod sizes;
mod source;

use source::{Finding, Source, mark_tests};
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All text files of the project, in order of path.
fn files() -> Vec<Source> {
    let mut found = Vec::new();
    let mut pending = vec![root().to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_symlink() || matches!(name.as_str(), ".git" | "target" | "__pycache__") {
                continue;
            } else if path.is_dir() {
                pending.push(path);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                let relative = path.strip_prefix(root()).unwrap().to_str().unwrap();
                found.push(Source::new(relative, &text));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    mark_tests(&mut found);
    found
}

#[track_caller]
fn assert_clean(findings: Vec<Finding>) {
    let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
}

/// Applies a rule to every Rust file below a directory.
#[track_caller]
fn enforce(below: &str, rule: fn(&Source) -> Vec<Finding>) {
    let files = files();
    let rust = files.iter().filter(|file| file.is_rust() && file.path.starts_with(below));
    assert_clean(rust.flat_map(rule).collect());
}

#[test]
fn folders_import_only_lower_floors() {
    enforce("src/", layers::imports);
}

#[test]
fn every_folder_has_a_floor() {
    enforce("src/", layers::place);
}

#[test]
fn only_the_command_line_prints() {
    enforce("src/", bans::printing);
}

#[test]
fn crates_stay_where_they_belong() {
    enforce("src/", bans::homes);
}

#[test]
fn nothing_panics() {
    enforce("src/", bans::panics);
}

#[test]
fn files_are_short() {
    assert_clean(files().iter().flat_map(sizes::file).collect());
}

#[test]
fn functions_are_short() {
    enforce("", sizes::functions);
}

#[test]
fn names_say_what_is_inside() {
    assert_clean(files().iter().flat_map(project::names).collect());
}

#[test]
fn no_text_mentions_the_machine_it_was_written_on() {
    assert_clean(files().iter().flat_map(project::machine).collect());
}

#[test]
fn every_test_file_is_run() {
    assert_clean(project::runner(&files()));
}

#[test]
fn every_dependency_is_used() {
    assert_clean(project::dependencies(&files()));
}

#[test]
fn the_top_level_is_what_was_agreed() {
    assert_clean(project::top_level(&files()));
}
