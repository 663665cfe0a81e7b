use super::*;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use std::collections::HashSet;

const NOW: &str = "2025-11-28T12:00[Europe/Madrid]";

fn now() -> Zoned {
    NOW.parse().unwrap()
}

/// A candidate at a local time of Madrid, or at one with an offset.
fn at(begun: &str) -> Candidate {
    let zoned = || begun.parse::<jiff::civil::DateTime>()?.to_zoned(now().time_zone().clone());
    let begun: Timestamp =
        begun.parse().or_else(|_| zoned().map(|time: Zoned| time.timestamp())).unwrap();
    let id = SessionId::new(begun.as_nanosecond().to_be_bytes());
    Candidate { id, begun, tags: Vec::new(), future: false, safety: false }
}

fn tagged(begun: &str, tags: &[&str]) -> Candidate {
    Candidate { tags: tags.iter().map(|tag| tag.to_string()).collect(), ..at(begun) }
}

fn count(count: u32) -> Option<Keep> {
    Some(Keep::Count(count))
}

fn span(text: &str) -> Option<Span> {
    Some(text.parse().unwrap())
}

/// Each snapshot newest first: its local time and why it is kept; `-` where it is not.
fn decided(candidates: &[Candidate], policy: &Policy) -> Vec<String> {
    let decisions = decide(candidates, policy, Span::SAFETY, &now()).unwrap();
    let line = |decision: Decision| {
        let time = decision.begun.to_zoned(now().time_zone().clone()).strftime("%m-%d %H:%M");
        let reasons: Vec<_> = decision.reasons.iter().map(Reason::to_string).collect();
        format!("{time} {} {}", if decision.keep { "+" } else { "-" }, reasons.join(", "))
    };
    decisions.into_iter().map(line).collect()
}

fn assert_decided(times: &[&str], policy: &Policy, expected: &[&str]) {
    let candidates: Vec<_> = times.iter().map(|time| at(time)).collect();
    assert_eq!(decided(&candidates, policy), expected);
}

const FORGOTTEN: &str = "no rule keeps it";

#[test]
fn the_newest_of_each_day_is_kept() {
    let times = ["2025-11-28T02:00", "2025-11-27T02:00", "2025-11-27T22:00", "2025-11-26T02:00"];
    assert_decided(
        &times,
        &Policy { daily: count(2), ..Policy::default() },
        &[
            "11-28 02:00 + daily snapshot 2025-11-28",
            "11-27 22:00 + daily snapshot 2025-11-27",
            &format!("11-27 02:00 - {FORGOTTEN}"),
            &format!("11-26 02:00 - {FORGOTTEN}"),
        ],
    );
}

#[test]
fn a_count_that_is_not_used_up_keeps_the_oldest_of_all() {
    let times = ["2025-11-28T02:00", "2025-11-27T22:00", "2025-11-27T12:00", "2025-11-27T02:00"];
    let policy = |daily| Policy { daily, ..Policy::default() };
    assert_decided(
        &times,
        &policy(count(3)),
        &[
            "11-28 02:00 + daily snapshot 2025-11-28",
            "11-27 22:00 + daily snapshot 2025-11-27",
            &format!("11-27 12:00 - {FORGOTTEN}"),
            "11-27 02:00 + oldest daily",
        ],
    );
    assert!(decided(&times.map(at), &policy(count(2)))[3].ends_with(FORGOTTEN));
    assert!(decided(&times.map(at), &policy(Some(Keep::Unlimited)))[3].ends_with("oldest daily"));
}

#[test]
fn every_rule_that_keeps_a_snapshot_says_so() {
    let policy = Policy {
        last: count(3),
        hourly: count(1),
        daily: count(1),
        weekly: count(2),
        monthly: count(1),
        yearly: Some(Keep::Unlimited),
        within: span("2w"),
        within_daily: span("1d1h"),
        tags: vec![vec!["important".into()], vec!["a".into(), "b".into()], vec!["".into()]],
        ..Policy::default()
    };
    let candidates = [
        tagged("2025-11-28T02:00", &["important", "x"]),
        tagged("2024-12-31T02:00", &["a", "b", "x"]),
        tagged("2024-12-29T02:00", &[]),
        tagged("2024-12-28T02:00", &["a"]),
        tagged("2024-01-01T00:00", &["b"]),
    ];
    assert_eq!(
        decided(&candidates, &policy),
        [
            "11-28 02:00 + last 3, hourly snapshot 2025-11-28 02:00, daily snapshot 2025-11-28, \
         weekly snapshot 2025-W48, monthly snapshot 2025-11, yearly snapshot 2025, within 2w, \
         daily snapshot 2025-11-28 within 1d1h, tag important",
            // The last days of 2024 lie in the first week of 2025.
            "12-31 02:00 + last 3, weekly snapshot 2025-W01, yearly snapshot 2024, tags a, b",
            "12-29 02:00 + last 3, no tags",
            &format!("12-28 02:00 - {FORGOTTEN}"),
            "01-01 00:00 + oldest yearly",
        ]
    );
}

