//! Operators (`$v: 1`), as servers before 5.0 write them: `{$set: {path: value}, $unset: {path}}`,
//! names in a path divided by dots.

use super::array::parse_index;
use super::{DEEPEST, Output, UpdateError, Updated, unknown};
use crate::codec::{DocumentBuilder, Element, ElementType, Elements};

/// An array is filled up with so many nulls at most, as by a server.
const MOST_FILLING: usize = 1_500_000;

/// Applies the operators in their order.
pub fn apply(document: &[u8], update: &[u8]) -> Result<Updated, UpdateError> {
    let mut updated = Updated { document: document.to_vec(), fits: true };
    let mut is_any = false;
    for operator in Elements::new(update)? {
        let operator = operator?;
        let is_set = match operator.name {
            b"$v" => continue,
            b"$set" => true,
            b"$unset" => false,
            other => return Err(unknown(other)),
        };
        is_any = true;
        let fields = operator.elements().ok_or_else(|| unknown(operator.name))??;
        for field in fields {
            let field = field?;
            let path: Vec<&[u8]> = field.name.split(|byte| *byte == b'.').collect();
            if path.len() > DEEPEST {
                return Err(UpdateError::TooDeep);
            }
            if path == [b"_id"] {
                continue;
            }
            match changed(&updated.document, &path, is_set.then_some(&field))? {
                Outcome::Changed(document) => updated.document = document,
                Outcome::Same => {}
                Outcome::Misfit => updated.fits = false,
            }
        }
    }
    if is_any { Ok(updated) } else { Err(unknown(b"no operator")) }
}

enum Outcome {
    Changed(Vec<u8>),
    Same,
    /// The path leads through something that has nothing inside.
    Misfit,
}

/// A document or array on the way.
struct Level<'a> {
    bytes: &'a [u8],
    is_array: bool,
    name: &'a [u8],
}

/// What becomes of the element that is changed.
struct New {
    kind: ElementType,
    value: Vec<u8>,
}

/// Sets what the path names, or takes it away without a `field`.
fn changed(
    document: &[u8],
    path: &[&[u8]],
    field: Option<&Element<'_>>,
) -> Result<Outcome, UpdateError> {
    let mut levels: Vec<Level<'_>> = Vec::new();
    let (mut bytes, mut is_array, mut is_there) = (document, false, false);
    for (depth, name) in path.iter().enumerate() {
        levels.push(Level { bytes, is_array, name });
        let Some(element) = Elements::new(bytes)?.find(name)? else { break };
        if depth + 1 == path.len() {
            is_there = true;
            break;
        }
        is_array = element.kind == ElementType::Array;
        if !is_array && element.kind != ElementType::Document {
            return Ok(if field.is_some() { Outcome::Misfit } else { Outcome::Same });
        }
        bytes = element.value;
    }
    let Some(innermost) = levels.last() else { return Ok(Outcome::Same) };
    let mut new = match field {
        Some(field) => Some(made(path.get(levels.len()..).unwrap_or_default(), field)),
        None if !is_there => return Ok(Outcome::Same),
        None if innermost.is_array => Some(New { kind: ElementType::Null, value: Vec::new() }),
        None => None,
    };
    for level in levels.iter().rev() {
        let kind = if level.is_array { ElementType::Array } else { ElementType::Document };
        match put(level, new.as_ref())? {
            Some(value) => new = Some(New { kind, value }),
            None => return Ok(Outcome::Misfit),
        }
    }
    Ok(new.map_or(Outcome::Same, |new| Outcome::Changed(new.value)))
}

/// The value, inside the documents that are missing on the way to it.
fn made(missing: &[&[u8]], field: &Element<'_>) -> New {
    let value = New { kind: field.kind, value: field.value.to_vec() };
    missing.iter().rev().fold(value, |inner, name| New {
        kind: ElementType::Document,
        value: DocumentBuilder::new().raw(inner.kind, name, &inner.value).finish(),
    })
}

/// A level with its element changed, put at its end, or taken away. `None` if an array cannot have
/// it.
fn put(level: &Level<'_>, new: Option<&New>) -> Result<Option<Vec<u8>>, UpdateError> {
    let mut output = Output::default();
    output.begin();
    let (mut count, mut is_met) = (0_usize, false);
    for element in Elements::new(level.bytes)? {
        let element = element?;
        count += 1;
        match (element.name == level.name && !is_met, new) {
            (false, _) => output.element(&element)?,
            (true, Some(new)) => output.value(new.kind, level.name, &new.value)?,
            (true, None) => {}
        }
        is_met |= element.name == level.name;
    }
    if let (false, Some(new)) = (is_met, new) {
        if level.is_array {
            let index = parse_index(level.name).filter(|index| *index >= count);
            let Some(index) = index else { return Ok(None) };
            if index - count > MOST_FILLING {
                return Err(UpdateError::TooLarge);
            }
            for filled in count..index {
                output.value(ElementType::Null, filled.to_string().as_bytes(), &[])?;
            }
        }
        output.value(new.kind, level.name, &new.value)?;
    }
    output.end();
    Ok(Some(output.finish()))
}
