//! The kept inputs: `fixtures/fuzz/<target>/<name>`.

use crate::fuzz_bodies::TARGETS;
use std::path::{Path, PathBuf};

pub fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fuzz").join(target)
}

/// Names and bytes, in the order of names.
pub fn of(target: &str) -> Vec<(String, Vec<u8>)> {
    let listed = std::fs::read_dir(folder(target)).expect("every target has a corpus");
    let mut found: Vec<_> = listed
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{target} has no corpus");
    found
}

#[test]
fn each_corpus_is_small_and_of_a_target() {
    let all = std::fs::read_dir(folder("")).unwrap();
    let names: Vec<String> =
        all.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    for name in &names {
        assert!(TARGETS.iter().any(|target| target.name == name), "{name} is no target");
    }
    let size: usize = names.iter().flat_map(|name| of(name)).map(|(_, bytes)| bytes.len()).sum();
    assert!(size < 1 << 20, "the corpora have {size} bytes: take out what says the same");
}

#[test]
fn each_target_has_a_program_for_cargo_fuzz() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let manifest = std::fs::read_to_string(package.join("Cargo.toml")).unwrap();
    for target in &TARGETS {
        let name = target.name;
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in the manifest");
        let program = package.join("programs").join(format!("{name}.rs"));
        let program = std::fs::read_to_string(program).unwrap();
        assert!(program.contains(&format!("fuzz_bodies::{name}::body(bytes)")), "{name}");
    }
}