#[test]
fn within_reaches_back_from_the_newest_snapshot_and_not_from_now() {
    let times = ["2025-03-15T02:00", "2025-03-14T02:00", "2025-03-01T02:01", "2025-03-01T02:00"];
    assert_decided(
        &times,
        &Policy { within: span("14d"), ..Policy::default() },
        &[
            "03-15 02:00 + within 14d",
            "03-14 02:00 + within 14d",
            "03-01 02:01 + within 14d",
            &format!("03-01 02:00 - {FORGOTTEN}"),
        ],
    );
    assert_decided(
        &times,
        &Policy { within_weekly: span("9999y"), ..Policy::default() },
        &[
            "03-15 02:00 + weekly snapshot 2025-W11 within 9999y",
            &format!("03-14 02:00 - {FORGOTTEN}"),
            "03-01 02:01 + weekly snapshot 2025-W09 within 9999y",
            "03-01 02:00 + oldest weekly within 9999y",
        ],
    );
}

#[test]
fn days_and_hours_are_those_of_the_zone() {
    // 23:30 and 00:30 in Madrid are one day in UTC; 02:30 comes twice on 2025-10-26.
    let times = ["2025-11-27T23:30Z", "2025-11-27T22:30Z"];
    assert_decided(
        &times,
        &Policy { daily: count(2), ..Policy::default() },
        &["11-28 00:30 + daily snapshot 2025-11-28", "11-27 23:30 + daily snapshot 2025-11-27"],
    );
    let times = ["2025-10-26T01:30Z", "2025-10-26T00:45Z", "2025-10-26T00:30Z"];
    assert_decided(
        &times,
        &Policy { hourly: count(2), ..Policy::default() },
        &[
            "10-26 02:30 + hourly snapshot 2025-10-26 02:00",
            "10-26 02:45 + hourly snapshot 2025-10-26 02:00",
            &format!("10-26 02:30 - {FORGOTTEN}"),
        ],
    );
}

#[test]
fn snapshots_of_the_future_and_safety_snapshots_fill_no_slot() {
    let policy = Policy { last: count(1), within: span("2d"), ..Policy::default() };
    let candidates = [
        Candidate { future: true, ..at("2031-01-01T00:00") },
        Candidate { safety: true, ..at("2025-11-28T11:00") },
        at("2025-11-28T02:00"),
        at("2025-11-26T03:00"),
        Candidate { safety: true, ..at("2025-10-29T12:01") },
        Candidate { safety: true, ..at("2025-10-29T12:00") },
    ];
    let expected = [
        "01-01 00:00 + its time lies in the future of the storage's clock",
        "11-28 11:00 + safety snapshot, kept for 30d",
        "11-28 02:00 + last 1, within 2d",
        "11-26 03:00 + within 2d",
        "10-29 12:01 + safety snapshot, kept for 30d",
        "10-29 12:00 - safety snapshot, older than 30d",
    ];
    assert_eq!(decided(&candidates, &policy), expected);
}

#[test]
fn a_begun_is_of_the_future_when_it_is_more_than_ten_minutes_after_the_storages_stamp() {
    let stored: Timestamp = "2025-11-28T02:00Z".parse().unwrap();
    for (begun, expected) in [
        ("2025-11-28T02:10Z", false),
        ("2025-11-28T02:10:00.000000001Z", true),
        ("2012-01-01T00:00Z", false),
    ] {
        assert_eq!(begun_in_future(begun.parse().unwrap(), stored), expected, "{begun}");
    }
}

