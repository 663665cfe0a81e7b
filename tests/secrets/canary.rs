//! A secret in every form in which it could get out.

pub struct Canary {
    pub name: &'static str,
    /// How it is written, and the bytes.
    forms: Vec<(&'static str, Vec<u8>)>,
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const OF_ADDRESSES: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Canary {
    pub fn new(name: &'static str, secret: &[u8]) -> Self {
        let mut forms = vec![
            ("as it is", secret.to_vec()),
            ("in hexadecimal", hexadecimal(secret).into_bytes()),
            ("in hexadecimal", hexadecimal(secret).to_uppercase().into_bytes()),
            ("as in an address", in_address(secret)),
            ("as in an address", in_address(secret).to_ascii_lowercase()),
            ("as Rust shows it", String::from_utf8_lossy(secret).escape_debug().to_string().into()),
        ];
        for alphabet in [STANDARD, OF_ADDRESSES] {
            forms.extend((0..3).map(|before| ("in base64", base64(alphabet, secret, before))));
        }
        Self { name, forms }
    }

    /// The name and the form in which `bytes` hold it.
    pub fn find(&self, bytes: &[u8]) -> Option<String> {
        let holds = |form: &[u8]| bytes.windows(form.len()).any(|window| window == form);
        let (how, _) = self.forms.iter().find(|(_, form)| holds(form))?;
        Some(format!("{} {how}", self.name))
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn in_address(bytes: &[u8]) -> Vec<u8> {
    let part = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            vec![*byte]
        }
        other => format!("%{other:02X}").into_bytes(),
    };
    bytes.iter().flat_map(part).collect()
}

/// The digits that do not depend on what stands around, with so many bytes before.
fn base64(alphabet: &[u8; 64], bytes: &[u8], before: usize) -> Vec<u8> {
    let bits = |at: usize| -> u8 {
        let bit = |number: usize| bytes[number / 8] >> (7 - number % 8) & 1;
        (at..at + 6).fold(0, |value, number| value << 1 | bit(number))
    };
    let first = (6 - before * 8 % 6) % 6;
    let starts = (first..).step_by(6).take_while(|at| at + 6 <= bytes.len() * 8);
    starts.map(|at| alphabet[usize::from(bits(at))]).collect()
}

#[test]
fn every_form_is_found() {
    let canary = Canary::new("it", b"secret+word");
    for text in [
        "a secret+word b",
        "7365637265742b776f7264",
        "secret%2Bword",
        "c2VjcmV0K3dvcmQ=",
        "AHNlY3JldCt3b3Jk",
        "AABzZWNyZXQrd29yZA==",
    ] {
        assert!(canary.find(text.as_bytes()).is_some(), "{text}");
    }
    assert_eq!(canary.find(b"secret word"), None);
}
