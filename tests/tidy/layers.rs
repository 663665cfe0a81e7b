//! Who may import whom. `docs/architecture.md` shows the same table.

use super::source::{Finding, Source, closing, item_end, words};

/// The folders of `src`, each with its floor. A folder imports only lower floors.
const FLOORS: &[(&str, u8)] = &[
    ("model", 0),
    ("codec", 1),
    ("format", 1),
    ("policy", 1),
    ("storage", 2),
    ("repo", 3),
    ("files", 3),
    ("mongo", 3),
    ("ops", 4),
    ("settings", 5),
    ("service", 5),
    ("server", 6),
    ("cli", 7),
];

/// What is allowed beside that.
const NEIGHBOURS: &[(&str, &str)] = &[("format", "codec")];

fn floor(folder: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == folder).map(|(_, floor)| *floor)
}

/// Every file lies in a folder that has a floor.
pub fn place(source: &Source) -> Vec<Finding> {
    let message = match source.folder() {
        Some(folder) if floor(folder).is_some() => return Vec::new(),
        Some(folder) => format!(
            "src/{folder} has no floor: give it one in tests/tidy/layers.rs and docs/architecture.md"
        ),
        None if matches!(source.path.as_str(), "src/lib.rs" | "src/main.rs") => return Vec::new(),
        None => "only lib.rs and main.rs lie in src itself: move this into a folder".into(),
    };
    vec![source.finding(0, message)]
}

/// Imports go down. `lib.rs` and `main.rs` stand above all.
pub fn imports(source: &Source) -> Vec<Finding> {
    let Some(folder) = source.folder() else { return Vec::new() };
    let imports = imported(&source.code).into_iter().chain(climbing(source));
    imports
        .filter_map(|(offset, name)| Some(source.finding(offset, verdict(folder, name)?)))
        .collect()
}

/// What is wrong with an import, if anything.
fn verdict(from: &str, to: &str) -> Option<String> {
    if to == "*" {
        return Some("everything at once is banned here, name what you import".into());
    }
    let (low, high) = (floor(to)?, floor(from)?);
    if from == to || low < high || NEIGHBOURS.contains(&(from, to)) {
        return None;
    }
    let cure = match (low, high) {
        (3, 3) => "let ops introduce them to each other through Source and Target",
        _ if low == high => "neighbours are independent: what both need lives on a lower floor",
        _ => "turn it around: pass what is needed as an argument, or a trait of model",
    };
    Some(format!(
        "{to} (floor {low}) is banned in {from} (floor {high}), import only lower floors; {cure}"
    ))
}

/// The names after `crate::` and `snapstore::`, also in groups.
fn imported(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (offset, word) in words(code) {
        let after = offset + word.len();
        if matches!(word, "crate" | "snapstore") && code[after..].starts_with("::") {
            found.extend(names(code, after + "::".len()));
        }
    }
    found
}

/// The name at `start`, or those of the group that begins there.
fn names(code: &str, start: usize) -> Vec<(usize, &str)> {
    if !code[start..].starts_with('{') {
        return first_name(&code[start..]).map(|name| (start, name)).into_iter().collect();
    }
    let group = start + 1..closing(code, start) - 1;
    members(&code[group.clone()]).map(|(offset, name)| (group.start + offset, name)).collect()
}

/// The first names of the members of a group, `a` and `b` of `a::{x, y}, b`.
fn members(group: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut depth = 0_usize;
    let parts = group.split(move |c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    parts.filter_map(|part| {
        let name = first_name(part.trim_start())?;
        Some((name.as_ptr().addr() - group.as_ptr().addr(), name))
    })
}

fn first_name(path: &str) -> Option<&str> {
    if path.starts_with('*') {
        return Some(&path[..1]);
    }
    words(path).next().filter(|(offset, _)| *offset == 0).map(|(_, word)| word)
}

/// The names behind as many `super::` as lead out of the folder.
fn climbing(source: &Source) -> Vec<(usize, &str)> {
    let code = &source.code;
    let inner: Vec<_> = words(code)
        .filter(|(_, word)| *word == "mod")
        .map(|(offset, _)| offset..item_end(code, offset))
        .collect();
    let mut found = Vec::new();
    for offset in source.places("super::").filter(|offset| !code[..*offset].ends_with("super::")) {
        let path = code[offset..].trim_start_matches("super::");
        let start = code.len() - path.len();
        let steps = (start - offset) / "super::".len();
        let around = inner.iter().filter(|part| part.contains(&offset)).count();
        if steps >= source.module().split('/').count() + around {
            found.extend(names(code, start));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        imports(&Source::new(path, text)).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn imports_of_higher_floors_are_found() {
        for text in [
            "use crate::repo::Index;",
            "use crate::{codec, repo::Index};",
            "use crate::{\n};use crate::{model::{Entry, Kind},repo};",
            "fn a() -> crate::repo::Index {}",
            "use snapstore::repo;",
            "pub(crate) use crate::ops;",
            "use crate::*;",
        ] {
            assert_eq!(lines("src/files/walk.rs", text).len(), 1, "{text}");
        }
        assert_eq!(lines("src/codec/seal.rs", "\nuse crate::format;"), [2]);
        assert_eq!(lines("src/settings/toml.rs", "use crate::service;"), [1]);
    }

    #[test]
    fn imports_of_lower_floors_are_allowed() {
        for (path, text) in [
            ("src/files/walk.rs", "use crate::{model::Entry, files::cache, storage};"),
            ("src/format/pack.rs", "use crate::codec::seal;"),
            ("src/files/walk.rs", "// use crate::repo;"),
            ("src/main.rs", "use snapstore::cli;"),
            ("src/files/walk.rs", "pub(crate) fn a(b: pub_crate::repo) {}"),
        ] {
            assert_eq!(lines(path, text), [0_usize; 0], "{text}");
        }
    }

    #[test]
    fn ways_through_super_are_followed() {
        for text in [
            "use super::super::repo;",
            "fn a() { super::super::{ops::b, repo}::c }",
            "mod tests { use super::super::super::ops; }",
        ] {
            assert!(!lines("src/files/walk.rs", text).is_empty(), "{text}");
        }
        assert_eq!(lines("src/files/mod.rs", "use super::repo;"), [1]);
        for text in ["use super::repo;", "mod tests { use super::super::repo; }"] {
            assert_eq!(lines("src/files/walk.rs", text), [0_usize; 0], "{text}");
        }
        assert_eq!(lines("src/files/mod.rs", "mod tests { use super::*; }"), [0_usize; 0]);
        assert_eq!(lines("src/files/source/walk.rs", "use super::super::repo;"), [0_usize; 0]);
    }

    #[test]
    fn folders_without_a_floor_are_found() {
        for path in ["src/extra/mod.rs", "src/extra.rs"] {
            assert_eq!(place(&Source::new(path, "")).len(), 1, "{path}");
        }
        assert_eq!(place(&Source::new("src/storage/cloud/s3.rs", "")), []);
    }

    #[test]
    fn the_message_names_the_cure() {
        let finding = &imports(&Source::new("src/repo/a.rs", "use crate::files;"))[0];
        assert_eq!(
            finding.to_string(),
            "src/repo/a.rs:1: files (floor 3) is banned in repo (floor 3), import only lower \
             floors; let ops introduce them to each other through Source and Target"
        );
    }
}
