use super::*;
use proptest::prelude::*;

const MADRID: &str = "2025-11-28T10:25:07.5[Europe/Madrid]"; // a Friday

fn parse(text: &str, now: &str) -> Result<TimeExpression, TimeError> {
    TimeExpression::parse(text, &now.parse().unwrap())
}

fn moment(text: &str, now: &str) -> Moment {
    match parse(text, now) {
        Ok(TimeExpression::Moment(moment)) => moment,
        other => panic!("{text}: {other:?}"),
    }
}

/// First and last instant in the zone of `now`, and how the roll-forward's second relates.
fn shown(text: &str, now: &str) -> [String; 3] {
    let moment = moment(text, now);
    let zone = now.parse::<Zoned>().unwrap().time_zone().clone();
    [moment.first, moment.last, moment.instant].map(|time| {
        let time = time.to_zoned(zone.clone());
        format!("{}{}", time.datetime(), time.offset())
    })
}

/// Each text stands for the time of another, simpler to read.
fn assert_table(now: &str, cases: &[(&str, &str, &str, &str)]) {
    for (text, first, last, instant) in cases {
        assert_eq!(shown(text, now), [*first, *last, *instant], "{text} at {now}");
    }
}

#[test]
fn a_time_is_as_wide_as_it_is_written() {
    let day = "2025-11-27T00:00:00+01";
    let end = "2025-11-27T23:59:59.999999999+01";
    let two = "2025-11-27T02:00:00+01";
    assert_table(
        MADRID,
        &[
            ("2025-11-27", day, end, "2025-11-27T23:59:59+01"),
            (
                "last week",
                "2025-11-17T00:00:00+01",
                "2025-11-23T23:59:59.999999999+01",
                "2025-11-23T23:59:59+01",
            ),
            (
                "last month",
                "2025-10-01T00:00:00+02",
                "2025-10-31T23:59:59.999999999+01",
                "2025-10-31T23:59:59+01",
            ),
            ("2025-11-27T02:00", two, "2025-11-27T02:00:59.999999999+01", two),
            ("2025-11-27 02:00:00", two, "2025-11-27T02:00:00.999999999+01", two),
            ("2025-11-27t02:00:00.0", two, "2025-11-27T02:00:00.099999999+01", two),
            ("2025-11-27T02:00:00.000000000", two, two, two),
            (
                "2025-11-27T02:00:00.25",
                "2025-11-27T02:00:00.25+01",
                "2025-11-27T02:00:00.259999999+01",
                two,
            ),
        ],
    );
}

#[test]
fn offsets_and_zones_are_obeyed() {
    for (text, same) in [
        ("2025-11-27T02:00Z", "2025-11-27T03:00"),
        ("2025-11-27 02:00z", "2025-11-27T03:00"),
        ("2025-11-27T02:00-03:00", "2025-11-27T06:00"),
        ("2025-11-27T02:00[America/Montevideo]", "2025-11-27T06:00"),
        ("2025-11-27T02:00[america/montevideo]", "2025-11-27T06:00"),
        ("2025-11-27T02:00-03:00[America/Montevideo]", "2025-11-27T06:00"),
        ("2025-11-27T02:00[!America/Montevideo][u-ca=iso8601]", "2025-11-27T06:00"),
        ("2025-11-27T02:00[-03:00]", "2025-11-27T06:00"),
        // Z and -00:00 say nothing of the local offset.
        ("2025-11-27T05:00Z[America/Montevideo]", "2025-11-27T06:00"),
        ("2025-11-27T05:00-00:00[America/Montevideo]", "2025-11-27T06:00"),
    ] {
        assert_eq!(moment(text, MADRID), moment(same, MADRID), "{text}");
    }
    let day = moment("2025-11-27[America/Montevideo]", MADRID);
    assert_eq!(day.first.to_string(), "2025-11-27T03:00:00Z");
    assert_eq!(day.last.to_string(), "2025-11-28T02:59:59.999999999Z");
    assert_eq!(
        parse("2025-11-27T02:00+01:00[America/Montevideo]", MADRID).unwrap_err(),
        TimeError::OffsetMismatch { offset: "+01".into(), zone: "America/Montevideo".into() }
    );
    assert_eq!(
        parse("2025-11-27T02:00[Europe/Bilbao]", MADRID).unwrap_err(),
        TimeError::UnknownZone { name: "Europe/Bilbao".into() }
    );
    let long = format!("2025-11-27T02:00[Europe/{}]", "x".repeat(5000));
    assert!(parse(&long, MADRID).unwrap_err().to_string().len() < 300);
}

