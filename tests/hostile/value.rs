//! MessagePack written by hand, so that it can say what no writer of snap would.

/// The bytes of one value.
pub type Value = Vec<u8>;

fn head(short: Option<u8>, wide: u8, length: usize) -> Value {
    match short {
        Some(byte) => vec![byte],
        None => {
            let mut bytes = vec![wide];
            bytes.extend_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
            bytes
        }
    }
}

pub fn uint(number: u64) -> Value {
    match u8::try_from(number) {
        Ok(small) if small < 128 => vec![small],
        _ => [&[0xcf][..], &number.to_be_bytes()].concat(),
    }
}

pub fn int(number: i64) -> Value {
    [&[0xd3][..], &number.to_be_bytes()].concat()
}

pub fn bin(bytes: &[u8]) -> Value {
    [&head(None, 0xc6, bytes.len())[..], bytes].concat()
}

pub fn text(text: &str) -> Value {
    let short = (text.len() < 32).then_some(0xa0 | text.len() as u8);
    [&head(short, 0xdb, text.len())[..], text.as_bytes()].concat()
}

/// Says how many values come, whether or not they do.
pub fn array_head(length: usize) -> Value {
    head((length < 16).then_some(0x90 | length as u8), 0xdd, length)
}

pub fn array(values: &[Value]) -> Value {
    [array_head(values.len()), values.concat()].concat()
}

/// The same value many times.
pub fn repeated(value: &[u8], times: usize) -> Value {
    [array_head(times), value.repeat(times)].concat()
}

/// Keys in this order, which is for the caller to get right.
pub fn map(pairs: &[(&str, Value)]) -> Value {
    let short = (pairs.len() < 16).then_some(0x80 | pairs.len() as u8);
    let mut bytes = head(short, 0xdf, pairs.len());
    for (key, value) in pairs {
        bytes.extend(text(key));
        bytes.extend_from_slice(value);
    }
    bytes
}
