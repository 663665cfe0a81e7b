//! What mongodump writes of a collection beside its documents: `<name>.metadata.json`.

use super::series::on_buckets;
use crate::codec::{DocumentBuilder, Elements, JsonTape, JsonToken, read_extended_json};

/// A collection or view, without its documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Where it is written: file names cannot hold every name.
    pub name: Option<String>,
    pub kind: DescribedKind,
    /// BSON documents, as a server gives them.
    pub options: Vec<u8>,
    pub indexes: Vec<Vec<u8>>,
    pub uuid: Option<[u8; 16]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DescribedKind {
    Collection,
    Capped,
    TimeSeries,
    View,
}

impl Default for Description {
    /// A collection of which nothing is known, and which has what every one has.
    fn default() -> Self {
        let key = DocumentBuilder::new().int32("_id", 1).finish();
        let index = DocumentBuilder::new().int32("v", 2).document("key", &key);
        let indexes = vec![index.string("name", "_id_").finish()];
        let options = DocumentBuilder::new().finish();
        Self { name: None, kind: DescribedKind::Collection, options, indexes, uuid: None }
    }
}

impl Description {
    /// Of the text of the file. Older dumps have neither UUID nor name nor type.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let tape = JsonTape::parse(text).map_err(|error| error.to_string())?;
        if !matches!(tape.token(0), Some(JsonToken::Object { .. })) {
            return Err("it is no JSON object".to_string());
        }
        let document = |place: usize| {
            read_extended_json(&tape, place, false).map_err(|error| error.to_string())
        };
        let options = match tape.member(0, "options") {
            Some(place) => document(place)?,
            None => Self::default().options,
        };
        let indexes = match tape.member(0, "indexes") {
            Some(place) => tape.inside(place).map(|place| without_namespace(&document(place)?)),
            None => return Ok(Self { kind: kind(&options)?, options, ..Self::default() }),
        };
        let indexes: Result<Vec<Vec<u8>>, String> = match kind(&options)? {
            DescribedKind::TimeSeries => indexes
                .map(|index| on_buckets(&index?, &options).map_err(|error| error.to_string()))
                .collect(),
            _ => indexes.collect(),
        };
        let indexes = indexes?;
        let text = |name: &str| String::from_utf8(tape.string(tape.member(0, name)?)?).ok();
        let uuid = text("uuid").and_then(|digits| parse_uuid(&digits));
        Ok(Self { name: text("collectionName"), kind: kind(&options)?, options, indexes, uuid })
    }

    /// Its name, if it is a time series.
    pub fn series(self) -> Option<String> {
        self.name.filter(|_| self.kind == DescribedKind::TimeSeries)
    }

    pub fn is_natural(&self) -> bool {
        self.kind == DescribedKind::Capped
    }
}

/// What the options make of it.
fn kind(options: &[u8]) -> Result<DescribedKind, String> {
    let has = |name: &[u8]| {
        let found = Elements::new(options).and_then(|elements| elements.find(name));
        found.map_err(|error| error.to_string())
    };
    Ok(match (has(b"viewOn")?, has(b"timeseries")?, has(b"capped")?) {
        (_, Some(_), _) => DescribedKind::TimeSeries,
        (Some(_), ..) => DescribedKind::View,
        (_, _, Some(capped)) if capped.is_true() => DescribedKind::Capped,
        _ => DescribedKind::Collection,
    })
}

/// Old servers name the collection in each index; new ones refuse that.
fn without_namespace(index: &[u8]) -> Result<Vec<u8>, String> {
    let mut builder = DocumentBuilder::new();
    for element in Elements::new(index).map_err(|error| error.to_string())? {
        let element = element.map_err(|error| error.to_string())?;
        if element.name != b"ns" {
            builder = builder.element(&element);
        }
    }
    Ok(builder.finish())
}

fn parse_uuid(digits: &str) -> Option<[u8; 16]> {
    let digits = digits.replace('-', "");
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 32)?;
    Some(number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_files_are_read() {
        let new = br#"{"options":{"capped":true,"size":{"$numberInt":"4096"}},
            "indexes":[{"v":{"$numberInt":"2"},"key":{"_id":{"$numberInt":"1"}},"name":"_id_"}],
            "uuid":"0123456789abcdef0123456789abcdef","collectionName":"a/b","type":"collection"}"#;
        let new = Description::parse(new).unwrap();
        assert_eq!((new.name.as_deref(), new.kind), (Some("a/b"), DescribedKind::Capped));
        assert_eq!(new.indexes, Description::default().indexes);
        assert_eq!(new.uuid.unwrap()[..2], [1, 0x23]);
        let old = Description::parse(
            br#"{"indexes":[{"v":2,"key":{"_id":1},"name":"_id_","ns":"bot.users"}]}"#,
        );
        assert_eq!(old.unwrap(), Description::default());
        let view = Description::parse(br#"{"options":{"viewOn":"a","pipeline":[]},"indexes":[]}"#);
        assert_eq!(view.unwrap().kind, DescribedKind::View);
        assert_eq!(Description::parse(b"{}").unwrap(), Description::default());
        assert!(Description::parse(b"[]").is_err());
    }
}
