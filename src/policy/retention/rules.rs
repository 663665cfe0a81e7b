//! The rules of a policy, and what each of them keeps.

use super::{Bucket, Candidate, Keep, Period, PolicyError, Reason, Span};
use crate::policy::filter::has_tags;
use jiff::Zoned;
use jiff::tz::TimeZone;
use std::fmt;

/// What to keep: a snapshot stays if any of the rules keeps it. The default has no rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    pub last: Option<Keep>,
    pub hourly: Option<Keep>,
    pub daily: Option<Keep>,
    pub weekly: Option<Keep>,
    pub monthly: Option<Keep>,
    pub yearly: Option<Keep>,
    /// Everything younger than this, seen from the newest snapshot of the group.
    pub within: Option<Span>,
    /// One an hour among those younger than this; the others likewise.
    pub within_hourly: Option<Span>,
    pub within_daily: Option<Span>,
    pub within_weekly: Option<Span>,
    pub within_monthly: Option<Span>,
    pub within_yearly: Option<Span>,
    /// Snapshots that have all tags of any of these lists; an empty text stands for "no tags".
    pub tags: Vec<Vec<String>>,
}

impl Policy {
    /// What a new repository gets: 30 daily, 12 weekly, 12 monthly, all yearly.
    pub fn default_stored() -> Self {
        Self {
            daily: Some(Keep::Count(30)),
            weekly: Some(Keep::Count(12)),
            monthly: Some(Keep::Count(12)),
            yearly: Some(Keep::Unlimited),
            ..Self::default()
        }
    }

    /// Whether no rule could keep anything: none is set, or all are zero.
    pub fn keeps_nothing(&self) -> bool {
        let counts = self.counts().iter().all(|(_, keep)| keep.is_none_or(Keep::is_zero));
        let spans = self.spans().iter().all(|(_, span)| span.is_none_or(|span| span.is_zero()));
        self.last.is_none_or(Keep::is_zero)
            && counts
            && self.within.is_none_or(|span| span.is_zero())
            && spans
            && self.tags.iter().all(Vec::is_empty)
    }

    /// Refuses a policy that keeps nothing: to be asked before one is stored.
    pub fn check(&self) -> Result<(), PolicyError> {
        if self.keeps_nothing() { Err(PolicyError::KeepsNothing) } else { Ok(()) }
    }

    fn counts(&self) -> [(Period, Option<Keep>); 5] {
        let counts = [self.hourly, self.daily, self.weekly, self.monthly, self.yearly];
        std::array::from_fn(|index| (Period::ALL[index], counts[index]))
    }

    fn spans(&self) -> [(Period, Option<Span>); 5] {
        let spans = [
            self.within_hourly,
            self.within_daily,
            self.within_weekly,
            self.within_monthly,
            self.within_yearly,
        ];
        std::array::from_fn(|index| (Period::ALL[index], spans[index]))
    }

    /// Why each of `candidates`, which come newest first, is kept; nothing where it is not.
    pub(super) fn reasons(&self, candidates: &[&Candidate], zone: &TimeZone) -> Vec<Vec<Reason>> {
        let slot = |candidate: &&Candidate| Slot {
            time: candidate.begun.to_zoned(zone.clone()),
            reasons: Vec::new(),
        };
        let mut slots: Vec<Slot> = candidates.iter().map(slot).collect();
        keep_last(&mut slots, self.last.unwrap_or(Keep::Count(0)));
        for (period, keep) in self.counts() {
            keep_one_each(&mut slots, period, keep.unwrap_or(Keep::Count(0)), None);
        }
        if let Some(span) = self.within {
            let within = |slot: &mut Slot| slot.reasons.push(Reason::Within(span));
            young(&mut slots, span).iter_mut().for_each(within);
        }
        for (period, span) in self.spans() {
            if let Some(span) = span {
                keep_one_each(&mut slots, period, Keep::Unlimited, Some(span));
            }
        }
        for (slot, candidate) in slots.iter_mut().zip(candidates) {
            let had = self.tags.iter().filter(|wanted| has_tags(&candidate.tags, wanted));
            slot.reasons.extend(had.cloned().map(Reason::Tags));
        }
        slots.into_iter().map(|slot| slot.reasons).collect()
    }
}

/// A snapshot that rules look at.
struct Slot {
    time: Zoned,
    reasons: Vec<Reason>,
}

fn keep_last(slots: &mut [Slot], keep: Keep) {
    let count = match keep {
        Keep::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
        Keep::Unlimited => usize::MAX,
    };
    slots.iter_mut().take(count).for_each(|slot| slot.reasons.push(Reason::Last(keep)));
}

/// Keeps the newest of each period, and the oldest of all if `keep` reaches so far.
fn keep_one_each(slots: &mut [Slot], period: Period, mut keep: Keep, within: Option<Span>) {
    let oldest = slots.len().saturating_sub(1);
    let slots = match within {
        Some(span) => young(slots, span),
        None => slots,
    };
    let mut newer = None;
    for (index, slot) in slots.iter_mut().enumerate() {
        if keep.is_zero() {
            return;
        }
        let bucket = Bucket::of(period, &slot.time);
        let taken = newer.replace(bucket) == Some(bucket);
        let reason = match taken {
            false => Reason::Newest { bucket, within },
            true if index == oldest => Reason::Oldest { period, within },
            true => continue,
        };
        keep = keep.less_one();
        slot.reasons.push(reason);
    }
}

/// Those that are younger than `span`, seen from the newest. One just as old is not.
fn young(slots: &mut [Slot], span: Span) -> &mut [Slot] {
    let end = slots.first().and_then(|newest| span.before(&newest.time));
    let is_young = |slot: &Slot| end.is_none_or(|end| slot.time.timestamp() > end);
    let count = slots.partition_point(is_young);
    slots.get_mut(..count).unwrap_or_default()
}

impl fmt::Display for Policy {
    /// For people: `30 daily, 12 weekly, all yearly, all within 14d, tag important`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |word: &str, keep: Keep| match keep {
            Keep::Count(count) => format!("{count} {word}"),
            Keep::Unlimited => format!("all {word}"),
        };
        let mut rules: Vec<String> = Vec::new();
        rules.extend(self.last.map(|keep| Reason::Last(keep).to_string()));
        let counts = self.counts().into_iter();
        rules.extend(counts.filter_map(|(period, keep)| Some(count(period.word(), keep?))));
        rules.extend(self.within.map(|span| format!("all within {span}")));
        let spans = self.spans().into_iter();
        rules.extend(
            spans.filter_map(|(period, span)| Some(format!("{} within {}", period.word(), span?))),
        );
        rules.extend(self.tags.iter().map(|tags| Reason::Tags(tags.clone()).to_string()));
        if rules.is_empty() { f.write_str("nothing") } else { f.write_str(&rules.join(", ")) }
    }
}
