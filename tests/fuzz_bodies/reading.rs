//! What holds of everything that decodes.

use std::fmt::{Debug, Display};

/// A cause that people can read; `None` for what was refused.
pub fn read<T, E: Display>(result: Result<T, E>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            assert!(!error.to_string().is_empty(), "an error says what is wrong");
            None
        }
    }
}

/// What decodes is written again as something that decodes to the same, and is then written as it
/// is.
pub fn comes_back<T: PartialEq + Debug, E: Display + Debug>(
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, E>,
    encode: impl Fn(&T) -> Vec<u8>,
) -> Option<T> {
    let value = read(decode(bytes))?;
    let written = encode(&value);
    let again = decode(&written).expect("what is written decodes");
    assert_eq!(again, value, "what is written is the same");
    assert_eq!(encode(&again), written, "there is one way to write it");
    Some(value)
}
