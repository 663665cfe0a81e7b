//! Writes JSON again as other programs would have written it, so that sums over their texts can be
//! checked.

use super::tape::{JsonTape, JsonToken};

/// What stands between tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonSpacing {
    /// `, ` and `: `: Python's default.
    Spaced,
    /// `,` and `:`.
    Compact,
    /// So many spaces a level, a line a value.
    Indented(u8),
}

/// How a program writes JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonLayout {
    pub spacing: JsonSpacing,
    /// Members in the order of their names.
    pub sorts: bool,
    /// `\u` for all that is not ASCII.
    pub ascii: bool,
}

/// An array or object that is being written: the places still to come, the next one last.
struct Open {
    left: Vec<usize>,
    is_object: bool,
    is_first: bool,
}

impl JsonLayout {
    /// Appends the whole value. `depth` is how deep it lies in what is being written.
    pub fn write(&self, tape: &JsonTape<'_>, depth: usize, out: &mut Vec<u8>) {
        let mut open: Vec<Open> = Vec::new();
        open.extend(self.begin(tape, 0, out));
        while let Some(innermost) = open.last_mut() {
            let (is_first, is_object) = (innermost.is_first, innermost.is_object);
            let next = innermost.left.pop();
            innermost.is_first = false;
            let Some(place) = next else {
                open.pop();
                if !is_first {
                    self.line(depth + open.len(), out);
                }
                out.push(if is_object { b'}' } else { b']' });
                continue;
            };
            self.between(is_first, depth + open.len(), out);
            let value = if is_object { place + 1 } else { place };
            if is_object {
                self.string(tape, place, out);
                out.extend_from_slice(match self.spacing {
                    JsonSpacing::Compact => b":",
                    _ => b": ".as_slice(),
                });
            }
            open.extend(self.begin(tape, value, out));
        }
    }

    /// What stands before a value in an array or object.
    pub fn between(&self, is_first: bool, depth: usize, out: &mut Vec<u8>) {
        if !is_first {
            out.extend_from_slice(match self.spacing {
                JsonSpacing::Spaced => b", ",
                _ => b",".as_slice(),
            });
        }
        self.line(depth, out);
    }

    /// A new line, where there are lines.
    pub fn line(&self, depth: usize, out: &mut Vec<u8>) {
        if let JsonSpacing::Indented(width) = self.spacing {
            out.push(b'\n');
            out.resize(out.len() + depth * usize::from(width), b' ');
        }
    }

    /// Writes a value, or the beginning of one that holds others.
    fn begin(&self, tape: &JsonTape<'_>, place: usize, out: &mut Vec<u8>) -> Option<Open> {
        match tape.token(place)? {
            JsonToken::Null => out.extend_from_slice(b"null"),
            JsonToken::Boolean(true) => out.extend_from_slice(b"true"),
            JsonToken::Boolean(false) => out.extend_from_slice(b"false"),
            JsonToken::Number(_) => out.extend_from_slice(tape.written(place)),
            JsonToken::String(_) => self.string(tape, place, out),
            JsonToken::Array { .. } => {
                out.push(b'[');
                let mut left: Vec<usize> = tape.inside(place).collect();
                left.reverse();
                return Some(Open { left, is_object: false, is_first: true });
            }
            JsonToken::Object { .. } => {
                out.push(b'{');
                let mut members: Vec<_> = tape.members(place).collect();
                if self.sorts {
                    members.sort_by(|one, other| one.0.cmp(&other.0));
                }
                let left = members.iter().rev().map(|(_, value)| value - 1).collect();
                return Some(Open { left, is_object: true, is_first: true });
            }
        }
        None
    }

    fn string(&self, tape: &JsonTape<'_>, place: usize, out: &mut Vec<u8>) {
        write_json_string(&tape.string(place).unwrap_or_default(), self.ascii, out);
    }
}

/// Appends a string with its quotes. Bytes that are not UTF-8 become `\udc80` to `\udcff`.
pub fn write_json_string(text: &[u8], ascii: bool, out: &mut Vec<u8>) {
    out.push(b'"');
    for part in text.utf8_chunks() {
        for character in part.valid().chars() {
            match character {
                '"' => out.extend_from_slice(b"\\\""),
                '\\' => out.extend_from_slice(b"\\\\"),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\t' => out.extend_from_slice(b"\\t"),
                '\u{8}' => out.extend_from_slice(b"\\b"),
                '\u{c}' => out.extend_from_slice(b"\\f"),
                control if control < ' ' => write_units(control, out),
                other if ascii && !(' '..='~').contains(&other) => {
                    write_units(other, out);
                }
                other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        for byte in part.invalid() {
            out.extend_from_slice(format!("\\udc{byte:02x}").as_bytes());
        }
    }
    out.push(b'"');
}

fn write_units(character: char, out: &mut Vec<u8>) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(spacing: JsonSpacing, sorts: bool, ascii: bool, text: &str) -> String {
        let mut out = Vec::new();
        let tape = JsonTape::parse(text.as_bytes()).unwrap();
        JsonLayout { spacing, sorts, ascii }.write(&tape, 0, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn layouts_are_those_of_python() {
        let text = r#"{"b":[1,2.50,{}],"a":"é\u007f\u0001","c":[]}"#;
        assert_eq!(
            written(JsonSpacing::Spaced, true, true, text),
            "{\"a\": \"\\u00e9\\u007f\\u0001\", \"b\": [1, 2.50, {}], \"c\": []}"
        );
        assert_eq!(
            written(JsonSpacing::Compact, false, false, text),
            "{\"b\":[1,2.50,{}],\"a\":\"é\u{7f}\\u0001\",\"c\":[]}"
        );
        assert_eq!(
            written(JsonSpacing::Indented(2), false, false, r#"{"b":[1,{}],"c":[]}"#),
            "{\n  \"b\": [\n    1,\n    {}\n  ],\n  \"c\": []\n}"
        );
    }
}
