//! The sorted changes, taken one document after the other.

use super::catalog::{Followed, Uuid};
use super::error::{Fault, ForwardError};
use super::step::Step;
use crate::ops::sorter::{Sorted, Sorter, SorterError};
use std::iter::Peekable;

type Sorting = Box<dyn Iterator<Item = Result<Sorted, SorterError>>>;

pub struct Steps(Peekable<Sorting>);

/// A document after its changes.
pub struct Changed {
    pub document: Option<Vec<u8>>,
    /// The number of the change that made it, if one did.
    pub made: Option<u64>,
}

impl Steps {
    pub fn new(sorter: Sorter) -> Result<Self, SorterError> {
        let sorting: Sorting = Box::new(sorter.finish()?);
        Ok(Self(sorting.peekable()))
    }

    /// The next collection and key.
    pub fn next(&mut self) -> Result<Option<(Uuid, Vec<u8>)>, ForwardError> {
        match self.0.peek() {
            None => Ok(None),
            Some(Ok(sorted)) => {
                let parts = sorted.key.split_first_chunk::<16>();
                let (uuid, key) = parts.ok_or_else(broken)?;
                Ok(Some((*uuid, key.to_vec())))
            }
            Some(Err(_)) => match self.0.next() {
                Some(Err(error)) => Err(error.into()),
                _ => Err(broken()),
            },
        }
    }

    /// The next key, if it is of this collection.
    pub fn next_of(&mut self, uuid: &Uuid) -> Result<Option<Vec<u8>>, ForwardError> {
        let next = self.next()?.filter(|(next, _)| next == uuid);
        Ok(next.map(|(_, key)| key))
    }

    /// Applies all changes of a key.
    pub fn apply(
        &mut self,
        (uuid, key): (&Uuid, &[u8]),
        followed: &Followed,
        before: Option<Vec<u8>>,
    ) -> Result<Changed, ForwardError> {
        let mut changed = Changed { document: before, made: None };
        while let Some(step) = self.take(uuid, key)? {
            if step.number <= followed.since {
                continue;
            }
            let (at, number) = (step.at, step.number);
            let makes = step.makes() || changed.document.is_none();
            let applied = step.apply(changed.document.take());
            changed.document =
                applied.map_err(|fault| named(fault, followed, &step).at(at, None))?;
            match (&changed.document, makes) {
                (None, _) => changed.made = None,
                (Some(_), true) => changed.made = Some(number),
                (Some(_), false) => {}
            }
        }
        Ok(changed)
    }

    /// Passes over all changes of a collection.
    pub fn skip(&mut self, uuid: &Uuid) -> Result<(), ForwardError> {
        while let Some(key) = self.next_of(uuid)? {
            while self.take(uuid, &key)?.is_some() {}
        }
        Ok(())
    }

    fn take(&mut self, uuid: &Uuid, key: &[u8]) -> Result<Option<Step>, ForwardError> {
        let next = self.next()?;
        if next.is_none_or(|(next, at)| next != *uuid || at != key) {
            return Ok(None);
        }
        let sorted = self.0.next().transpose()?;
        let step = sorted.and_then(|sorted| Step::decode(&sorted.document));
        step.map(Some).ok_or_else(broken)
    }
}

/// Says of which document something is wrong.
fn named(fault: Fault, followed: &Followed, step: &Step) -> Fault {
    let name = super::commands::shown_name(&followed.name);
    let namespace = format!("{}.{name}", followed.database);
    match fault {
        Fault::Hole { what, why } if what.is_empty() => {
            let what = format!("the document {} of {namespace}", step.shown_id());
            Fault::Hole { what, why }
        }
        Fault::Unknown(what) => Fault::Unknown(format!("{what}, in {namespace}")),
        other => other,
    }
}

fn broken() -> ForwardError {
    let cause = std::io::Error::other("what was sorted does not read back");
    SorterError { place: std::path::PathBuf::new(), cause }.into()
}
