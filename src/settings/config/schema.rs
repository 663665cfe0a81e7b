//! The JSON Schema of `snap.toml`, for editors.

use super::key::{ABOUT_INHERIT, INHERIT, Key, Section, keys_of};
use super::kind::Kind;
use serde_json::{Map, Value, json};

/// The schema (draft 7, which editors know). It says what the parser says as far as a schema can;
/// the parser has the last word.
pub fn schema() -> Value {
    let mut profile = properties(Section::Profile);
    let names = json!({ "type": "string", "minLength": 1 });
    let inherit = json!({ "description": ABOUT_INHERIT, "anyOf": one_or_list(names) });
    profile.insert(INHERIT.to_owned(), inherit);
    for section in [Section::Retention, Section::Check, Section::Protect] {
        let table = section.table().unwrap_or_default();
        profile.insert(table.to_owned(), object(about(section), properties(section), 1));
    }
    let profiles = json!({
        "description": "Profiles by name; \"default\" is used when none is named.",
        "type": "object",
        "propertyNames": { "pattern": "^[\\p{L}\\p{N}][\\p{L}\\p{N}._-]*$" },
        "additionalProperties": object("A profile.", profile, 0),
    });
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "snap.toml",
        "description": "Profiles of snap.",
        "type": "object",
        "properties": { "profile": profiles },
        "additionalProperties": false,
    })
}

fn about(section: Section) -> &'static str {
    match section {
        Section::Profile => "A profile.",
        Section::Retention => {
            "Which snapshots `snap forget` and `snap prune` keep. A snapshot stays if any rule \
             keeps it."
        }
        Section::Check => "How a check on a schedule reads the data.",
        Section::Protect => "The change log of databases: `snap protect`.",
    }
}

fn object(description: &str, properties: Map<String, Value>, least: u32) -> Value {
    json!({
        "description": description,
        "type": "object",
        "minProperties": least,
        "properties": properties,
        "additionalProperties": false,
    })
}

fn properties(section: Section) -> Map<String, Value> {
    keys_of(section).map(|key| (key.name.to_owned(), property(key))).collect()
}

fn property(key: &Key) -> Value {
    let mut property = Map::new();
    let about = format!("{} Default: {}.", key.about, key.default);
    property.insert("description".to_owned(), json!(about));
    let kind = kind(key.kind);
    match key.is_list() {
        true => {
            property.insert("anyOf".to_owned(), one_or_list(kind));
        }
        false => property.extend(kind.as_object().cloned().unwrap_or_default()),
    }
    Value::Object(property)
}

fn one_or_list(one: Value) -> Value {
    json!([one, { "type": "array", "items": one }])
}

fn kind(kind: Kind) -> Value {
    let text = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    match kind {
        Kind::Switch => json!({ "type": "boolean" }),
        Kind::Text | Kind::Path | Kind::Address | Kind::Source | Kind::Pattern | Kind::Marker => {
            json!({ "type": "string", "minLength": 1 })
        }
        Kind::Tag => text("^[^,]+$"),
        Kind::Size => json!({ "anyOf": [
            { "type": "integer", "minimum": 0 },
            { "type": "string", "pattern": "^ *[0-9]+([.][0-9]+)? *([bB]|[kKmMgGtTpPeE]([iI][bB])?)? *$" },
        ] }),
        Kind::Keep => json!({ "anyOf": [
            { "type": "integer", "minimum": -1 },
            { "type": "string", "pattern": "^([0-9]+|[uU]nlimited)$" },
        ] }),
        Kind::Span => text("^([0-9]+[ymwdh])+$"),
        Kind::GroupBy => text("^((hosts?|paths?|tags?)(,(hosts?|paths?|tags?))*)?$"),
        Kind::Part => text("^[0-9]+/[0-9]+$|^[0-9.]+%$|^[0-9.]+[kKmMgGtTpPeE]?([iI]?[bB])?$"),
        Kind::Duration => text("^[0-9]+ *[a-z]+( *[0-9]+ *[a-z]+)*$"),
    }
}