#[test]
fn words_are_seen_from_now() {
    for (text, same) in [
        ("today", "2025-11-28"),
        ("TODAY 02:00", "2025-11-28T02:00"),
        ("today 23:00", "2025-11-28T23:00"),
        ("yesterday", "2025-11-27"),
        (" yesterday   2:00 ", "2025-11-27T02:00"),
        ("now", "2025-11-28T10:25:07.500000000"),
        ("2 days ago", "2025-11-26T10:25:07.500000000"),
        ("2 days ago 02:00", "2025-11-26T02:00"),
        ("1 week ago", "2025-11-21T10:25:07.500000000"),
        ("9 months ago", "2025-02-28T10:25:07.500000000"),
        ("1 year ago 02:00:07", "2024-11-28T02:00:07"),
        ("3 hours ago", "2025-11-28T07:25:07.500000000"),
        ("90 minutes ago", "2025-11-28T08:55:07.500000000"),
        ("8 secs ago", "2025-11-28T10:24:59.500000000"),
        // The latest that is not after now.
        ("10:25", "2025-11-28T10:25"),
        ("10:25:08", "2025-11-27T10:25:08"),
        ("02:00", "2025-11-28T02:00"),
        ("23:00", "2025-11-27T23:00"),
        ("monday", "2025-11-24"),
        ("mon 02:00", "2025-11-24T02:00"),
        ("last monday", "2025-11-24"),
        ("friday", "2025-11-28"),
        ("friday 02:00", "2025-11-28T02:00"),
        ("friday 11:00", "2025-11-21T11:00"),
        ("last friday", "2025-11-21"),
        ("last friday 02:00", "2025-11-21T02:00"),
    ] {
        assert_eq!(moment(text, MADRID), moment(same, MADRID), "{text}");
    }
    assert_eq!(parse(" Latest ", MADRID), Ok(TimeExpression::Latest));
}

#[test]
fn a_time_that_comes_twice_is_the_later_one() {
    // 2025-10-26 03:00 +02:00 became 02:00 +01:00.
    let two = "2025-10-26T02:30:00+01";
    let end = "2025-10-26T02:30:59.999999999+01";
    assert_table(
        MADRID,
        &[
            ("2025-10-26T02:30", two, end, two),
            ("2025-10-26T02:30+01:00[Europe/Madrid]", two, end, two),
            (
                "2025-10-26T02:30+02:00[Europe/Madrid]",
                "2025-10-26T02:30:00+02",
                "2025-10-26T02:30:59.999999999+02",
                "2025-10-26T02:30:00+02",
            ),
            (
                "2025-10-26",
                "2025-10-26T00:00:00+02",
                "2025-10-26T23:59:59.999999999+01",
                "2025-10-26T23:59:59+01",
            ),
            (
                "2025-11-02T01:30[America/New_York]",
                "2025-11-02T07:30:00+01",
                "2025-11-02T07:30:59.999999999+01",
                "2025-11-02T07:30:00+01",
            ),
        ],
    );
    // Midnight comes twice in Havana: the day begins with the first.
    let day = moment("2025-11-02[America/Havana]", MADRID);
    assert_eq!(day.first.to_string(), "2025-11-02T04:00:00Z");
    assert_eq!(day.last.to_string(), "2025-11-03T04:59:59.999999999Z");
}

#[test]
fn a_bare_time_that_comes_twice_is_the_later_one_that_has_passed() {
    let first = "2025-10-26T02:40+02:00[Europe/Madrid]";
    assert_eq!(shown("02:30", first)[0], "2025-10-26T02:30:00+02");
    assert_eq!(shown("sunday 02:50", first)[0], "2025-10-19T02:50:00+02");
    let second = "2025-10-26T02:40+01:00[Europe/Madrid]";
    assert_eq!(shown("02:30", second)[0], "2025-10-26T02:30:00+01");
    assert_eq!(shown("02:50", second)[0], "2025-10-26T02:50:00+02");
}

#[test]
fn a_time_in_a_gap_is_its_end() {
    // 2025-03-30 02:00 +01:00 became 03:00 +02:00.
    let three = "2025-03-30T03:00:00+02";
    let end = "2025-03-30T03:00:59.999999999+02";
    assert_table(
        MADRID,
        &[
            ("2025-03-30T02:00", three, end, three),
            ("2025-03-30T02:30", three, end, three),
            ("2025-03-30T02:59", three, end, three),
            ("2025-03-30T03:00", three, end, three),
            (
                "2025-03-09T02:30[America/New_York]",
                "2025-03-09T08:00:00+01",
                "2025-03-09T08:00:59.999999999+01",
                "2025-03-09T08:00:00+01",
            ),
        ],
    );
    assert_eq!(shown("1 day ago", "2025-03-31T02:30[Europe/Madrid]")[0], three);
    // Montevideo put its clocks forward until 2014, and no longer.
    let gap = moment("2014-10-05T02:30[America/Montevideo]", MADRID);
    assert_eq!(gap.first.to_string(), "2014-10-05T05:00:00Z");
    let none = moment("2025-10-05T02:30[America/Montevideo]", MADRID);
    assert_eq!(none.first.to_string(), "2025-10-05T05:30:00Z");
    // Samoa left out a whole day.
    let day = moment("2011-12-30[Pacific/Apia]", MADRID);
    assert_eq!(day.first.to_string(), "2011-12-30T10:00:00Z");
    assert_eq!(day.first, day.last);
}

