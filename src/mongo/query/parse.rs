//! Filters from documents.

use super::pattern::Pattern;
use super::{Condition, Test, Value};
use crate::codec::{Element, ElementType, Elements};

/// Filters may be nested so deep.
const DEEPEST: usize = 50;

/// Why a filter is none, or one that is not known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error("{0} is not known in a query")]
    Unknown(String),
    #[error("{name} needs {needed}")]
    Argument { name: String, needed: &'static str },
    #[error("the pattern {0} is not understood")]
    Pattern(String),
    #[error("{0}")]
    Broken(String),
}

type Parsed = Result<Condition, QueryError>;

/// Everything that a filter asks for.
pub fn conditions(filter: &[u8]) -> Parsed {
    conditions_at(filter, 0)
}

fn conditions_at(filter: &[u8], depth: usize) -> Parsed {
    if depth > DEEPEST {
        return Err(QueryError::Broken("the query is nested too deep".to_string()));
    }
    let each = elements(filter)?.into_iter().map(|element| condition(&element, depth));
    Ok(Condition::All(each.collect::<Result<_, _>>()?))
}

fn condition(element: &Element<'_>, depth: usize) -> Parsed {
    match element.name {
        b"$and" => Ok(Condition::All(several(element, depth)?)),
        b"$or" => Ok(Condition::Any(several(element, depth)?)),
        b"$nor" => Ok(Condition::Not(Box::new(Condition::Any(several(element, depth)?)))),
        name if name.starts_with(b"$") => Err(unknown(name)),
        name => field(name, element, depth),
    }
}

/// The filters of an array, of which there is one at least.
fn several(element: &Element<'_>, depth: usize) -> Result<Vec<Condition>, QueryError> {
    let needed = || argument(element.name, "an array of filters");
    if element.kind != ElementType::Array {
        return Err(needed());
    }
    let items = elements(element.value)?;
    if items.is_empty() || items.iter().any(|item| item.kind != ElementType::Document) {
        return Err(needed());
    }
    items.iter().map(|item| conditions_at(item.value, depth + 1)).collect()
}

fn field(name: &[u8], element: &Element<'_>, depth: usize) -> Parsed {
    let operators = match element.kind {
        ElementType::Document => elements(element.value)?,
        _ => Vec::new(),
    };
    match operators.first() {
        Some(first) if first.name.starts_with(b"$") => self::operators(name, &operators, depth),
        _ => Ok(tested(name, equal_or_matches(element)?)),
    }
}

fn operators(name: &[u8], operators: &[Element<'_>], depth: usize) -> Parsed {
    if depth > DEEPEST {
        return Err(QueryError::Broken("the query is nested too deep".to_string()));
    }
    let find = |name: &[u8]| operators.iter().find(|operator| operator.name == name);
    let mut all = Vec::new();
    for operator in operators {
        let order = |less, greater, equal| {
            let is_end = matches!(operator.kind, ElementType::MinKey | ElementType::MaxKey);
            if is_end || operator.kind == ElementType::RegularExpression {
                return Err(argument(operator.name, "a value that has an order"));
            }
            let than = Value::new(operator)?;
            Ok(tested(name, Test::Order { than, less, greater, equal }))
        };
        all.push(match operator.name {
            b"$eq" => tested(name, Test::Equal(Value::new(operator)?)),
            b"$ne" => not(tested(name, Test::Equal(Value::new(operator)?))),
            b"$gt" => order(false, true, false)?,
            b"$gte" => order(false, true, true)?,
            b"$lt" => order(true, false, false)?,
            b"$lte" => order(true, false, true)?,
            b"$in" => tested(name, one_of(operator)?),
            b"$nin" => not(tested(name, one_of(operator)?)),
            b"$exists" if operator.is_true() => tested(name, Test::Exists),
            b"$exists" => not(tested(name, Test::Exists)),
            b"$not" => not(negated(name, operator, depth)?),
            b"$regex" => tested(name, Test::Matches(pattern(operator, find(b"$options"))?)),
            b"$options" if find(b"$regex").is_some() => continue,
            other => return Err(unknown(other)),
        });
    }
    Ok(Condition::All(all))
}

fn negated(name: &[u8], operator: &Element<'_>, depth: usize) -> Parsed {
    match operator.kind {
        ElementType::RegularExpression => Ok(tested(name, equal_or_matches(operator)?)),
        ElementType::Document => {
            let inside = elements(operator.value)?;
            match inside.first() {
                Some(first) if first.name.starts_with(b"$") => operators(name, &inside, depth + 1),
                _ => Err(argument(b"$not", "operators")),
            }
        }
        _ => Err(argument(b"$not", "operators, or a pattern")),
    }
}

fn one_of(operator: &Element<'_>) -> Result<Test, QueryError> {
    if operator.kind != ElementType::Array {
        return Err(argument(operator.name, "an array"));
    }
    let items = elements(operator.value)?;
    Ok(Test::OneOf(items.iter().map(equal_or_matches).collect::<Result<_, _>>()?))
}

fn equal_or_matches(element: &Element<'_>) -> Result<Test, QueryError> {
    match element.kind {
        ElementType::RegularExpression => Ok(Test::Matches(pattern(element, None)?)),
        _ => Ok(Test::Equal(Value::new(element)?)),
    }
}

/// A pattern as a text, or as a value of its own.
fn pattern(element: &Element<'_>, options: Option<&Element<'_>>) -> Result<Pattern, QueryError> {
    let options = options.and_then(Element::text);
    match element.kind {
        ElementType::String => {
            Pattern::new(element.text().unwrap_or_default(), options.unwrap_or_default())
        }
        ElementType::RegularExpression => {
            let mut parts = element.value.split(|byte| *byte == 0);
            let (text, own) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            Pattern::new(text, options.unwrap_or(own))
        }
        _ => Err(argument(b"$regex", "a text")),
    }
}

fn tested(name: &[u8], test: Test) -> Condition {
    let path = name.split(|byte| *byte == b'.').map(<[u8]>::to_vec).collect();
    Condition::Field { path, test }
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

fn unknown(name: &[u8]) -> QueryError {
    QueryError::Unknown(String::from_utf8_lossy(name).into_owned())
}

fn argument(name: &[u8], needed: &'static str) -> QueryError {
    QueryError::Argument { name: String::from_utf8_lossy(name).into_owned(), needed }
}

fn elements(document: &[u8]) -> Result<Vec<Element<'_>>, QueryError> {
    let elements = Elements::new(document).and_then(Iterator::collect);
    elements.map_err(|error| QueryError::Broken(error.to_string()))
}
