//! Which snapshots a command is about.

use crate::model::Snapshot;

/// Conditions that all must hold; what is empty lets everything pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Any of these hosts.
    pub hosts: Vec<String>,
    /// Every one of these is an address of a source, byte for byte, or that of the server of which
    /// a source is a database.
    pub paths: Vec<Vec<u8>>,
    /// All tags of any of these lists; an empty text stands for "has no tags".
    pub tags: Vec<Vec<String>>,
}

impl Filter {
    /// Whether `snapshot` passes, whatever kind it is of.
    pub fn matches(&self, snapshot: &Snapshot) -> bool {
        let has_path =
            |path: &Vec<u8>| snapshot.sources.iter().any(|has| is_within(&has.address, path));
        (self.hosts.is_empty() || self.hosts.contains(&snapshot.host.name))
            && self.paths.iter().all(has_path)
            && (self.tags.is_empty() || self.tags.iter().any(|all| has_tags(&snapshot.tags, all)))
    }
}

/// Whether a source is the one that is named: a server names all its databases.
fn is_within(address: &[u8], named: &[u8]) -> bool {
    let Some(rest) = address.strip_prefix(named) else { return false };
    let schemes: [&[u8]; 2] = [b"mongodb://", b"mongodb+srv://"];
    let hosts = schemes.iter().find_map(|scheme| named.strip_prefix(*scheme));
    let is_server = hosts.is_some_and(|hosts| !hosts.is_empty() && !hosts.contains(&b'/'));
    rest.is_empty() || is_server && rest.starts_with(b"/")
}

/// Whether `tags` has every one of `wanted`, where an empty text stands for "has no tags". An
/// empty list asks for nothing and finds nothing.
pub(super) fn has_tags(tags: &[String], wanted: &[String]) -> bool {
    let has = |tag: &String| if tag.is_empty() { tags.is_empty() } else { tags.contains(tag) };
    !wanted.is_empty() && wanted.iter().all(has)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| word.to_string()).collect()
    }

    #[test]
    fn a_server_names_its_databases() {
        for (address, named, expected) in [
            ("mongodb://h:1/bot", "mongodb://h:1", true),
            ("mongodb+srv://h/bot", "mongodb+srv://h", true),
            ("mongodb://h:1/bot", "mongodb://h:1/bot", true),
            ("mongodb://h:1/bots", "mongodb://h:1/bot", false),
            ("mongodb://h:11/bot", "mongodb://h:1", false),
            ("mongodb://h:1/bot", "mongodb:/", false),
            ("/srv/bot", "/srv", false),
            ("/srv", "/srv", true),
        ] {
            assert_eq!(is_within(address.as_bytes(), named.as_bytes()), expected, "{named}");
        }
    }

    #[test]
    fn tags_are_found_when_all_are_there() {
        let cases: [(&[&str], &[&str], bool); 7] = [
            (&["a", "b"], &["a"], true),
            (&["a", "b"], &["b", "a"], true),
            (&["a"], &["a", "b"], false),
            (&["a"], &[], false),
            (&[], &[""], true),
            (&["a"], &[""], false),
            (&["a"], &["a", ""], false),
        ];
        for (tags, wanted, expected) in cases {
            assert_eq!(has_tags(&texts(tags), &texts(wanted)), expected, "{wanted:?} in {tags:?}");
        }
    }
}
