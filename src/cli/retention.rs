//! Which retention rules are applied to which snapshots, for `forget` and `prune`.

use super::backup::absolute;
use super::context::Context;
use super::error::Failure;
use super::keep::KeepFlags;
use super::select::FilterFlags;
use crate::policy::{Filter, GroupBy, Policy};
use crate::repo::Repository;
use crate::settings::{Profile, SourceAddress, policy_from_pairs};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// Rules, groups and filters.
#[derive(clap::Args, Debug, Clone, Default)]
pub struct RuleFlags {
    /// Apply the rules to each group of: host, paths, tags, joined by commas
    /// [default: host,paths]
    #[arg(long, value_name = "WHAT")]
    group_by: Option<GroupBy>,
    #[command(flatten)]
    keep: KeepFlags,
    #[command(flatten)]
    filter: FilterFlags,
}

/// Rules that are about to be applied.
pub struct Retention {
    pub policy: Policy,
    /// Where the policy comes from, for people.
    pub origin: String,
    pub is_of_profile: bool,
    pub by: GroupBy,
    pub filter: Filter,
}

impl RuleFlags {
    /// Whether rules or filters were given.
    pub fn are_given(&self) -> Result<bool, Failure> {
        Ok(self.keep.policy()?.is_some() || self.filter.filter()? != Filter::default())
    }

    /// What the flags say, else what the profile says; `None` if neither has a rule.
    pub fn retention(&self, context: &Context) -> Result<Option<Retention>, Failure> {
        let filter = self.filter.filter()?;
        let profile = context.profile()?;
        let by = self.group_by.or(profile.and_then(Profile::group_by)).unwrap_or_default();
        if let Some(policy) = self.keep.policy()? {
            let origin = "given by flags".to_owned();
            return Ok(Some(Retention { policy, origin, is_of_profile: false, by, filter }));
        }
        let Some(profile) = profile else { return Ok(None) };
        let (Some(policy), Some(first)) = (profile.policy()?, profile.policy_origin()) else {
            return Ok(None);
        };
        let of = match (profile.sources().is_empty(), profile.tags().is_empty()) {
            _ if filter != Filter::default() => "the snapshots named",
            (true, _) => "all snapshots",
            (false, true) => "the snapshots of its host and sources",
            (false, false) => "the snapshots of its host, sources and tags",
        };
        let origin = format!("of {}, for {of}", profile.origin_of(first));
        let filter = narrowed(context, filter, profile)?;
        Ok(Some(Retention { policy, origin, is_of_profile: true, by, filter }))
    }

    /// What the repository's settings say.
    pub fn stored(&self, repository: &Repository) -> Result<Retention, Failure> {
        let policy = policy_from_pairs(&repository.config().retention)?;
        policy.check().map_err(|error| {
            Failure::usage(error).hint("give --keep-… flags, or --space-only to forget nothing")
        })?;
        let (by, filter) = (self.group_by.unwrap_or_default(), self.filter.filter()?);
        let origin = "stored in the repository".to_owned();
        Ok(Retention { policy, origin, is_of_profile: false, by, filter })
    }
}

/// A repository may be shared: the rules of a profile with sources are for the snapshots that it
/// takes. What the flags filter by comes first.
fn narrowed(context: &Context, flags: Filter, profile: &Profile) -> Result<Filter, Failure> {
    let sources = profile.sources();
    if sources.is_empty() {
        return Ok(flags);
    }
    let path = |source: &SourceAddress| match source {
        SourceAddress::Path(path) => {
            Some(absolute(path).map(|path| OsString::from(path).into_vec()))
        }
        SourceAddress::Database(_) => None,
    };
    let paths = sources.iter().filter_map(path).collect::<Result<Vec<_>, _>>()?;
    let (host, tags) = (context.host()?.name, profile.tags());
    Ok(Filter {
        hosts: if flags.hosts.is_empty() { vec![host] } else { flags.hosts },
        paths: if flags.paths.is_empty() { paths } else { flags.paths },
        tags: match flags.tags.is_empty() {
            true => Some(tags).filter(|tags| !tags.is_empty()).into_iter().collect(),
            false => flags.tags,
        },
    })
}
