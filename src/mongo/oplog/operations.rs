//! The operations of an entry: those inside `applyOps` in place of it, however deep.

use super::command::Command;
use super::entry::{Entry, Operation, OperationKind};
use crate::codec::{DocumentError, Element, ElementType, Elements};

/// `applyOps` lie in each other at most so deep.
const DEEPEST: usize = 100;

/// The operations of one entry in order, none of which is `applyOps`. After an error nothing more
/// comes.
pub struct Operations<'a> {
    first: Option<Operation<'a>>,
    open: Vec<Open<'a>>,
}

/// What is being gone through.
enum Open<'a> {
    /// The elements of `applyOps`.
    Operations(Elements<'a>),
    /// Documents that were inserted at once.
    Inserts { all: Operation<'a>, documents: Elements<'a> },
}

impl<'a> Entry<'a> {
    pub fn operations(&self) -> Operations<'a> {
        Operations { first: Some(self.operation.clone()), open: Vec::new() }
    }
}

impl<'a> Operation<'a> {
    /// The operations that it holds, or itself.
    pub(super) fn held(&self) -> Operations<'a> {
        Operations { first: Some(self.clone()), open: Vec::new() }
    }
}

impl<'a> Operations<'a> {
    fn try_next(&mut self) -> Result<Option<Operation<'a>>, DocumentError> {
        if let Some(first) = self.first.take()
            && let Some(operation) = self.look_into(first)?
        {
            return Ok(Some(operation));
        }
        while let Some(innermost) = self.open.last_mut() {
            let operation = match innermost {
                Open::Operations(elements) => match elements.next().transpose()? {
                    Some(element) => self.element(&element)?,
                    None => {
                        self.open.pop();
                        None
                    }
                },
                Open::Inserts { all, documents } => match documents.next().transpose()? {
                    Some(document) => Some(inserted(all, &document)?),
                    None => {
                        self.open.pop();
                        None
                    }
                },
            };
            if operation.is_some() {
                return Ok(operation);
            }
        }
        Ok(None)
    }

    fn element(&mut self, element: &Element<'a>) -> Result<Option<Operation<'a>>, DocumentError> {
        if element.kind != ElementType::Document {
            return Err(DocumentError::Outside { at: 0 });
        }
        let fields: Vec<Element<'a>> = Elements::new(element.value)?.collect::<Result<_, _>>()?;
        let operation = Operation::of(&fields)?;
        let is_array = |field: &Element<'_>| field.name == b"o" && field.kind == ElementType::Array;
        if matches!(operation.kind, OperationKind::Insert { .. }) && fields.iter().any(is_array) {
            let documents = Elements::new(operation.object)?;
            self.open.push(Open::Inserts { all: operation, documents });
            return Ok(None);
        }
        self.look_into(operation)
    }

    /// The operation, unless it holds others, which come next then.
    fn look_into(
        &mut self,
        operation: Operation<'a>,
    ) -> Result<Option<Operation<'a>>, DocumentError> {
        if operation.kind != OperationKind::Command(Command::ApplyOperations) {
            return Ok(Some(operation));
        }
        if self.open.len() >= DEEPEST {
            return Err(DocumentError::TooDeep { limit: DEEPEST });
        }
        let held = Elements::new(operation.object)?.find(b"applyOps")?;
        match held.as_ref().and_then(Element::elements) {
            Some(elements) => self.open.push(Open::Operations(elements?)),
            None => return Err(DocumentError::Outside { at: 0 }),
        }
        Ok(None)
    }
}

fn inserted<'a>(
    all: &Operation<'a>,
    document: &Element<'a>,
) -> Result<Operation<'a>, DocumentError> {
    let id = Elements::new(document.value)?.find(b"_id")?;
    let kind = OperationKind::Insert { id };
    Ok(Operation { kind, object: document.value, ..all.clone() })
}

