//! Indexes of time series: dumps have them as they were made, snapshots as they lie on the
//! buckets.

use crate::codec::{DocumentBuilder, DocumentError, Element, Elements};

/// The specification on the buckets of an index of a time series with these options, as servers
/// rewrite it: the time and measurements become the least and the greatest of each bucket.
pub fn on_buckets(index: &[u8], options: &[u8]) -> Result<Vec<u8>, DocumentError> {
    let series = Elements::new(options)?.find(b"timeseries")?;
    let meta = match series.as_ref().and_then(Element::elements) {
        Some(elements) => elements?.find(b"metaField")?.and_then(|name| name.text()),
        None => None,
    };
    let mut builder = DocumentBuilder::new();
    for element in Elements::new(index)? {
        let element = element?;
        builder = match (element.name, element.elements()) {
            (b"key", Some(fields)) => builder.document("key", &key(fields?, meta)?),
            _ => builder.element(&element),
        };
    }
    Ok(builder.finish())
}

fn key(fields: Elements<'_>, meta: Option<&[u8]>) -> Result<Vec<u8>, DocumentError> {
    let mut key = DocumentBuilder::new();
    for field in fields {
        let field = field?;
        let below = meta.and_then(|meta| field.name.strip_prefix(meta));
        let below = below.filter(|rest| rest.is_empty() || rest.starts_with(b"."));
        let name = |prefix: &[u8]| [prefix, field.name].concat();
        key = match (below, field.integer()) {
            (Some(below), _) => key.named([b"meta", below].concat(), &field),
            (None, Some(direction)) if direction < 0 => {
                key.named(name(b"control.max."), &field).named(name(b"control.min."), &field)
            }
            (None, Some(_)) => {
                key.named(name(b"control.min."), &field).named(name(b"control.max."), &field)
            }
            (None, None) => key.string(name(b"data."), "2dsphere_bucket"),
        };
    }
    Ok(key.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_buckets() {
        let series = DocumentBuilder::new().string("timeField", "t").string("metaField", "m");
        let options = DocumentBuilder::new().document("timeseries", &series.finish()).finish();
        let key = DocumentBuilder::new().int32("m.a", 1).int32("t", -1).int32("mean", 1).finish();
        let index = DocumentBuilder::new().document("key", &key).string("name", "x").finish();
        let expected = DocumentBuilder::new()
            .int32("meta.a", 1)
            .int32("control.max.t", -1)
            .int32("control.min.t", -1)
            .int32("control.min.mean", 1)
            .int32("control.max.mean", 1)
            .finish();
        let expected =
            DocumentBuilder::new().document("key", &expected).string("name", "x").finish();
        assert_eq!(on_buckets(&index, &options).unwrap(), expected);
    }
}
