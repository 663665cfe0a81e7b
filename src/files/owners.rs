//! The names of users and groups, asked once for each number.

use std::collections::HashMap;
use std::sync::Mutex;

/// Answers from the system's databases, kept for the run (a directory service may be slow).
#[derive(Default)]
pub(super) struct Owners {
    user_names: Mutex<HashMap<u32, String>>,
    group_names: Mutex<HashMap<u32, String>>,
    users: Mutex<HashMap<String, Option<u32>>>,
    groups: Mutex<HashMap<String, Option<u32>>>,
}

impl Owners {
    /// Empty if the system has no name for the number, or one that is not UTF-8.
    pub fn user_name(&self, id: u32) -> String {
        remembered(&self.user_names, id, |id| {
            uzers::get_user_by_uid(*id).and_then(|user| user.name().to_str().map(str::to_owned))
        })
    }

    /// As [`Owners::user_name`].
    pub fn group_name(&self, id: u32) -> String {
        remembered(&self.group_names, id, |id| {
            uzers::get_group_by_gid(*id).and_then(|group| group.name().to_str().map(str::to_owned))
        })
    }

    /// The number that this system has for a user's name.
    pub fn user(&self, name: &str) -> Option<u32> {
        remembered(&self.users, name.to_owned(), |name| {
            Some(uzers::get_user_by_name(name).map(|user| user.uid()))
        })
    }

    /// The number that this system has for a group's name.
    pub fn group(&self, name: &str) -> Option<u32> {
        remembered(&self.groups, name.to_owned(), |name| {
            Some(uzers::get_group_by_name(name).map(|group| group.gid()))
        })
    }
}

fn remembered<K: std::hash::Hash + Eq, V: Clone + Default>(
    known: &Mutex<HashMap<K, V>>,
    key: K,
    ask: impl Fn(&K) -> Option<V>,
) -> V {
    let mut known = known.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(answer) = known.get(&key) {
        return answer.clone();
    }
    let answer = ask(&key).unwrap_or_default();
    known.insert(key, answer.clone());
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_has_a_name_and_a_number() {
        let owners = Owners::default();
        assert_eq!(owners.user_name(0), "root");
        assert_eq!(owners.user("root"), Some(0));
        assert_eq!(owners.group_name(3_999_999_999), "");
        assert_eq!(owners.group("no such group anywhere"), None);
    }
}