#[test]
fn the_days_of_changing_clocks_have_their_length() {
    let hours = |text: &str| {
        let day = moment(text, MADRID);
        day.last.duration_since(day.first).as_millis() / 3_600_000 + 1
    };
    assert_eq!(hours("2025-03-30"), 23);
    assert_eq!(hours("2025-10-26"), 25);
    assert_eq!(hours("2025-03-30[America/Montevideo]"), 24);
}

#[test]
fn errors_name_what_was_not_understood_and_give_examples() {
    for (text, part) in [
        ("", ""),
        ("soon", "soon"),
        ("last decade", "last decade"),
        ("yesterday 25:00", "25:00"),
        ("monday 02:00 or so", "02:00 or so"),
        ("3 hours ago 02:00", "02:00"),
        ("-2 days ago", "-2 days ago"),
        ("2 fortnights ago", "2 fortnights ago"),
        ("2025-02-30", "2025-02-30"),
        ("2025-11-28T02", "2025-11-28T02"),
        ("2025-11-28T0200", "2025-11-28T0200"),
        ("2025-11-28T02:00,5", "2025-11-28T02:00,5"),
        ("2025-11-28Z", "2025-11-28Z"),
        ("2025-11-28T02:00 tomorrow", "2025-11-28T02:00 tomorrow"),
    ] {
        let error = parse(text, MADRID).unwrap_err();
        assert_eq!(error, TimeError::NotUnderstood { text: part.to_owned() }, "{text}");
        let message = error.to_string();
        for example in ["2025-11-28T02:00", "yesterday 02:00", "2 days ago"] {
            assert!(message.contains(example) && parse(example, MADRID).is_ok(), "{message}");
        }
    }
    for text in ["15000 years ago", "99999999999999999999 days ago", "9999-12-31T23:59Z"] {
        assert!(matches!(parse(text, MADRID), Err(TimeError::OutOfRange { .. })), "{text}");
    }
}

#[test]
fn an_exact_time_is_the_start_of_what_is_written() {
    let now: Zoned = MADRID.parse().unwrap();
    let exact = |text: &str| parse_exact(text, &now).map(|time| time.to_string());
    assert_eq!(exact("2025-11-27"), Ok("2025-11-26T23:00:00Z".to_owned()));
    assert_eq!(exact("02:00"), Ok("2025-11-28T01:00:00Z".to_owned()));
    assert_eq!(exact("latest"), Err(TimeError::LatestIsNoTime));
}

/// Texts that are almost times.
fn almost_time() -> impl Strategy<Value = String> {
    let words = [
        "latest",
        "now",
        "today",
        "yesterday",
        "last",
        "monday",
        "fri",
        "ago",
        "2",
        "99999999999",
        "days",
        "hours",
        "months",
        "02:00",
        "2025-10-26",
        "9999-12-31",
        "-009999-01-01",
        "T02:30",
        "Z",
        "+25:59",
        "[Europe/Madrid]",
        "[",
        "é",
        ".5",
        ":60",
        " ",
    ];
    proptest::collection::vec(proptest::sample::select(words.to_vec()), 0..6)
        .prop_flat_map(|words| prop_oneof![Just(words.join(" ")), Just(words.concat())])
}

fn times(first: Timestamp) -> impl Strategy<Value = Timestamp> {
    (first.as_nanosecond()..=Timestamp::MAX.as_nanosecond())
        .prop_map(|nanosecond| Timestamp::from_nanosecond(nanosecond).unwrap())
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(
        text in prop_oneof![any::<String>(), "[0-9TZ:.+\\[\\]a-zA-Z/ -]{0,40}", almost_time()],
        now in times(Timestamp::MIN),
    ) {
        let zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
        let parsed = TimeExpression::parse(&text, &now.to_zoned(zone));
        if let Ok(TimeExpression::Moment(moment)) = parsed {
            prop_assert!(moment.first <= moment.last);
            prop_assert!(moment.instant <= moment.last);
            prop_assert_eq!(moment.instant.subsec_nanosecond(), 0);
        }
    }

    #[test]
    fn written_times_read_back(time in times("0000-01-01T00:00Z".parse().unwrap())) {
        let (now, whole) = (MADRID.parse().unwrap(), whole_second(time));
        let seconds = TimeExpression::parse(&format!("{whole:.0}"), &now).unwrap();
        let exact = TimeExpression::parse(&format!("{time:.9}"), &now).unwrap();
        prop_assert_eq!(exact, TimeExpression::Moment(Moment::exact(time)));
        let width = SignedDuration::from_secs(1);
        prop_assert_eq!(seconds, TimeExpression::Moment(Moment::starting(whole, width)));
    }
}