#[test]
fn policies_that_keep_nothing_are_refused() {
    let zero = Policy {
        last: count(0),
        weekly: count(0),
        within: span("0d"),
        within_yearly: span("0h"),
        tags: vec![vec![]],
        ..Policy::default()
    };
    for policy in [Policy::default(), zero] {
        assert!(policy.keeps_nothing());
        let refused = decide(&[at("2025-11-28T02:00")], &policy, Span::SAFETY, &now());
        assert_eq!(refused, Err(PolicyError::KeepsNothing));
    }
    assert_eq!(Policy::default_stored().check(), Ok(()));
}

#[test]
fn a_group_of_which_nothing_would_stay_is_refused() {
    let policy = Policy { tags: vec![vec!["typo".into()]], ..Policy::default() };
    let candidates = [
        Candidate { future: true, ..at("2031-01-01T00:00") },
        tagged("2025-11-28T02:00", &["type"]),
        tagged("2025-11-27T02:00", &[]),
    ];
    let refused = decide(&candidates, &policy, Span::SAFETY, &now());
    assert_eq!(refused, Err(PolicyError::ForgetsAll { count: 2 }));
    assert_eq!(decide(&[], &policy, Span::SAFETY, &now()), Ok(Vec::new()));
}

#[test]
fn a_policy_is_shown_in_words() {
    let shown = Policy::default_stored().to_string();
    assert_eq!(shown, "30 daily, 12 weekly, 12 monthly, all yearly");
    let policy = Policy {
        last: count(3),
        within: span("14d"),
        within_hourly: span("2d"),
        tags: vec![vec!["important".into()]],
        ..Policy::default()
    };
    assert_eq!(policy.to_string(), "last 3, all within 14d, hourly within 2d, tag important");
}

fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
    // Dense enough that hours and days are shared, long enough for some years.
    let gap = prop_oneof![4 => 1..7_200_i64, 3 => 7_200..200_000_i64, 1 => 200_000..20_000_000_i64];
    let tags = proptest::sample::subsequence(vec!["a".to_owned(), "b".to_owned()], 0..=2);
    let one = (gap, tags, proptest::bool::weighted(0.1), proptest::bool::weighted(0.1));
    proptest::collection::vec(one, 0..30).prop_map(|items| {
        let mut begun: Timestamp = "2025-11-28T02:00Z".parse().unwrap();
        let candidate = |(index, (gap, tags, future, safety))| {
            begun -= SignedDuration::from_secs(gap);
            let id = SessionId::new([u8::try_from(index).unwrap(); 16]);
            Candidate { id, begun, tags, future, safety }
        };
        items.into_iter().enumerate().map(candidate).collect()
    })
}

fn keeps() -> impl Strategy<Value = Option<Keep>> {
    proptest::option::of(prop_oneof![
        5 => (0..6_u32).prop_map(Keep::Count),
        1 => Just(Keep::Unlimited),
    ])
}

fn spans() -> impl Strategy<Value = Option<Span>> {
    let spans = ["0d", "5h", "2d", "3w", "2m", "1y", "1y2m3d4h", "9999y"];
    proptest::option::weighted(0.2, proptest::sample::select(spans.to_vec()))
        .prop_map(|text| text.and_then(span))
}

fn policies() -> impl Strategy<Value = Policy> {
    let tags = ["a", "b", ""].map(|tag| vec![tag.to_owned()]).to_vec();
    let tags = proptest::sample::subsequence(tags, 0..2);
    let keeps = std::array::from_fn::<_, 6, _>(|_| keeps());
    let spans = std::array::from_fn::<_, 6, _>(|_| spans());
    (keeps, spans, tags).prop_map(|(keeps, spans, tags)| {
        let [last, hourly, daily, weekly, monthly, yearly] = keeps;
        let [within, within_hourly, within_daily, within_weekly, within_monthly, within_yearly] =
            spans;
        let counts = Policy { last, hourly, daily, weekly, monthly, yearly, ..Policy::default() };
        Policy {
            within,
            within_hourly,
            within_daily,
            within_weekly,
            within_monthly,
            within_yearly,
            tags,
            ..counts
        }
    })
}

/// The rules of both; of a rule that both have, the one of `first`.
fn united(first: Policy, second: Policy) -> Policy {
    Policy {
        last: first.last.or(second.last),
        hourly: first.hourly.or(second.hourly),
        daily: first.daily.or(second.daily),
        weekly: first.weekly.or(second.weekly),
        monthly: first.monthly.or(second.monthly),
        yearly: first.yearly.or(second.yearly),
        within: first.within.or(second.within),
        within_hourly: first.within_hourly.or(second.within_hourly),
        within_daily: first.within_daily.or(second.within_daily),
        within_weekly: first.within_weekly.or(second.within_weekly),
        within_monthly: first.within_monthly.or(second.within_monthly),
        within_yearly: first.within_yearly.or(second.within_yearly),
        tags: [first.tags, second.tags].concat(),
    }
}

