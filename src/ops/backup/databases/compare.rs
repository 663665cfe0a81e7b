//! A collection that is read whole and compared with what the last snapshot has: in ranges that
//! are as they were nothing is stored.

use super::from_log::Renewed;
use super::previous::Known;
use super::renewal::Renewal;
use super::{DatabaseSaver, SaveFailure, Saving};
use crate::codec::BlobClass;
use crate::format::DocumentLeaf;
use crate::model::{Collection, DocumentTree, ProblemKind};
use crate::mongo::Namespace;
use crate::mongo::oplog::Touched;
use crate::repo::{DocumentChange, DocumentRanges};
use std::collections::BTreeMap;

/// Of a range that has grown beyond this, the documents are not compared any more: it is written
/// again.
const LARGEST_RANGE: usize = 8 << 20;

/// What a scan meets, range by range.
pub struct Comparing<'a> {
    renewal: Renewal<'a>,
    ranges: &'a DocumentRanges,
    /// What the log says was touched since the last snapshot: nothing else may differ.
    touched: Option<&'a Touched>,
    /// The range that is open.
    now: usize,
    /// Its documents so far, ascending.
    documents: Vec<(Vec<u8>, Vec<u8>)>,
    bytes: usize,
    /// It is written again, and its documents go on at once.
    is_rewritten: bool,
    unexplained: u64,
}

impl<'a> Comparing<'a> {
    pub fn new(
        saver: &DatabaseSaver<'a>,
        (known, tree): (&'a Known, &'a DocumentTree),
        ranges: &'a DocumentRanges,
        touched: Option<&'a Touched>,
    ) -> Self {
        let Collection { count, size, .. } = known.collection;
        Self {
            renewal: Renewal::new(saver.session, tree, ranges, size / count.max(1)),
            ranges,
            touched,
            now: 0,
            documents: Vec::new(),
            bytes: 0,
            is_rewritten: false,
            unexplained: 0,
        }
    }

    /// The next document.
    pub fn document(
        &mut self,
        key: Vec<u8>,
        document: &[u8],
        saver: &mut DatabaseSaver<'_>,
    ) -> Result<(), SaveFailure> {
        while self.now < self.ranges.of(&key) {
            self.end(saver)?;
            self.now += 1;
        }
        if self.is_rewritten {
            return self.renewal.document(key, document, saver);
        }
        if self.documents.last().is_some_and(|(last, _)| *last >= key) {
            return Err(SaveFailure::NoOrder);
        }
        self.bytes += document.len();
        self.documents.push((key, document.to_vec()));
        match self.bytes > LARGEST_RANGE && self.documents.len() > 1 {
            true => self.rewrite(saver),
            false => Ok(()),
        }
    }

    fn rewrite(&mut self, saver: &mut DatabaseSaver<'_>) -> Result<(), SaveFailure> {
        self.is_rewritten = true;
        self.renewal.rewrite(self.now);
        for (key, document) in std::mem::take(&mut self.documents) {
            self.renewal.document(key, &document, saver)?;
        }
        Ok(())
    }

    /// Closes the range.
    fn end(&mut self, saver: &mut DatabaseSaver<'_>) -> Result<(), SaveFailure> {
        self.bytes = 0;
        if std::mem::take(&mut self.is_rewritten) {
            return Ok(());
        }
        if self.is_same(saver) && !self.renewal.is_rewritten(self.now, 0) {
            self.documents.clear();
            return self.renewal.keep(self.now, saver);
        }
        let changes = self.changes(saver)?;
        self.prove(&changes);
        if self.renewal.is_rewritten(self.now, changes.len() as u64) {
            self.rewrite(saver)?;
            self.is_rewritten = false;
            return Ok(());
        }
        self.documents.clear();
        self.renewal.keep(self.now, saver)?;
        for (key, document) in changes {
            self.renewal.change(key, document.as_deref(), saver)?;
        }
        Ok(())
    }

    /// Whether the piece of the base is just these documents, told by its id, and nothing is laid
    /// over it.
    fn is_same(&self, saver: &DatabaseSaver<'_>) -> bool {
        let Some(piece) = self.ranges.base(self.now) else { return self.documents.is_empty() };
        if piece.is_large()
            || self.documents.len() as u64 != piece.child.entries
            || self.ranges.part(self.now).has_overlays()
        {
            return false;
        }
        let documents = self.documents.iter().flat_map(|(_, document)| document);
        let leaf = DocumentLeaf { documents: documents.copied().collect(), deleted: Vec::new() };
        let id = saver.session.repository().identify(BlobClass::Data, &leaf.encode());
        id == piece.child.id
    }

    /// What differs from the last snapshot in this range.
    fn changes(&self, saver: &DatabaseSaver<'_>) -> Result<Vec<DocumentChange>, SaveFailure> {
        let old = saver.known.document_changes(&self.ranges.part(self.now))?;
        let old = old.into_iter().filter_map(|(key, document)| Some((key, document?)));
        let mut gone: BTreeMap<Vec<u8>, Vec<u8>> = old.collect();
        let mut changes = Vec::new();
        for (key, document) in &self.documents {
            if gone.remove(key).as_ref() != Some(document) {
                changes.push((key.clone(), Some(document.clone())));
            }
        }
        changes.extend(gone.into_keys().map(|key| (key, None)));
        changes.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(changes)
    }

    fn prove(&mut self, changes: &[DocumentChange]) {
        if let Some(touched) = self.touched {
            let is_told = |(key, _): &&DocumentChange| touched.ids.contains_key(key);
            self.unexplained += (changes.len() - changes.iter().filter(is_told).count()) as u64;
        }
    }

    /// The trees as they are now, and how many documents differ though the log does not say so.
    pub fn finish(
        mut self,
        saver: &mut DatabaseSaver<'_>,
    ) -> Result<(DocumentTree, u64), SaveFailure> {
        self.end(saver)?;
        while self.now + 1 < self.ranges.count() {
            self.now += 1;
            self.end(saver)?;
        }
        Ok((self.renewal.finish(saver)?, self.unexplained))
    }
}

impl DatabaseSaver<'_> {
    /// Tells of documents that are other than in the last snapshot, though the log does not say
    /// that they were touched.
    pub(super) fn tell_unexplained(
        &self,
        saving: &Saving<'_>,
        namespace: &Namespace,
        renewed: &Renewed,
        unexplained: u64,
    ) {
        if unexplained > 0 {
            let why = format!(
                "{unexplained} of its {} documents are other than the last snapshots have them, \
                 though the server's log does not say that they changed: those snapshots are \
                 wrong in that. This one was read whole",
                renewed.count
            );
            self.tell(ProblemKind::Damage, saving.shown(namespace), &why);
        }
    }
}
