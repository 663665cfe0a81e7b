//! Differences (`$v: 2`): `{diff: {d: {gone}, u: {changed in place}, i: {put at the end}, b: {cut
//! off and gone on with}, s<name>: {a difference inside}}}`; those of arrays are in `array`.

use super::array::ArrayChanges;
use super::{DEEPEST, Output, UpdateError, Updated, unknown};
use crate::codec::{Element, ElementType, Elements};
use std::collections::{HashMap, HashSet};

/// Applies `{$v: 2, diff: …}`.
pub fn apply(document: &[u8], update: &[u8]) -> Result<Updated, UpdateError> {
    let difference = Elements::new(update)?.find(b"diff")?;
    let difference = difference.filter(|difference| difference.kind == ElementType::Document);
    let difference = difference.ok_or_else(|| unknown(b"$v: 2 without diff"))?;
    if is_of_array(difference.value)? {
        return Err(unknown(b"a difference of an array, for a document"));
    }
    let mut output = Output::default();
    output.begin();
    let mut open = vec![Changes::Document(DocumentChanges::new(document, difference.value)?)];
    let mut fits = true;
    while let Some(innermost) = open.last_mut() {
        let step = match innermost {
            Changes::Document(changes) => changes.go_on(&mut output)?,
            Changes::Array(changes) => changes.go_on(&mut output)?,
        };
        match step {
            Step::Misfit => fits = false,
            Step::End => {
                output.end();
                open.pop();
            }
            Step::Inner { kind, name, value, difference } => {
                if open.len() >= DEEPEST {
                    return Err(UpdateError::TooDeep);
                }
                output.begin_inner(kind, &name)?;
                open.push(Changes::new(kind, value, difference)?);
            }
        }
    }
    Ok(Updated { document: output.finish(), fits })
}

/// What is being changed.
enum Changes<'a> {
    Document(DocumentChanges<'a>),
    Array(ArrayChanges<'a>),
}

impl<'a> Changes<'a> {
    fn new(kind: ElementType, value: &'a [u8], difference: &'a [u8]) -> Result<Self, UpdateError> {
        match kind {
            ElementType::Array => Ok(Self::Array(ArrayChanges::new(value, difference)?)),
            _ => Ok(Self::Document(DocumentChanges::new(value, difference)?)),
        }
    }
}

/// What comes after some elements.
pub enum Step<'a> {
    /// Something inside is changed, and then this goes on.
    Inner {
        kind: ElementType,
        name: Vec<u8>,
        value: &'a [u8],
        difference: &'a [u8],
    },
    /// Something was of another kind, and stays as it was.
    Misfit,
    End,
}

/// Whether a difference is that of an array.
pub fn is_of_array(difference: &[u8]) -> Result<bool, UpdateError> {
    let first = Elements::new(difference)?.next().transpose()?;
    Ok(first.is_some_and(|first| first.name == b"a" && first.kind == ElementType::Boolean))
}

/// The step into an element, if it is of the kind that its difference is for.
pub fn step_into<'a>(
    element: &Element<'a>,
    name: Vec<u8>,
    difference: &'a [u8],
) -> Result<Option<Step<'a>>, UpdateError> {
    let kind = match is_of_array(difference)? {
        true => ElementType::Array,
        false => ElementType::Document,
    };
    let step = Step::Inner { kind, name, value: element.value, difference };
    Ok((element.kind == kind).then_some(step))
}

