//! What `collMod` makes of the options and indexes of a collection.

use super::catalog::Followed;
use super::error::Fault;
use crate::codec::{DocumentBuilder, DocumentError, Element, ElementType, Elements};

type Fields<'a> = Vec<Element<'a>>;

pub fn fields(document: &[u8]) -> Result<Fields<'_>, DocumentError> {
    Elements::new(document)?.collect()
}

/// The document with this field, or, with `None`, without it.
pub fn with(
    document: &[u8],
    name: &[u8],
    value: Option<&Element<'_>>,
) -> Result<Vec<u8>, DocumentError> {
    let (mut changed, mut is_met) = (DocumentBuilder::new(), false);
    for field in Elements::new(document)? {
        let field = field?;
        let is_it = field.name == name;
        is_met |= is_it;
        changed = match (is_it, value) {
            (true, Some(value)) => changed.named(name, value),
            (true, None) => changed,
            (false, _) => changed.element(&field),
        };
    }
    Ok(match value.filter(|_| !is_met) {
        Some(value) => changed.named(name, value).finish(),
        None => changed.finish(),
    })
}

/// Without the fields of these names.
pub fn without(document: &[u8], names: &[&[u8]]) -> Result<Vec<u8>, DocumentError> {
    let fields = fields(document)?;
    let kept = fields.iter().filter(|field| !names.contains(&field.name));
    Ok(kept.fold(DocumentBuilder::new(), DocumentBuilder::element).finish())
}

/// What `create` takes of a time series; its buckets have more.
const TIME_SERIES: [&[u8]; 4] =
    [b"timeseries", b"expireAfterSeconds", b"collation", b"storageEngine"];

/// The options of a collection, from the entry that makes it.
pub fn of_create(object: &[u8]) -> Result<Vec<u8>, DocumentError> {
    let fields = fields(object)?;
    let is_series = fields.iter().any(|field| field.name == b"timeseries");
    let is_option = |field: &&Element<'_>| match is_series {
        true => TIME_SERIES.contains(&field.name),
        false => !matches!(field.name, b"create" | b"idIndex" | b"uuid" | b"autoIndexId"),
    };
    let options = fields.iter().filter(is_option);
    Ok(options.fold(DocumentBuilder::new(), DocumentBuilder::element).finish())
}

const NO_BOUND: [u8; 4] = i32::MAX.to_le_bytes();

/// Applies `collMod`.
pub fn change(followed: &mut Followed, object: &[u8]) -> Result<(), Fault> {
    // The command itself comes first.
    for field in fields(object)?.into_iter().skip(1) {
        let name = field.name;
        let is_empty = field
            .elements()
            .is_some_and(|inner| inner.is_ok_and(|mut inner| inner.next().is_none()));
        let value = match name {
            b"validator" => Some(field).filter(|_| !is_empty),
            b"validationLevel" | b"validationAction" => Some(field),
            b"changeStreamPreAndPostImages" => Some(field).filter(is_enabled),
            b"recordPreImages" => Some(field).filter(Element::is_true),
            b"expireAfterSeconds" => Some(field).filter(|value| value.text().is_none()),
            b"cappedSize" => Some(field),
            // No bound is the largest one.
            b"cappedMax" if field.integer().is_none_or(|most| most <= 0) => {
                Some(Element { kind: ElementType::Int32, value: &NO_BOUND, ..field })
            }
            b"cappedMax" => Some(field),
            b"timeseries" => {
                followed.options = series(&followed.options, &field)?;
                continue;
            }
            b"index" => {
                followed.indexes = index(&followed.indexes, &field)?;
                continue;
            }
            // Whether some buckets have several forms; a note for the server alone.
            b"timeseriesBucketsMayHaveMixedSchemaData" => continue,
            other => {
                let other = String::from_utf8_lossy(other);
                return Err(Fault::Unknown(format!("collMod with {other}")));
            }
        };
        let name: &[u8] = match name {
            b"cappedSize" => b"size",
            b"cappedMax" => b"max",
            name => name,
        };
        let is_of_buckets = name == b"validator" && is_series(&followed.options)?;
        if !is_of_buckets {
            followed.options = with(&followed.options, name, value.as_ref())?;
        }
        if name.starts_with(b"valid") && !is_of_buckets {
            followed.options = with_defaults(&followed.options)?;
        }
    }
    Ok(())
}

