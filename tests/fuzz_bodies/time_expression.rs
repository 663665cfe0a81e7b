//! Times, spans, durations, sizes and counts, as people write them.

use super::reading::read;
use jiff::Zoned;
use snapstore::ops::ReadData;
use snapstore::policy::{
    GroupBy, Keep, Moment, Span, TimeExpression, format_size, parse_exact, parse_size,
};
use snapstore::settings::config::{parse_duration, parse_part};
use std::fmt::{Debug, Display};
use std::str::FromStr;

/// Messages quote no more than this of what they refuse, in characters.
const LONGEST_MESSAGE: usize = 600;

pub fn body(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for now in ["2025-11-28T02:00[UTC]", "2025-10-26T02:30+01:00[Europe/Madrid]"] {
        let now: Zoned = now.parse().expect("a time");
        time(text, &now);
    }
    spelled::<Span>(text);
    spelled::<Keep>(text);
    spelled::<GroupBy>(text);
    if let Some(bytes) = read(parse_size(text)) {
        let again = parse_size(&format_size(bytes)).expect("a size");
        assert!(again <= bytes && bytes - again <= bytes / 1000 + 1);
    }
    if let Some(ReadData::Percent(percent)) = read(parse_part(text)) {
        assert!(percent > 0.0 && percent <= 100.0);
    }
    if let Some(duration) = read(parse_duration(text)) {
        let shown = jiff::SignedDuration::try_from(duration).expect("it was one").to_string();
        assert_eq!(parse_duration(&shown), Ok(duration));
    }
}

fn time(text: &str, now: &Zoned) {
    let exact = parse_exact(text, now);
    match TimeExpression::parse(text, now) {
        Ok(TimeExpression::Latest) => assert!(exact.is_err()),
        Ok(TimeExpression::Moment(moment)) => {
            assert_eq!(exact, Ok(moment.first));
            moment_holds(&moment, now);
        }
        Err(error) => {
            assert_eq!(exact, Err(error.clone()));
            let message = error.to_string();
            assert!(message.chars().count() <= LONGEST_MESSAGE, "{message}");
        }
    }
}

fn moment_holds(moment: &Moment, now: &Zoned) {
    assert!(moment.first <= moment.last, "{moment:?}");
    let (first, last) = (moment.first.as_second(), moment.last.as_second());
    assert!((first - 1..=last + 1).contains(&moment.instant.as_second()), "{moment:?}");
    assert_eq!(moment.instant.subsec_nanosecond(), 0, "{moment:?}");
    // Years below 0 or above 9999 have another spelling, which is not read.
    let written = moment.first.to_string();
    if !written.starts_with(['-', '+']) {
        assert_eq!(parse_exact(&written, now), Ok(moment.first), "{written}");
    }
}

/// What is read is written as something that reads back.
fn spelled<T: FromStr + Display + PartialEq + Debug>(text: &str)
where
    T::Err: Display + Debug,
{
    match text.parse::<T>() {
        Ok(value) => assert_eq!(value.to_string().parse::<T>().expect("it is one"), value),
        Err(error) => assert!(error.to_string().chars().count() <= LONGEST_MESSAGE),
    }
}
