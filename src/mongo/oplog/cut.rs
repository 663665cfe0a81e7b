//! Entries are cut to the databases that are protected.

use super::command::Command;
use super::entry::{Entry, Operation, OperationKind, Role};
use crate::codec::{DocumentBuilder, DocumentError, Element, ElementType, Elements};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Databases of the server's own, which are never protected.
const OWN: [&[u8]; 2] = [b"local", b"config"];

/// Whose changes are kept.
#[derive(Debug, Clone, Default)]
pub struct Protected {
    /// None stands for all but the server's own.
    databases: BTreeSet<Vec<u8>>,
}

impl Protected {
    pub fn new(databases: &[String]) -> Self {
        Self { databases: databases.iter().map(|name| name.as_bytes().to_vec()).collect() }
    }

    fn has(&self, namespace: &[u8]) -> bool {
        let database = namespace.split(|byte| *byte == b'.').next().unwrap_or_default();
        match self.databases.is_empty() {
            true => !OWN.contains(&database),
            false => self.databases.contains(database),
        }
    }

    /// What is kept of an entry: nothing of one that has no say here. Every entry of a transaction
    /// that has several stays, for the others name it. What is not understood stays as it is, for
    /// whoever applies it has to stop there.
    pub fn cut<'a>(&self, entry: &Entry<'a>) -> Option<Cow<'a, [u8]>> {
        let whole = Some(Cow::Borrowed(entry.raw));
        let is_kept = match &entry.operation.kind {
            OperationKind::Nothing => false,
            OperationKind::Command(Command::ApplyOperations) => {
                let is_part = entry.role != Role::Alone;
                return self.cut_operations(entry, is_part).unwrap_or(whole);
            }
            _ if entry.role != Role::Alone => true,
            _ => self.concerns(&entry.operation),
        };
        whole.filter(|_| is_kept)
    }

    fn concerns(&self, operation: &Operation<'_>) -> bool {
        let goes_to = match operation.kind {
            OperationKind::Command(Command::Rename { to, .. }) => Some(to),
            _ => None,
        };
        self.has(operation.namespace) || goes_to.is_some_and(|to| self.has(to))
    }

    /// `applyOps` with those operations that concern what is protected; nothing if there are none
    /// and nobody names the entry.
    fn cut_operations<'a>(
        &self,
        entry: &Entry<'a>,
        is_part: bool,
    ) -> Result<Option<Cow<'a, [u8]>>, DocumentError> {
        let object: Vec<Element<'a>> =
            Elements::new(entry.operation.object)?.collect::<Result<_, _>>()?;
        let (mut all, mut kept) = (0_usize, Vec::new());
        let held = object.iter().find(|field| field.name == b"applyOps");
        for element in held.and_then(Element::elements).transpose()?.into_iter().flatten() {
            let element = element?;
            all += 1;
            if self.concerns_element(&element)? {
                kept.push(element.value);
            }
        }
        if kept.len() == all {
            let is_kept = is_part || all > 0;
            return Ok(is_kept.then_some(Cow::Borrowed(entry.raw)));
        }
        if kept.is_empty() && !is_part {
            return Ok(None);
        }
        let object = object.iter().fold(DocumentBuilder::new(), |object, field| {
            match field.name == b"applyOps" {
                true => object.documents("applyOps", kept.iter().copied()),
                false => object.element(field),
            }
        });
        let object = object.finish();
        let mut cut = DocumentBuilder::new();
        for field in Elements::new(entry.raw)? {
            let field = field?;
            cut = match field.name == b"o" {
                true => cut.raw(ElementType::Document, "o", &object),
                false => cut.element(&field),
            };
        }
        Ok(Some(Cow::Owned(cut.finish())))
    }

    /// `applyOps` inside another one stays whole if anything in it concerns what is protected.
    fn concerns_element(&self, element: &Element<'_>) -> Result<bool, DocumentError> {
        if element.kind != ElementType::Document {
            return Err(DocumentError::Outside { at: 0 });
        }
        let fields: Vec<Element<'_>> = Elements::new(element.value)?.collect::<Result<_, _>>()?;
        let operation = Operation::of(&fields)?;
        if operation.kind == OperationKind::Command(Command::ApplyOperations) {
            for inner in operation.held() {
                if self.concerns(&inner?) {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        Ok(self.concerns(&operation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(namespace: &str, id: i32) -> DocumentBuilder {
        let object = DocumentBuilder::new().int32("_id", id).finish();
        DocumentBuilder::new().string("op", "i").string("ns", namespace).document("o", &object)
    }

    fn command(namespace: &str, object: DocumentBuilder) -> DocumentBuilder {
        DocumentBuilder::new()
            .string("op", "c")
            .string("ns", namespace)
            .document("o", &object.finish())
    }

    fn apply(operations: &[Vec<u8>]) -> DocumentBuilder {
        DocumentBuilder::new().documents("applyOps", operations.iter().map(Vec::as_slice))
    }

    /// What is kept of an entry where `bot` is protected.
    fn kept(entry: DocumentBuilder) -> Option<Vec<u8>> {
        let raw = entry.timestamp("ts", 5, 2).finish();
        let kept = Protected::new(&["bot".to_owned()]).cut(&Entry::read(&raw).unwrap());
        kept.map(Cow::into_owned)
    }

    fn whole(entry: DocumentBuilder) -> Option<Vec<u8>> {
        Some(entry.timestamp("ts", 5, 2).finish())
    }

    #[test]
    fn only_what_is_protected_is_kept() {
        assert_eq!(kept(insert("bot.users", 1)), whole(insert("bot.users", 1)));
        for other in ["bots.users", "bo.t", "other.bot", "local.x", "config.transactions"] {
            assert_eq!(kept(insert(other, 1)), None, "{other}");
        }
        let drop = || command("bot.$cmd", DocumentBuilder::new().string("drop", "users"));
        assert_eq!(kept(drop()), whole(drop()));
        let note = DocumentBuilder::new().string("op", "n").string("ns", "");
        assert_eq!(kept(note), None);
        let moved = || {
            let rename = DocumentBuilder::new().string("renameCollection", "other.a");
            command("other.$cmd", rename.string("to", "bot.a"))
        };
        assert_eq!(kept(moved()), whole(moved()));
    }

    #[test]
    fn all_are_all_but_the_servers_own() {
        let cut = |namespace: &str| {
            let raw = insert(namespace, 1).timestamp("ts", 5, 2).finish();
            Protected::default().cut(&Entry::read(&raw).unwrap()).is_some()
        };
        assert!(cut("bot.users") && cut("other.x"));
        assert!(!cut("local.x") && !cut("config.x"));
    }

    #[test]
    fn transactions_are_cut_to_what_is_protected() {
        let (ours, theirs) = (insert("bot.users", 1).finish(), insert("other.x", 2).finish());
        let mixed = apply(&[theirs.clone(), ours.clone(), theirs.clone()]);
        let cut = apply(std::slice::from_ref(&ours));
        assert_eq!(kept(command("admin.$cmd", mixed)), whole(command("admin.$cmd", cut)));
        assert_eq!(kept(command("admin.$cmd", apply(std::slice::from_ref(&theirs)))), None);
        // Others name a part, so it stays, with nothing in it.
        let part = |operations: &[Vec<u8>]| {
            command("admin.$cmd", apply(operations).boolean("partialTxn", true))
        };
        assert_eq!(kept(part(std::slice::from_ref(&theirs))), whole(part(&[])));
        let nested = |inner: &Vec<u8>| {
            let inner = command("admin.$cmd", apply(std::slice::from_ref(inner))).finish();
            command("admin.$cmd", apply(&[inner]))
        };
        assert_eq!(kept(nested(&ours)), whole(nested(&ours)));
        assert_eq!(kept(nested(&theirs)), None);
    }

    #[test]
    fn what_is_not_understood_stays() {
        let broken = || command("admin.$cmd", DocumentBuilder::new().int32("applyOps", 1));
        assert_eq!(kept(broken()), None, "it holds nothing");
        let array = DocumentBuilder::new().int32("0", 1).finish();
        let odd = || {
            let object = DocumentBuilder::new().raw(ElementType::Array, "applyOps", &array);
            command("admin.$cmd", object)
        };
        assert_eq!(kept(odd()), whole(odd()));
    }
}