/// Those that are kept; `None` if the policy is refused.
fn kept(candidates: &[Candidate], policy: &Policy) -> Option<HashSet<SessionId>> {
    let decisions = decide(candidates, policy, Span::SAFETY, &now()).ok()?;
    assert_eq!(decisions.len(), candidates.len());
    assert!(decisions.iter().all(|decision| !decision.reasons.is_empty()));
    Some(decisions.iter().filter(|decision| decision.keep).map(|decision| decision.id).collect())
}

/// What `daily` keeps by definition: a snapshot stays if it is the newest of its day and fewer
/// than `count` days are newer, and the oldest of all if there are fewer than `count` days.
fn kept_by_definition(
    candidates: &[Candidate],
    count: usize,
    zone: &TimeZone,
) -> HashSet<SessionId> {
    let day = |candidate: &Candidate| candidate.begun.to_zoned(zone.clone()).date();
    let days: HashSet<_> = candidates.iter().map(day).collect();
    let stays = |candidate: &&Candidate| {
        let day_of = day(candidate);
        let newest = !candidates.iter().any(|c| c.begun > candidate.begun && day(c) == day_of);
        let oldest = !candidates.iter().any(|c| c.begun < candidate.begun);
        let newer_days = days.iter().filter(|&&other| other > day_of).count();
        (newest && newer_days < count) || (oldest && days.len() < count)
    };
    candidates.iter().filter(stays).map(|candidate| candidate.id).collect()
}

proptest! {
    #[test]
    fn deciding_again_keeps_all_that_was_kept(candidates in candidates(), policy in policies()) {
        if let Some(first) = kept(&candidates, &policy) {
            let survivors: Vec<_> =
                candidates.into_iter().filter(|c| first.contains(&c.id)).collect();
            prop_assert_eq!(kept(&survivors, &policy), Some(first));
        }
    }

    #[test]
    fn another_rule_never_forgets_more(
        candidates in candidates(),
        policy in policies(),
        more in policies(),
    ) {
        if let Some(before) = kept(&candidates, &policy) {
            let after = kept(&candidates, &united(policy, more));
            prop_assert!(after.is_some_and(|after| after.is_superset(&before)));
        }
    }

    #[test]
    fn a_larger_count_never_forgets_more(candidates in candidates(), policy in policies()) {
        let larger = Policy { weekly: policy.weekly.map(|keep| match keep {
            Keep::Count(count) => Keep::Count(count + 1),
            Keep::Unlimited => Keep::Unlimited,
        }), ..policy.clone() };
        if let Some(before) = kept(&candidates, &policy) {
            let after = kept(&candidates, &larger);
            prop_assert!(after.is_some_and(|after| after.is_superset(&before)));
        }
    }

    #[test]
    fn a_counting_rule_keeps_the_newest(
        candidates in candidates(),
        policy in policies(),
        keep in 1..4_u32,
    ) {
        let policy = Policy { monthly: count(keep), ..policy };
        let newest = candidates.iter().filter(|c| !c.future && !c.safety).max_by_key(|c| c.begun);
        let kept = kept(&candidates, &policy).unwrap();
        prop_assert!(newest.is_none_or(|newest| kept.contains(&newest.id)));
    }

    #[test]
    fn the_order_of_the_snapshots_does_not_matter(
        (candidates, shuffled) in
            candidates().prop_flat_map(|list| (Just(list.clone()), Just(list).prop_shuffle())),
        policy in policies(),
    ) {
        let decide = |list: &[Candidate]| decide(list, &policy, Span::SAFETY, &now());
        prop_assert_eq!(decide(&candidates), decide(&shuffled));
    }

    #[test]
    fn daily_keeps_what_its_definition_says(candidates in candidates(), keep in 1..8_u32) {
        let ordinary: Vec<_> =
            candidates.into_iter().filter(|c| !c.future && !c.safety).collect();
        let policy = Policy { daily: count(keep), ..Policy::default() };
        let expected = kept_by_definition(&ordinary, keep as usize, now().time_zone());
        prop_assert_eq!(kept(&ordinary, &policy), Some(expected));
    }
}