/// What becomes of a field.
#[derive(Clone, Copy)]
enum Change<'a> {
    Gone,
    Changed(Element<'a>),
    /// Bytes of it are kept, and others follow.
    Continued(&'a [u8]),
    Inside(&'a [u8]),
}

struct DocumentChanges<'a> {
    before: Elements<'a>,
    changes: HashMap<&'a [u8], Change<'a>>,
    /// What is put at the end, unless it has been changed in its place.
    added: std::vec::IntoIter<Element<'a>>,
    placed: HashSet<&'a [u8]>,
}

impl<'a> DocumentChanges<'a> {
    fn new(before: &'a [u8], difference: &'a [u8]) -> Result<Self, UpdateError> {
        let (mut changes, mut added) = (HashMap::new(), Vec::new());
        for section in Elements::new(difference)? {
            let section = section?;
            if section.kind != ElementType::Document {
                return Err(unknown(section.name));
            }
            if let Some((b's', name)) = section.name.split_first() {
                once(&mut changes, name, Change::Inside(section.value))?;
                continue;
            }
            for field in Elements::new(section.value)? {
                let field = field?;
                let change = match section.name {
                    b"d" => Change::Gone,
                    b"u" => Change::Changed(field),
                    b"i" => Change::Gone,
                    b"b" if field.kind == ElementType::Document => Change::Continued(field.value),
                    other => return Err(unknown(other)),
                };
                once(&mut changes, field.name, change)?;
                if matches!(section.name, b"u" | b"i") {
                    added.push(field);
                }
            }
        }
        let (added, placed) = (added.into_iter(), HashSet::new());
        Ok(Self { before: Elements::new(before)?, changes, added, placed })
    }

    fn go_on(&mut self, output: &mut Output) -> Result<Step<'a>, UpdateError> {
        while let Some(element) = self.before.next().transpose()? {
            let Some(change) = self.changes.get(element.name).copied() else {
                output.element(&element)?;
                continue;
            };
            match change {
                Change::Gone => {}
                Change::Changed(field) => {
                    output.element(&field)?;
                    self.placed.insert(field.name);
                }
                Change::Inside(difference) => {
                    if let Some(step) = step_into(&element, element.name.to_vec(), difference)? {
                        return Ok(step);
                    }
                    output.element(&element)?;
                    return Ok(Step::Misfit);
                }
                Change::Continued(how) => match continued(&element, how)? {
                    Some(value) => output.value(element.kind, element.name, &value)?,
                    None => {
                        output.element(&element)?;
                        return Ok(Step::Misfit);
                    }
                },
            }
        }
        for field in self.added.by_ref().filter(|field| !self.placed.contains(field.name)) {
            output.element(&field)?;
        }
        Ok(Step::End)
    }
}

fn once<'a>(
    changes: &mut HashMap<&'a [u8], Change<'a>>,
    name: &'a [u8],
    change: Change<'a>,
) -> Result<(), UpdateError> {
    match changes.insert(name, change) {
        None => Ok(()),
        Some(_) => Err(unknown(&[b"two changes of ", name].concat())),
    }
}

/// A binary of which the first `o` bytes are kept, and `d` follows: so servers from 8.0 write
/// compressed columns of time series. `None` if it is no binary, or too short.
fn continued(element: &Element<'_>, how: &[u8]) -> Result<Option<Vec<u8>>, UpdateError> {
    let offset = Elements::new(how)?.find(b"o")?.as_ref().and_then(Element::integer);
    let data = Elements::new(how)?.find(b"d")?;
    let data = data.filter(|data| data.kind == ElementType::Binary);
    let (Some(offset), Some(data)) = (offset.and_then(|at| usize::try_from(at).ok()), data) else {
        return Err(unknown(b"a change of bytes without o and d"));
    };
    if element.kind != ElementType::Binary {
        return Ok(None);
    }
    let Some(kept) = element.value.get(5..).and_then(|bytes| bytes.get(..offset)) else {
        return Ok(None);
    };
    let more = data.value.get(5..).unwrap_or_default();
    let length = kept.len().saturating_add(more.len());
    let length = i32::try_from(length).map_err(|_| UpdateError::TooLarge)?;
    let subtype = element.value.get(4..5).unwrap_or_default();
    Ok(Some([&length.to_le_bytes()[..], subtype, kept, more].concat()))
}
