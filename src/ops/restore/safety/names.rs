//! The names of one directory, from all that know some, in order.

use crate::model::{Entry, EntryName};
use crate::repo::{RepoError, TreeEntries};
use std::iter::Peekable;
use std::vec::IntoIter;

/// What is known of one name.
pub struct Found {
    pub name: EntryName,
    /// What is to be there.
    pub wanted: Option<Entry>,
    /// What is not to be there.
    pub unwanted: Option<Entry>,
    /// What was there before an earlier run, of what that was about to change.
    pub earlier: Option<Entry>,
    /// It is there, and all that is there is to be kept.
    pub is_listed: bool,
}

/// Several sorted lists, merged.
pub struct Names<'a> {
    wanted: Option<Peekable<TreeEntries<'a>>>,
    unwanted: Option<Peekable<TreeEntries<'a>>>,
    earlier: Option<Peekable<TreeEntries<'a>>>,
    listed: Peekable<IntoIter<EntryName>>,
}

impl<'a> Names<'a> {
    pub fn new(
        wanted: Option<TreeEntries<'a>>,
        unwanted: Option<TreeEntries<'a>>,
        earlier: Option<TreeEntries<'a>>,
        listed: Vec<EntryName>,
    ) -> Self {
        let peekable = |entries: Option<TreeEntries<'a>>| entries.map(Iterator::peekable);
        Self {
            wanted: peekable(wanted),
            unwanted: peekable(unwanted),
            earlier: peekable(earlier),
            listed: listed.into_iter().peekable(),
        }
    }

    /// The next name; a tree that cannot be read is an error.
    pub fn next(&mut self) -> Result<Option<Found>, RepoError> {
        let mut first = self.listed.peek().cloned();
        for entries in [&mut self.wanted, &mut self.unwanted, &mut self.earlier] {
            let Some(name) = peek(entries)? else { continue };
            if first.as_ref().is_none_or(|first| name < *first) {
                first = Some(name);
            }
        }
        let Some(name) = first else { return Ok(None) };
        Ok(Some(Found {
            wanted: take(&mut self.wanted, &name)?,
            unwanted: take(&mut self.unwanted, &name)?,
            earlier: take(&mut self.earlier, &name)?,
            is_listed: self.listed.next_if(|listed| *listed == name).is_some(),
            name,
        }))
    }
}

fn peek(entries: &mut Option<Peekable<TreeEntries<'_>>>) -> Result<Option<EntryName>, RepoError> {
    let Some(entries) = entries else { return Ok(None) };
    if let Some(Err(_)) = entries.peek() {
        entries.next().transpose()?;
    }
    Ok(entries.peek().and_then(|entry| entry.as_ref().ok()).map(|entry| entry.name.clone()))
}

fn take(
    entries: &mut Option<Peekable<TreeEntries<'_>>>,
    name: &EntryName,
) -> Result<Option<Entry>, RepoError> {
    let Some(entries) = entries else { return Ok(None) };
    let is_it =
        |entry: &Result<Entry, RepoError>| entry.as_ref().is_ok_and(|entry| entry.name == *name);
    entries.next_if(is_it).transpose()
}
