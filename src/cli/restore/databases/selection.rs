//! `--query` and `--id`, in extended JSON.

use crate::cli::error::Failure;
use crate::codec::{
    DocumentBuilder, ElementType, JsonTape, read_extended_json, read_extended_value,
};
use crate::mongo::Query;
use crate::ops::Selection;

pub fn selection(query: Option<&String>, ids: &[String]) -> Result<Selection, Failure> {
    let mut selection = Selection::new(query.map(|text| parse_query(text)).transpose()?);
    for text in ids {
        for id in meant(text) {
            if !selection.add_id(&id) {
                return Err(Failure::usage(format!("{text:?} is no _id")));
            }
        }
    }
    Ok(selection)
}

fn parse_query(text: &str) -> Result<Query, Failure> {
    let example = "write a filter such as --query '{\"state.step\": {\"$gte\": 3}}'";
    let unusable = |why: &dyn std::fmt::Display| {
        Failure::usage("--query is not understood").because(why).hint(example)
    };
    let tape = JsonTape::parse(text.as_bytes()).map_err(|error| unusable(&error))?;
    let filter = read_extended_json(&tape, 0, false).map_err(|error| unusable(&error))?;
    Query::new(&filter).map_err(|error| unusable(&error))
}

/// What an id may mean, as `{_id: value}` each: extended JSON, or a plain text; 24 hexadecimal
/// digits also an ObjectId.
fn meant(text: &str) -> Vec<Vec<u8>> {
    let tape = JsonTape::parse(text.as_bytes()).ok();
    let parsed = tape.and_then(|tape| read_extended_value("_id", &tape, 0).ok());
    let plain = DocumentBuilder::new().string("_id", text).finish();
    let mut meant = vec![parsed.unwrap_or(plain)];
    let digits = text.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    let bytes: Option<Vec<u8>> = digits.collect();
    if let Some(bytes) = bytes.filter(|bytes| bytes.len() == 12) {
        meant.push(DocumentBuilder::new().raw(ElementType::ObjectId, "_id", &bytes).finish());
        meant.push(DocumentBuilder::new().string("_id", text).finish());
    }
    meant
}
