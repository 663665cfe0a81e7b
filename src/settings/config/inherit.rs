//! Profiles take settings from others.

use super::document::{Setting, Written};
use super::fault::Fault;
use super::key::Number;
use super::nearest::nearest;
use std::path::Path;

/// The settings of each profile with what it inherits, in the order of `written`; all that is
/// wrong, if anything is.
pub fn inherit(written: &[Written], file: &Path) -> Result<Vec<Vec<Setting>>, Vec<Fault>> {
    let parents = parents(written, file)?;
    let mut all = Vec::new();
    let mut faults = Vec::new();
    for start in 0..written.len() {
        match order(start, &parents) {
            Ok(order) => all.push(merge(order.iter().filter_map(|index| written.get(*index)))),
            Err(cycle) => faults.extend(cycle_fault(start, &cycle, written, file)),
        }
    }
    if faults.is_empty() { Ok(all) } else { Err(faults) }
}

/// The numbers of the profiles that each one names.
fn parents(written: &[Written], file: &Path) -> Result<Vec<Vec<usize>>, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut parents = Vec::new();
    for profile in written {
        let mut named = Vec::new();
        for (name, place) in &profile.inherit {
            match written.iter().position(|other| other.name == *name) {
                Some(index) => named.push(index),
                None => {
                    let fault = Fault::new(file, *place, format!("there is no profile {name:?}"));
                    let names = written.iter().map(|other| other.name.as_str());
                    let hint = nearest(name, names).map(|name| format!("did you mean {name:?}?"));
                    faults.push(Fault { hint, ..fault });
                }
            }
        }
        parents.push(named);
    }
    if faults.is_empty() { Ok(parents) } else { Err(faults) }
}

/// A profile and all that it inherits from, each after those that it inherits from itself; or
/// the cycle that it is part of or comes upon.
fn order(start: usize, parents: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut done: Vec<usize> = Vec::new();
    // Where the walk stands: profiles, and how many of their parents were looked at.
    let mut path: Vec<(usize, usize)> = vec![(start, 0)];
    while let Some((profile, looked_at)) = path.last_mut() {
        let next = parents.get(*profile).and_then(|parents| parents.get(*looked_at)).copied();
        *looked_at += 1;
        match next {
            None => {
                done.push(*profile);
                path.pop();
            }
            Some(next) => {
                if let Some(from) = path.iter().position(|(profile, _)| *profile == next) {
                    let cycle = path.iter().skip(from).map(|(profile, _)| *profile);
                    return Err(cycle.chain([next]).collect());
                }
                if !done.contains(&next) {
                    path.push((next, 0));
                }
            }
        }
    }
    Ok(done)
}

/// A cycle is told once: by the profile of it that is written first.
fn cycle_fault(start: usize, cycle: &[usize], written: &[Written], file: &Path) -> Option<Fault> {
    let first = cycle.iter().min()?;
    let place = written.get(start)?.inherit.first()?.1;
    let names: Vec<&str> =
        cycle.iter().filter_map(|index| Some(written.get(*index)?.name.as_str())).collect();
    let message = format!("profiles inherit from each other: {}", names.join(", "));
    (*first == start).then(|| Fault::new(file, place, message))
}

/// What holds when each profile adds to those before it, or replaces what they say.
fn merge<'w>(profiles: impl Iterator<Item = &'w Written>) -> Vec<Setting> {
    let mut merged: Vec<Setting> = Vec::new();
    for setting in profiles.flat_map(|profile| &profile.settings) {
        let key = setting.key;
        merged.retain(|other| match key.number {
            Number::One | Number::List => !std::ptr::eq(other.key, key),
            Number::OneOfGroup => other.key.number != Number::OneOfGroup,
            Number::Added => true,
        });
        merged.push(setting.clone());
    }
    merged
}
