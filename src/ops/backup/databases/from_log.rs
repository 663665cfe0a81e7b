//! A collection made new from what the server's log says was touched: those documents are looked
//! up at the moment of the snapshot, and nothing else is read.

use super::previous::Known;
use super::renewal::Renewal;
use super::{DatabaseSaver, SaveFailure, Saving};
use crate::model::{ClusterTime, Collection, DocumentTree};
use crate::mongo::oplog::{Touched, TouchedId};
use crate::mongo::{Asked, LookUp, Namespace};
use crate::repo::{DocumentChange, DocumentRanges};
use std::collections::HashMap;
use std::vec::IntoIter;

/// Where more than one in so many documents was touched, all are read: that takes less time than
/// to look them up.
const LOOKED_UP_TO: u64 = 4;
/// So many are looked up in any case.
const FEW: u64 = 1000;

/// A collection's trees, with what is in them.
pub struct Renewed {
    pub tree: DocumentTree,
    pub count: u64,
    pub size: u64,
}

/// Whether looking up is less work than reading all.
pub fn is_little(touched: &Touched, collection: &Collection) -> bool {
    let touched = touched.ids.len() as u64;
    touched <= FEW || touched.saturating_mul(LOOKED_UP_TO) <= collection.count
}

impl DatabaseSaver<'_> {
    pub(super) fn looked_up(
        &mut self,
        saving: &Saving<'_>,
        namespace: &Namespace,
        at: ClusterTime,
        (known, tree): (&Known, &DocumentTree),
        touched: &Touched,
    ) -> Result<Renewed, SaveFailure> {
        let Collection { count, size, .. } = known.collection;
        if touched.ids.is_empty() {
            return Ok(Renewed { tree: tree.clone(), count, size });
        }
        let ranges = self.known.document_ranges(tree)?;
        let average = size / count.max(1);
        let place = LookUp {
            database: saving.database.to_string(),
            name: namespace.data_name(),
            at,
            average,
        };
        let mut renewing = Renewing {
            renewal: Renewal::new(self.session, tree, &ranges, average),
            ranges: &ranges,
            changes: changes(&ranges, touched),
            touched,
            now: 0,
            rest: None,
            average,
            counted: Counted { documents: count, bytes: size },
        };
        renewing.begin(self)?;
        let asked: Vec<Asked<'_>> =
            touched.ids.iter().map(|(key, one)| (key.as_slice(), one.id.as_slice())).collect();
        saving
            .source
            .connection
            .look_up(&place, &asked, |key, document| renewing.changed(key, document, self))?;
        renewing.finish(self)
    }
}

/// How many touched keys each range has.
fn changes(ranges: &DocumentRanges, touched: &Touched) -> HashMap<usize, u64> {
    let mut changes = HashMap::new();
    for key in touched.ids.keys() {
        *changes.entry(ranges.of(key)).or_default() += 1;
    }
    changes
}

struct Counted {
    documents: u64,
    bytes: u64,
}

/// On the way through ranges and touched documents, both in order.
struct Renewing<'a> {
    renewal: Renewal<'a>,
    ranges: &'a DocumentRanges,
    changes: HashMap<usize, u64>,
    touched: &'a Touched,
    /// The range that is open.
    now: usize,
    /// If it is written again: what it had and was not gone past yet.
    rest: Option<std::iter::Peekable<IntoIter<DocumentChange>>>,
    average: u64,
    counted: Counted,
}

impl Renewing<'_> {
    /// Opens the range `now`.
    fn begin(&mut self, saver: &mut DatabaseSaver<'_>) -> Result<(), SaveFailure> {
        let changes = self.changes.get(&self.now).copied().unwrap_or(0);
        if !self.renewal.is_rewritten(self.now, changes) {
            return self.renewal.keep(self.now, saver);
        }
        self.renewal.rewrite(self.now);
        let old = saver.known.document_changes(&self.ranges.part(self.now))?;
        self.rest = Some(old.into_iter().peekable());
        Ok(())
    }

    /// Closes it: what is left of it stays.
    fn end(&mut self, saver: &mut DatabaseSaver<'_>) -> Result<(), SaveFailure> {
        for (key, document) in self.rest.take().into_iter().flatten() {
            if let Some(document) = document {
                self.renewal.document(key, &document, saver)?;
            }
        }
        saver.go_on(0)?;
        Ok(())
    }

    fn changed(
        &mut self,
        key: &[u8],
        document: Option<&[u8]>,
        saver: &mut DatabaseSaver<'_>,
    ) -> Result<(), SaveFailure> {
        self.count(key, document, saver)?;
        while self.now < self.ranges.of(key) {
            self.end(saver)?;
            self.now += 1;
            self.begin(saver)?;
        }
        let Some(rest) = &mut self.rest else {
            return self.renewal.change(key.to_vec(), document, saver);
        };
        while let Some((old, before)) = rest.next_if(|(old, _)| old.as_slice() <= key) {
            if let Some(before) = before.filter(|_| old != key) {
                self.renewal.document(old, &before, saver)?;
            }
        }
        match document {
            Some(document) => self.renewal.document(key.to_vec(), document, saver),
            None => Ok(()),
        }
    }

    /// Exact of documents; of bytes what was there counts as average.
    fn count(
        &mut self,
        key: &[u8],
        document: Option<&[u8]>,
        saver: &DatabaseSaver<'_>,
    ) -> Result<(), SaveFailure> {
        let was_there = match self.touched.ids.get(key) {
            Some(TouchedId { was_there: Some(was_there), .. }) => *was_there,
            _ => self.ranges.has(key, &saver.known)?,
        };
        if was_there {
            self.counted.documents = self.counted.documents.saturating_sub(1);
            self.counted.bytes = self.counted.bytes.saturating_sub(self.average);
        }
        if let Some(document) = document {
            self.counted.documents += 1;
            self.counted.bytes += document.len() as u64;
            saver.go_on(document.len() as u64)?;
        }
        Ok(())
    }

    fn finish(mut self, saver: &mut DatabaseSaver<'_>) -> Result<Renewed, SaveFailure> {
        self.end(saver)?;
        while self.now + 1 < self.ranges.count() {
            self.now += 1;
            self.begin(saver)?;
            self.end(saver)?;
        }
        let tree = self.renewal.finish(saver)?;
        let Counted { documents, bytes } = self.counted;
        Ok(Renewed { tree, count: documents, size: bytes })
    }
}
