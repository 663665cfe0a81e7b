//! Sizes in bytes, as people write and read them.

/// Why a text is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    #[error(
        "{text:?} is not a size: write for example 812, 500k, 10M or 1.5GiB (k is 1024 bytes, M \
         1024 k, and so on to E)"
    )]
    NotUnderstood { text: String },
    #[error("{text:?} is more bytes than can be counted")]
    TooLarge { text: String },
}

/// From small to large, each 1024 times the one before.
const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// Reads `812`, `812 B`, `500k`, `10M`, `1.5GiB`, in letters of either case; the largest unit is
/// E. Fractions of a byte are dropped. `MB` is refused: to some it is 1000, to others 1024 KB.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    let not_understood = || SizeError::NotUnderstood { text: text.chars().take(80).collect() };
    let too_large = || SizeError::TooLarge { text: text.chars().take(80).collect() };
    let (number, unit) = split_number(text.trim());
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if !is_digits(whole) || !is_digits(fraction) {
        return Err(not_understood());
    }
    let unit = unit_bytes(unit.trim_start()).ok_or_else(not_understood)?;
    let whole: u64 = whole.parse().map_err(|_| too_large())?;
    let whole = whole.checked_mul(unit).ok_or_else(too_large)?;
    whole.checked_add(fraction_of(unit, fraction)).ok_or_else(too_large)
}

/// What of `text` belongs to a number, and the rest.
fn split_number(text: &str) -> (&str, &str) {
    let is_number = |character: char| character.is_ascii_digit() || character == '.';
    text.find(|character| !is_number(character)).map_or((text, ""), |end| text.split_at(end))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// How many bytes a unit is.
fn unit_bytes(word: &str) -> Option<u64> {
    let word = word.to_ascii_lowercase();
    let is_meant = |unit: &str| {
        let unit = unit.to_ascii_lowercase();
        word == unit || (unit.len() == 3 && unit.get(..1) == Some(&word))
    };
    let exponent =
        if word.is_empty() { 0 } else { UNITS.iter().position(|unit| is_meant(unit))? };
    1024_u64.checked_pow(u32::try_from(exponent).ok()?)
}

/// The decimal digits after the point, in bytes of `unit`. (18 digits are more than any unit has
/// bytes.)
fn fraction_of(unit: u64, digits: &str) -> u64 {
    let digits = digits.get(..18).unwrap_or(digits);
    let scale = 10_u128.pow(u32::try_from(digits.len()).unwrap_or(18));
    let numerator: u128 = digits.parse().unwrap_or(0);
    u64::try_from(u128::from(unit).saturating_mul(numerator) / scale).unwrap_or(0)
}

/// `812 B`, `1.234 GiB`: rounded down, so a size never shows as more than it is.
pub fn format_size(bytes: u64) -> String {
    let exponent = (bytes.max(1).ilog2() / 10) as usize;
    let name = UNITS.get(exponent).copied().unwrap_or("EiB");
    if exponent == 0 {
        return format!("{bytes} {name}");
    }
    let thousandths = (u128::from(bytes) * 1000) >> (10 * exponent);
    format!("{}.{:03} {name}", thousandths / 1000, thousandths % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in [
            ("0", 0),
            ("812", 812),
            ("812 B", 812),
            ("500k", 512_000),
            ("500K", 512_000),
            ("10M", 10 << 20),
            (" 2 G ", 2 << 30),
            ("1.5GiB", 3 << 29),
            ("1.5gib", 3 << 29),
            ("0.3k", 307),
            ("0.9999999999999999999999E", (1 << 60) - 2),
            ("15E", 15 << 60),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "k", "-1", "1.", ".5", "1.2.3", "10MB", "1 kB", "1,5G", "1X", "1 0", "٣"]
        {
            assert!(matches!(parse_size(text), Err(SizeError::NotUnderstood { .. })), "{text}");
        }
        for text in ["16E", "18446744073709551616", "99999999999999999999999k"] {
            assert!(matches!(parse_size(text), Err(SizeError::TooLarge { .. })), "{text}");
        }
    }

    #[test]
    fn sizes_are_written() {
        for (bytes, text) in [
            (0, "0 B"),
            (812, "812 B"),
            (1023, "1023 B"),
            (1024, "1.000 KiB"),
            (1_048_575, "1023.999 KiB"),
            (1_325_400_064, "1.234 GiB"),
            (u64::MAX, "15.999 EiB"),
        ] {
            assert_eq!(format_size(bytes), text);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(
            text in "\\PC{0,20}|[0-9]{0,20}[.]?[0-9]{0,30} ?[a-zA-Z]{0,3}",
        ) {
            let _ = parse_size(&text);
        }

        #[test]
        fn what_is_written_reads_back_to_a_thousandth_of_its_unit(bytes: u64) {
            let read = parse_size(&format_size(bytes)).unwrap();
            prop_assert!(read <= bytes && bytes - read <= bytes / 1000 + 1, "{bytes} {read}");
        }
    }
}
