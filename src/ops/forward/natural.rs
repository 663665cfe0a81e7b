//! Collections in natural order: what was inserted comes last, what was changed stays where it is.

use super::applying::{Applying, Counts};
use super::catalog::{Followed, Uuid};
use super::error::ForwardError;
use super::growing::GrowingStream;
use super::steps::Steps;
use crate::model::Documents;
use crate::ops::documents::each_document;
use crate::ops::sorter::{Sorted, Sorter};
use crate::repo::key_of;

/// Documents that wait in memory to be sorted, in bytes; there are two sorters.
const SORTED_BYTES: usize = 32 << 20;

impl Applying<'_> {
    /// All is sorted by key, changed, and sorted by its place.
    pub fn natural(
        &self,
        uuid: &Uuid,
        followed: &Followed,
        steps: &mut Steps,
    ) -> Result<(Documents, Counts), ForwardError> {
        let mut by_place = Sorter::new(self.place, SORTED_BYTES);
        let (by_key, places) = self.by_key(followed, &mut by_place)?;
        let mut before = by_key.finish()?.peekable();
        loop {
            let touched = steps.next_of(uuid)?;
            while let Some(one) = before.next_if(|one| match (one, &touched) {
                (Ok(one), Some(key)) => one.key < *key,
                _ => true,
            }) {
                put(one?, &mut by_place)?;
            }
            let Some(key) = touched else { break };
            let same = before.next_if(|one| one.as_ref().is_ok_and(|one| one.key == key));
            let (place, document) = match same.transpose()? {
                Some(same) => placed(same),
                None => (None, None),
            };
            let changed = steps.apply((uuid, &key), followed, document)?;
            let made = changed.made.map(|number| places.saturating_add(number));
            if let (Some(document), Some(place)) = (changed.document, made.or(place)) {
                by_place.push(place.to_be_bytes().to_vec(), document)?;
            }
        }
        self.in_place(by_place)
    }

    /// What the snapshot has, by key, and how many there are. What has no key can be touched by no
    /// change, and goes to its place at once.
    fn by_key(
        &self,
        followed: &Followed,
        by_place: &mut Sorter,
    ) -> Result<(Sorter, u64), ForwardError> {
        let mut by_key = Sorter::new(self.place, SORTED_BYTES);
        let mut place = 0_u64;
        let Some(base) = &followed.base else { return Ok((by_key, place)) };
        each_document(self.reader, &base.collection, &mut |document| {
            let number = place.to_be_bytes();
            place += 1;
            match key_of(document) {
                Some(key) => by_key.push(key, [&number[..], document].concat()),
                None => by_place.push(number.to_vec(), document.to_vec()),
            }
            .map_err(ForwardError::from)
        })?;
        Ok((by_key, place))
    }

    fn in_place(&self, by_place: Sorter) -> Result<(Documents, Counts), ForwardError> {
        let mut stream = GrowingStream::new(self.sink)?;
        let mut counts = Counts::default();
        for sorted in by_place.finish()? {
            let document = sorted?.document;
            counts.change(None, Some(&document));
            stream.add(&document)?;
        }
        Ok((Documents::Stream(stream.finish()?), counts))
    }
}

/// The place of a document, and the document.
fn placed(sorted: Sorted) -> (Option<u64>, Option<Vec<u8>>) {
    match sorted.document.split_first_chunk() {
        Some((place, document)) => (Some(u64::from_be_bytes(*place)), Some(document.to_vec())),
        None => (None, None),
    }
}

fn put(sorted: Sorted, by_place: &mut Sorter) -> Result<(), ForwardError> {
    if let (Some(place), Some(document)) = placed(sorted) {
        by_place.push(place.to_be_bytes().to_vec(), document)?;
    }
    Ok(())
}
