//! The words that say how much is read.

use crate::ops::ReadData;
use crate::policy::parse_size;
use std::time::Duration;

/// `1/7`, `5%`, `2.5%`, `10G`.
pub fn parse_part(text: &str) -> Result<ReadData, String> {
    let text = text.trim();
    if let Some((number, of)) = text.split_once('/') {
        return match (number.trim().parse(), of.trim().parse()) {
            (Ok(number), Ok(of)) if 1 <= number && number <= of => {
                Ok(ReadData::Part { number, of })
            }
            _ => Err(format!("{text} is no part: write for example 1/7, up to 7/7")),
        };
    }
    if let Some(percent) = text.strip_suffix('%') {
        return match percent.trim().parse::<f64>() {
            Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(ReadData::Percent(percent)),
            _ => Err(format!("{text} is no percentage between 0 and 100")),
        };
    }
    match parse_size(text) {
        Ok(0) => Err("nothing would be read".to_owned()),
        Ok(bytes) => Ok(ReadData::Bytes(bytes)),
        Err(error) => Err(error.to_string()),
    }
}

/// `90s`, `20m`, `1h30m`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text} is no length of time: write for example 20m or 1h30m");
    let (mut seconds, mut number) = (0_u64, String::new());
    for character in text.trim().chars() {
        let unit: u64 = match character {
            '0'..='9' => {
                number.push(character);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return Err(wrong()),
        };
        let part = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
        seconds = part.and_then(|part| seconds.checked_add(part)).ok_or_else(wrong)?;
        number.clear();
    }
    match seconds > 0 && number.is_empty() {
        true => Ok(Duration::from_secs(seconds)),
        false => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, seconds) in [("90s", 90), ("20m", 1200), ("1h30m", 5400)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "20", "m", "0m", "20 m", "1d", "99999999999999999999h"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn parts_are_read() {
        for (text, part) in [
            ("1/7", ReadData::Part { number: 1, of: 7 }),
            ("7 / 7", ReadData::Part { number: 7, of: 7 }),
            ("2.5%", ReadData::Percent(2.5)),
            ("100 %", ReadData::Percent(100.0)),
            ("10G", ReadData::Bytes(10 << 30)),
        ] {
            assert_eq!(parse_part(text), Ok(part), "{text}");
        }
        for text in ["", "0/7", "8/7", "1/0", "-1/7", "0%", "101%", "NaN%", "0", "x", "1/7/8"] {
            assert!(parse_part(text).is_err(), "{text}");
        }
    }
}