/// Once one of them was changed, a server tells both.
fn with_defaults(options: &[u8]) -> Result<Vec<u8>, DocumentError> {
    let mut options = options.to_vec();
    for (name, default) in [("validationLevel", "strict"), ("validationAction", "error")] {
        if Elements::new(&options)?.find(name.as_bytes())?.is_none() {
            let default = DocumentBuilder::new().string(name, default).finish();
            for field in fields(&default)? {
                options = with(&options, field.name, Some(&field))?;
            }
        }
    }
    Ok(options)
}

fn is_series(options: &[u8]) -> Result<bool, DocumentError> {
    Ok(Elements::new(options)?.find(b"timeseries")?.is_some())
}

/// `{enabled: true}`
fn is_enabled(field: &Element<'_>) -> bool {
    let inner = field.elements().and_then(Result::ok);
    let enabled = inner.and_then(|inner| inner.find(b"enabled").ok().flatten());
    enabled.is_some_and(|enabled| enabled.is_true())
}

/// A granularity stands for how long a bucket may last.
const GRANULARITIES: [(&[u8], i32); 3] =
    [(b"seconds", 3600), (b"minutes", 86_400), (b"hours", 2_592_000)];

fn series(options: &[u8], change: &Element<'_>) -> Result<Vec<u8>, Fault> {
    let before = Elements::new(options)?.find(b"timeseries")?;
    let Some(before) = before else {
        return Err(Fault::Unknown("collMod of a time series that is none".to_string()));
    };
    let mut series = before.value.to_vec();
    for field in fields(change.value)? {
        series = with(&series, field.name, Some(&field))?;
        match field.name {
            b"granularity" => {
                let seconds = GRANULARITIES.iter().find(|(name, _)| field.text() == Some(*name));
                let (_, seconds) =
                    seconds.ok_or_else(|| Fault::Unknown("another granularity".to_string()))?;
                let seconds = seconds.to_le_bytes();
                let most = Element { kind: ElementType::Int32, name: b"", value: &seconds };
                series = with(&series, b"bucketMaxSpanSeconds", Some(&most))?;
            }
            b"bucketMaxSpanSeconds" | b"bucketRoundingSeconds" => {
                series = with(&series, b"granularity", None)?;
            }
            other => {
                let other = String::from_utf8_lossy(other);
                return Err(Fault::Unknown(format!("collMod with timeseries.{other}")));
            }
        }
    }
    let series = Element { kind: ElementType::Document, name: b"", value: &series };
    Ok(with(options, b"timeseries", Some(&series))?)
}

/// Changes the index that is meant by its name or its key.
fn index(indexes: &[Vec<u8>], change: &Element<'_>) -> Result<Vec<Vec<u8>>, Fault> {
    let change = fields(change.value)?;
    let field = |name: &[u8]| change.iter().find(|field| field.name == name);
    let (name, key) = (field(b"name"), field(b"keyPattern"));
    let mut changed = Vec::new();
    for index in indexes {
        let is = |name: &[u8], wanted: Option<&Element<'_>>| -> Result<bool, DocumentError> {
            let found = Elements::new(index)?.find(name)?;
            Ok(found.zip(wanted).is_some_and(|(found, wanted)| found.value == wanted.value))
        };
        let mut index = match is(b"name", name)? || is(b"key", key)? {
            true => index.clone(),
            false => {
                changed.push(index.clone());
                continue;
            }
        };
        for field in &change {
            let value = Some(field);
            index = match field.name {
                b"name" | b"keyPattern" => index,
                b"expireAfterSeconds" => with(&index, field.name, value)?,
                b"hidden" | b"prepareUnique" => {
                    with(&index, field.name, value.filter(|value| value.is_true()))?
                }
                b"unique" => {
                    let unique = with(&index, b"unique", value.filter(|value| value.is_true()))?;
                    with(&unique, b"prepareUnique", None)?
                }
                b"forceNonUnique" => with(&index, b"unique", None)?,
                other => {
                    let other = String::from_utf8_lossy(other);
                    return Err(Fault::Unknown(format!("collMod with index.{other}")));
                }
            };
        }
        changed.push(index);
    }
    Ok(changed)
}

/// Puts an index in the place of one of its name, or behind the others.
pub fn put_index(indexes: &mut Vec<Vec<u8>>, index: Vec<u8>) -> Result<(), DocumentError> {
    let name = Elements::new(&index)?.find(b"name")?.map(|name| name.value.to_vec());
    remove_index(indexes, name.as_deref())?;
    indexes.push(index);
    Ok(())
}

