//! The retention policy as the repository's settings keep it: text pairs such as
//! `("daily", "30")`, named like the flags of `snap prune`.

use super::SettingsError;
use crate::policy::{Keep, Policy, Span};

/// Reads the policy.
pub fn policy_from_pairs(pairs: &[(String, String)]) -> Result<Policy, SettingsError> {
    let mut policy = Policy::default();
    for (rule, value) in pairs {
        set(&mut policy, rule, value)?;
    }
    Ok(policy)
}

fn set(policy: &mut Policy, rule: &str, value: &str) -> Result<(), SettingsError> {
    if rule == "tag" {
        policy.tags.push(value.split(',').map(str::to_owned).collect());
    } else if let Some(count) = count(policy, rule) {
        *count = Some(value.parse()?);
    } else if let Some(span) = span(policy, rule) {
        *span = Some(value.parse()?);
    } else {
        return Err(SettingsError::UnknownRule { rule: rule.chars().take(80).collect() });
    }
    Ok(())
}

/// The policy as pairs.
pub fn policy_to_pairs(policy: &Policy) -> Vec<(String, String)> {
    let mut policy = policy.clone();
    let mut pairs = Vec::new();
    for rule in ["last", "hourly", "daily", "weekly", "monthly", "yearly"] {
        let keep = count(&mut policy, rule).and_then(|keep| *keep);
        pairs.extend(keep.map(|keep| (rule.to_owned(), keep.to_string())));
    }
    for rule in SPANS {
        let span = span(&mut policy, rule).and_then(|span| *span);
        pairs.extend(span.map(|span| (rule.to_owned(), span.to_string())));
    }
    pairs.extend(policy.tags.iter().map(|tags| ("tag".to_owned(), tags.join(","))));
    pairs
}

const SPANS: [&str; 6] =
    ["within", "within-hourly", "within-daily", "within-weekly", "within-monthly", "within-yearly"];

fn count<'a>(policy: &'a mut Policy, rule: &str) -> Option<&'a mut Option<Keep>> {
    Some(match rule {
        "last" => &mut policy.last,
        "hourly" => &mut policy.hourly,
        "daily" => &mut policy.daily,
        "weekly" => &mut policy.weekly,
        "monthly" => &mut policy.monthly,
        "yearly" => &mut policy.yearly,
        _ => return None,
    })
}

fn span<'a>(policy: &'a mut Policy, rule: &str) -> Option<&'a mut Option<Span>> {
    Some(match rule {
        "within" => &mut policy.within,
        "within-hourly" => &mut policy.within_hourly,
        "within-daily" => &mut policy.within_daily,
        "within-weekly" => &mut policy.within_weekly,
        "within-monthly" => &mut policy.within_monthly,
        "within-yearly" => &mut policy.within_yearly,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_read_back() {
        let policy = Policy {
            last: Some(Keep::Count(3)),
            within_daily: Some("14d".parse().unwrap()),
            tags: vec![vec!["a".into(), "b".into()], vec![String::new()]],
            ..Policy::default_stored()
        };
        assert_eq!(policy_from_pairs(&policy_to_pairs(&policy)).unwrap(), policy);
    }

    #[test]
    fn the_default_policy_is_readable() {
        let pairs = policy_to_pairs(&Policy::default_stored());
        let text: Vec<String> =
            pairs.iter().map(|(rule, value)| format!("{rule}={value}")).collect();
        assert_eq!(text, ["daily=30", "weekly=12", "monthly=12", "yearly=unlimited"]);
    }

    #[test]
    fn rules_of_a_later_snap_are_not_passed_over() {
        let pairs = [("decennial".to_owned(), "3".to_owned())];
        assert!(matches!(policy_from_pairs(&pairs), Err(SettingsError::UnknownRule { .. })));
        let pairs = [("daily".to_owned(), "many".to_owned())];
        assert!(matches!(policy_from_pairs(&pairs), Err(SettingsError::Policy(_))));
    }
}
