//! Hides what is not code: a scanner for comments, strings and characters of Rust.

use super::source::is_word;

/// The text with spaces over comments and literals; lines and offsets stay.
pub fn mask(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut masked = bytes.to_vec();
    let mut offset = 0;
    while offset < bytes.len() {
        let Some(end) = hidden(bytes, offset) else {
            offset += 1;
            continue;
        };
        for byte in masked[offset..end].iter_mut().filter(|byte| **byte != b'\n') {
            *byte = b' ';
        }
        offset = end;
    }
    String::from_utf8(masked).unwrap()
}

/// Behind the comment or literal that begins at `start`, if one does.
fn hidden(bytes: &[u8], start: usize) -> Option<usize> {
    let end = match &bytes[start..] {
        [b'/', b'/', ..] => find(bytes, start, b"\n"),
        [b'/', b'*', ..] => block_comment(bytes, start),
        [b'"', ..] => string(bytes, start + 1),
        [b'\'', ..] => character(bytes, start + 1)?,
        [b'r' | b'b' | b'c', ..] => prefixed_string(bytes, start)?,
        _ => return None,
    };
    Some(end.min(bytes.len()))
}

/// Where `needle` begins, or the end.
fn find(bytes: &[u8], start: usize, needle: &[u8]) -> usize {
    let found = bytes[start..].windows(needle.len()).position(|window| window == needle);
    found.map_or(bytes.len(), |distance| start + distance)
}

/// Comments nest.
fn block_comment(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0;
    let mut offset = start;
    while offset < bytes.len() {
        let step = match &bytes[offset..] {
            [b'/', b'*', ..] => 1,
            [b'*', b'/', ..] => -1,
            _ => 0,
        };
        depth += step;
        offset += if step == 0 { 1 } else { 2 };
        if depth == 0 {
            break;
        }
    }
    offset
}

/// Behind the quote that closes a string whose first character is at `start`.
fn string(bytes: &[u8], start: usize) -> usize {
    let mut offset = start;
    while offset < bytes.len() && bytes[offset] != b'"' {
        offset += if bytes[offset] == b'\\' { 2 } else { 1 };
    }
    offset + 1
}

/// Behind a character literal; `None` for a lifetime.
fn character(bytes: &[u8], start: usize) -> Option<usize> {
    if bytes.get(start) == Some(&b'\\') {
        return Some(find(bytes, start + 2, b"'") + 1);
    }
    let text = bytes.get(start..(start + 4).min(bytes.len()))?;
    let length = text.utf8_chunks().next()?.valid().chars().next()?.len_utf8();
    (bytes.get(start + length) == Some(&b'\'')).then_some(start + length + 1)
}

/// Behind `r"…"`, `br#"…"#`, `b"…"` and the like; `None` if `start` begins a word.
fn prefixed_string(bytes: &[u8], start: usize) -> Option<usize> {
    if start > 0 && is_word(char::from(bytes[start - 1])) {
        return None;
    }
    let letters = bytes[start..].iter().take_while(|byte| b"rbc".contains(byte)).count();
    let raw = bytes[start + letters - 1] == b'r';
    let hashes = bytes[start + letters..].iter().take_while(|byte| **byte == b'#').count();
    let quote = start + letters + hashes;
    if bytes.get(quote) != Some(&b'"') || letters > 2 || (hashes > 0 && !raw) {
        return None;
    }
    if !raw {
        return Some(string(bytes, quote + 1));
    }
    let end = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
    Some(find(bytes, quote + 1, &end) + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_hidden() {
        for (text, code) in [
            ("a // b\nc", "a c"),
            ("a /* b /* c */ d */ e", "a e"),
            (r#"a "b \" // c" d"#, "a d"),
            (r##"a r#"b " c"# d"##, "a d"),
            ("a r\"\\\" b", "a b"),
            ("a br\"x\" c\"y\" b\"z\" d", "a d"),
            (r"a '{' '\'' '\u{1}' 'é' c", "a c"),
            ("fn a<'b>(c: &'b d)", "fn a<'b>(c: &'b d)"),
            ("r#type barb", "r#type barb"),
            ("a \"b\nc\" d", "a d"),
            ("a \"b", "a"),
            ("a /* b", "a"),
            ("'a: loop", "'a: loop"),
        ] {
            let masked = mask(text);
            assert_eq!(masked.split_whitespace().collect::<Vec<_>>().join(" "), code, "{text}");
            assert_eq!(masked.len(), text.len(), "{text}");
            assert_eq!(masked.lines().count(), text.lines().count(), "{text}");
        }
    }
}
