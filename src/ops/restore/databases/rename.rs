//! Other names for collections: `--ns-from 'shop.*' --ns-to 'test.*'`.

/// A pattern and what becomes of names that fit it: each `*` stands for any text, and the texts
/// are put in, in order, for the `*` of the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    from: String,
    to: String,
}

/// Why a pair is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRename {
    #[error("{from} has another number of * than {to}")]
    Stars { from: String, to: String },
    #[error("{0} is no database.collection")]
    NoDatabase(String),
}

impl Rename {
    pub fn new(from: &str, to: &str) -> Result<Self, InvalidRename> {
        let stars = |pattern: &str| pattern.matches('*').count();
        if stars(from) != stars(to) {
            return Err(InvalidRename::Stars { from: from.to_string(), to: to.to_string() });
        }
        for pattern in [from, to] {
            if !pattern.split_once('.').is_some_and(|(db, name)| !db.is_empty() && !name.is_empty())
            {
                return Err(InvalidRename::NoDatabase(pattern.to_string()));
            }
        }
        Ok(Self { from: from.to_string(), to: to.to_string() })
    }

    /// The new name; `None` if the pattern does not fit.
    pub fn apply(&self, name: &str) -> Option<String> {
        let matched = stars_of(&self.from, name)?;
        let mut matched = matched.into_iter();
        let mut parts = self.to.split('*');
        let mut renamed = parts.next()?.to_string();
        for part in parts {
            renamed.push_str(matched.next()?);
            renamed.push_str(part);
        }
        Some(renamed)
    }
}

/// What the `*` of a pattern stand for, each as short as it can be but for the last.
fn stars_of<'a>(pattern: &str, name: &'a str) -> Option<Vec<&'a str>> {
    let mut parts: Vec<&str> = pattern.split('*').collect();
    let last = parts.pop()?;
    if parts.is_empty() {
        return (name == last).then(Vec::new);
    }
    let mut rest = name.strip_prefix(parts.remove(0))?;
    let mut matched = Vec::new();
    for part in parts {
        let (star, behind) = rest.split_once(part)?;
        matched.push(star);
        rest = behind;
    }
    matched.push(rest.strip_suffix(last)?);
    Some(matched)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_carry_over() {
        let renamed = |from: &str, to: &str, name: &str| Rename::new(from, to).unwrap().apply(name);
        assert_eq!(renamed("a.*", "b.*", "a.x.y").as_deref(), Some("b.x.y"));
        assert_eq!(renamed("a.users", "a.old", "a.users").as_deref(), Some("a.old"));
        assert_eq!(
            renamed("*.*_2024", "old.*-*", "shop.log_2024").as_deref(),
            Some("old.shop-log")
        );
        assert_eq!(renamed("a.*", "b.*", "ab.x"), None);
        assert_eq!(renamed("a.users", "a.old", "a.users2"), None);
    }

    #[test]
    fn pairs_that_cannot_be_are_refused() {
        assert!(Rename::new("a.*", "b.c").is_err());
        assert!(Rename::new("a", "b").is_err());
        assert!(Rename::new("a.b", ".c").is_err());
    }
}