/// Takes away the index whose name has this value.
pub fn remove_index(indexes: &mut Vec<Vec<u8>>, name: Option<&[u8]>) -> Result<(), DocumentError> {
    let mut kept = Vec::with_capacity(indexes.len());
    for index in indexes.drain(..) {
        let found = Elements::new(&index)?.find(b"name")?.map(|name| name.value);
        if name.is_none() || found != name {
            kept.push(index);
        }
    }
    *indexes = kept;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(build: impl FnOnce(DocumentBuilder) -> DocumentBuilder) -> Vec<u8> {
        build(DocumentBuilder::new()).finish()
    }

    fn followed(options: Vec<u8>, indexes: Vec<Vec<u8>>) -> Followed {
        Followed {
            database: "bot".to_string(),
            name: "users".to_string(),
            options,
            indexes,
            base: None,
            since: 0,
            is_strict: true,
        }
    }

    fn changed(options: Vec<u8>, change: DocumentBuilder) -> Vec<u8> {
        let mut followed = followed(options, Vec::new());
        super::change(&mut followed, &change.finish()).unwrap();
        followed.options
    }

    fn of(command: &str) -> DocumentBuilder {
        DocumentBuilder::new().string("collMod", command)
    }

    #[test]
    fn validators_come_with_their_defaults_and_go_without() {
        let validator = document(|rule| rule.int32("a", 1));
        let set = changed(document(|none| none), of("users").document("validator", &validator));
        let both = |options: DocumentBuilder| {
            options.string("validationLevel", "strict").string("validationAction", "error")
        };
        assert_eq!(set, document(|options| both(options.document("validator", &validator))));
        let gone = changed(set, of("users").document("validator", &document(|none| none)));
        assert_eq!(gone, document(both));
    }

    #[test]
    fn sizes_and_times_are_changed_or_taken_away() {
        let ring = document(|options| options.boolean("capped", true).int32("size", 4096));
        let larger = changed(ring, of("ring").int32("cappedSize", 8192).int32("cappedMax", 0));
        let expected =
            |options: DocumentBuilder| options.boolean("capped", true).int32("size", 8192);
        assert_eq!(larger, document(|options| expected(options).int32("max", i32::MAX)));
        let expiring = document(|options| options.int32("expireAfterSeconds", 5));
        let off = changed(expiring, of("users").string("expireAfterSeconds", "off"));
        assert_eq!(off, document(|none| none));
    }

    #[test]
    fn a_granularity_says_how_long_buckets_last() {
        let series =
            document(|series| series.string("timeField", "at").int32("bucketMaxSpanSeconds", 3600));
        let options = document(|options| options.document("timeseries", &series));
        let hours = document(|change| change.string("granularity", "hours"));
        let changed = changed(options, of("system.buckets.x").document("timeseries", &hours));
        let series = document(|series| {
            let series = series.string("timeField", "at").int32("bucketMaxSpanSeconds", 2_592_000);
            series.string("granularity", "hours")
        });
        assert_eq!(changed, document(|options| options.document("timeseries", &series)));
    }

    #[test]
    fn indexes_are_replaced_changed_and_removed_by_name() {
        let index = |name: &str, n: i32| document(|index| index.string("name", name).int32("v", n));
        let mut indexes = vec![index("a", 1), index("b", 1)];
        put_index(&mut indexes, index("a", 2)).unwrap();
        assert_eq!(indexes, [index("b", 1), index("a", 2)]);
        let name = Elements::new(&indexes[0]).unwrap().find(b"name").unwrap().unwrap();
        let name = name.value.to_vec();
        remove_index(&mut indexes, Some(&name)).unwrap();
        remove_index(&mut indexes, None).unwrap();
        assert_eq!(indexes, [index("a", 2)]);
        let mut followed = followed(document(|none| none), indexes);
        let hide = document(|hide| hide.string("name", "a").boolean("hidden", true));
        super::change(&mut followed, &of("users").document("index", &hide).finish()).unwrap();
        let hidden =
            document(|index| index.string("name", "a").int32("v", 2).boolean("hidden", true));
        assert_eq!(followed.indexes, [hidden]);
    }

    #[test]
    fn what_is_not_known_is_said() {
        let mut followed = followed(document(|none| none), Vec::new());
        let unknown = of("users").int32("brandNew", 1).finish();
        assert!(matches!(super::change(&mut followed, &unknown), Err(Fault::Unknown(_))));
    }
}
