//! Which retention rules are applied to which snapshots, for `forget` and `prune`.

use super::backup::{absolute, sources_of};
use super::context::Context;
use super::error::Failure;
use super::keep::KeepFlags;
use super::select::FilterFlags;
use crate::mongo::Address;
use crate::policy::{Filter, GroupBy, Policy};
use crate::repo::Repository;
use crate::settings::{Profile, SourceAddress, policy_from_pairs, this_host};
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
    /// What profiles look after, this one first; empty where the rules are not just for what a
    /// profile backs up.
    pub looked_after: Vec<Filter>,
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
            let (is_of_profile, looked_after) = (false, Vec::new());
            let given = Retention { policy, origin, is_of_profile, by, filter, looked_after };
            return Ok(Some(given));
        }
        let Some(profile) = profile else { return Ok(None) };
        let (Some(policy), Some(first)) = (profile.policy()?, profile.policy_origin()) else {
            return Ok(None);
        };
        let of = match (!profile.names_sources(), profile.tags().is_empty()) {
            _ if filter != Filter::default() => "the snapshots named",
            (true, _) => "all snapshots",
            (false, true) => "the snapshots of its host and sources",
            (false, false) => "the snapshots of its host, sources and tags",
        };
        let origin = format!("of {}, for {of}", profile.origin_of(first));
        let looked_after = match filter == Filter::default() {
            true => looked_after(context, profile)?,
            false => Vec::new(),
        };
        let filter = narrowed(filter, profile)?;
        Ok(Some(Retention { policy, origin, is_of_profile: true, by, filter, looked_after }))
    }

    /// What the repository's settings say.
    pub fn stored(&self, repository: &Repository) -> Result<Retention, Failure> {
        let policy = policy_from_pairs(&repository.config().retention)?;
        policy.check().map_err(|error| {
            Failure::usage(error).hint("give --keep-… flags, or --space-only to forget nothing")
        })?;
        let (by, filter) = (self.group_by.unwrap_or_default(), self.filter.filter()?);
        let origin = "stored in the repository".to_owned();
        let (is_of_profile, looked_after) = (false, Vec::new());
        Ok(Retention { policy, origin, is_of_profile, by, filter, looked_after })
    }
}

/// What this profile and the others of its file take and forget by rules of their own.
fn looked_after(context: &Context, profile: &Profile) -> Result<Vec<Filter>, Failure> {
    if !profile.names_sources() {
        return Ok(Vec::new());
    }
    let others = context.config()?.map(|config| config.profiles.as_slice()).unwrap_or_default();
    let others = others.iter().filter(|other| {
        other.name != profile.name && other.names_sources() && other.policy_origin().is_some()
    });
    [profile].into_iter().chain(others).map(|one| narrowed(Filter::default(), one)).collect()
}

/// A repository may be shared: the rules of a profile with sources are for the snapshots that it
/// takes. What the flags filter by comes first.
fn narrowed(flags: Filter, profile: &Profile) -> Result<Filter, Failure> {
    if !profile.names_sources() {
        return Ok(flags);
    }
    let paths = sources_of(profile)?.iter().map(as_saved).collect::<Result<Vec<_>, _>>()?;
    let (host, tags) = (this_host(profile.host()).name, profile.tags());
    Ok(Filter {
        hosts: if flags.hosts.is_empty() { vec![host] } else { flags.hosts },
        paths: if flags.paths.is_empty() { paths } else { flags.paths },
        tags: match flags.tags.is_empty() {
            true => Some(tags).filter(|tags| !tags.is_empty()).into_iter().collect(),
            false => flags.tags,
        },
    })
}

/// The address of a source as snapshots have it.
fn as_saved(source: &SourceAddress) -> Result<Vec<u8>, Failure> {
    Ok(match source {
        SourceAddress::Path(path) => OsString::from(absolute(path)?).into_vec(),
        SourceAddress::Database(address) => {
            let address: Address = address.reveal().parse()?;
            address.to_string().into_bytes()
        }
    })
}