impl<'a> Iterator for Operations<'a> {
    type Item = Result<Operation<'a>, DocumentError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.try_next();
        if next.is_err() {
            self.open.clear();
        }
        next.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::DocumentBuilder;
    use crate::model::ClusterTime;
    use crate::mongo::oplog::Role;

    fn insert(id: i32) -> DocumentBuilder {
        let object = DocumentBuilder::new().int32("_id", id).finish();
        DocumentBuilder::new().string("op", "i").string("ns", "bot.users").document("o", &object)
    }

    fn command(object: DocumentBuilder) -> DocumentBuilder {
        DocumentBuilder::new()
            .string("op", "c")
            .string("ns", "admin.$cmd")
            .document("o", &object.finish())
    }

    fn apply(operations: &[Vec<u8>]) -> DocumentBuilder {
        let operations = operations.iter().map(Vec::as_slice);
        DocumentBuilder::new().documents("applyOps", operations)
    }

    fn at(entry: DocumentBuilder) -> Vec<u8> {
        let previous = DocumentBuilder::new().timestamp("ts", 4, 1).finish();
        entry.timestamp("ts", 5, 2).document("prevOpTime", &previous).finish()
    }

    fn ids(raw: &[u8]) -> Vec<i64> {
        let entry = Entry::read(raw).unwrap();
        let id = |operation: Operation<'_>| match operation.kind {
            OperationKind::Insert { id } => id.and_then(|id| id.integer()).unwrap(),
            _ => -1,
        };
        entry.operations().map(|operation| id(operation.unwrap())).collect()
    }

    #[test]
    fn operations_come_in_order_from_whatever_holds_them() {
        assert_eq!(ids(&at(insert(7))), [7]);
        let inner = command(apply(&[insert(2).finish(), insert(3).finish()])).finish();
        let outer = command(apply(&[insert(1).finish(), inner, insert(4).finish()]));
        assert_eq!(ids(&at(outer)), [1, 2, 3, 4]);
        let documents: Vec<Vec<u8>> =
            (1..4).map(|id| DocumentBuilder::new().int32("_id", id).finish()).collect();
        let many = DocumentBuilder::new()
            .string("op", "i")
            .string("ns", "bot.users")
            .documents("o", documents.iter().map(Vec::as_slice))
            .finish();
        assert_eq!(ids(&at(command(apply(&[many, insert(9).finish()])))), [1, 2, 3, 9]);
    }

    #[test]
    fn depth_has_a_bound() {
        let mut operation = insert(1).finish();
        for _ in 0..1000 {
            operation = command(apply(&[operation])).finish();
        }
        let raw = at(command(apply(&[operation])));
        let entry = Entry::read(&raw).unwrap();
        assert!(entry.operations().any(|operation| operation.is_err()));
    }

    #[test]
    fn parts_of_transactions_are_known() {
        let role = |object: DocumentBuilder| Entry::read(&at(command(object))).unwrap().role;
        assert_eq!(role(apply(&[])), Role::End);
        assert_eq!(role(apply(&[]).boolean("partialTxn", true)), Role::Part { is_prepared: false });
        assert_eq!(role(apply(&[]).boolean("prepare", true)), Role::Part { is_prepared: true });
        let commit =
            DocumentBuilder::new().int32("commitTransaction", 1).timestamp("commitTimestamp", 5, 1);
        let time = ClusterTime { seconds: 5, increment: 1 };
        assert_eq!(role(commit), Role::Commit { at: Some(time) });
        assert_eq!(role(DocumentBuilder::new().int32("abortTransaction", 1)), Role::Abort);
        let separate = at(command(apply(&[])).int32("multiOpType", 1));
        assert_eq!(Entry::read(&separate).unwrap().role, Role::Alone);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_refused_or_come_to_an_end(bytes: Vec<u8>, body: Vec<u8>) {
            for raw in [bytes, at(command(apply(&[body])))] {
                if let Ok(entry) = Entry::read(&raw) {
                    let _ = entry.operations().count();
                }
            }
        }
    }
}
