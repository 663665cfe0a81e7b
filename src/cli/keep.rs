//! The flags that say which snapshots to keep.

use super::error::Failure;
use crate::policy::{Keep, Policy, Span};

/// `--keep-…`, the same for `init`, `forget` and `prune`.
#[derive(clap::Args, Debug, Clone, Default)]
#[command(next_help_heading = "What to keep")]
pub struct KeepFlags {
    /// Keep the last N snapshots (a number, or "unlimited", as for all of these)
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    keep_last: Option<Keep>,
    /// Keep the newest of each of the last N hours that have one
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    keep_hourly: Option<Keep>,
    /// ... of the last N days
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    keep_daily: Option<Keep>,
    /// ... of the last N weeks
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    keep_weekly: Option<Keep>,
    /// ... of the last N months
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    keep_monthly: Option<Keep>,
    /// ... of the last N years
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    keep_yearly: Option<Keep>,
    /// Keep all that are younger than this, seen from the newest (14d, 1y6m, 2w, 36h)
    #[arg(long, value_name = "TIME")]
    keep_within: Option<Span>,
    /// ... one an hour of those
    #[arg(long, value_name = "TIME")]
    keep_within_hourly: Option<Span>,
    /// ... one a day
    #[arg(long, value_name = "TIME")]
    keep_within_daily: Option<Span>,
    /// ... one a week
    #[arg(long, value_name = "TIME")]
    keep_within_weekly: Option<Span>,
    /// ... one a month
    #[arg(long, value_name = "TIME")]
    keep_within_monthly: Option<Span>,
    /// ... one a year
    #[arg(long, value_name = "TIME")]
    keep_within_yearly: Option<Span>,
    /// Keep those that have all of these tags, joined by commas (may be repeated)
    #[arg(long, value_name = "TAGS")]
    keep_tag: Vec<String>,
}

impl KeepFlags {
    /// The policy that the flags make; `None` if there are none.
    pub fn policy(&self) -> Result<Option<Policy>, Failure> {
        let policy = Policy {
            last: self.keep_last,
            hourly: self.keep_hourly,
            daily: self.keep_daily,
            weekly: self.keep_weekly,
            monthly: self.keep_monthly,
            yearly: self.keep_yearly,
            within: self.keep_within,
            within_hourly: self.keep_within_hourly,
            within_daily: self.keep_within_daily,
            within_weekly: self.keep_within_weekly,
            within_monthly: self.keep_within_monthly,
            within_yearly: self.keep_within_yearly,
            tags: self.keep_tag.iter().map(|tags| split_tags(tags)).collect(),
        };
        if policy == Policy::default() {
            return Ok(None);
        }
        policy.check()?;
        Ok(Some(policy))
    }
}

/// Tags joined by commas; nothing at all stands for "has no tags".
pub fn split_tags(text: &str) -> Vec<String> {
    text.split(',').map(|tag| tag.trim().to_owned()).collect()
}
