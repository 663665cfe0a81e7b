//! Small objects: each has a name that means something, each opens, none is missing where others
//! show that it was there.

use super::findings::Findings;
use crate::format::{self, is_object_name, snapshot_name};
use crate::model::SessionId;
use crate::repo::{Gap, Ledger, RepoError, Repository};
use crate::storage::Folder;

/// Settings, key slots, marks, snapshots, announcements: each is opened. `ends` are writers, and
/// numbers of snapshots that they are known to have made.
pub fn check(
    repository: &Repository,
    ledger: &Ledger,
    ends: &[([u8; 16], u64)],
    findings: &mut Findings,
) -> Result<(), RepoError> {
    if let Some(why) = repository.marker_damage()? {
        findings.object(format::MARKER_NAME.to_string(), why);
    }
    for (name, why) in repository.unreadable_objects()? {
        let what_next = what_next(&name);
        findings.object(name, format!("{why}{what_next}"));
    }
    if let Err(RepoError::Damaged { name, why }) = repository.settings_are_known() {
        findings.object(name, why);
    }
    check_names(repository, findings)?;
    check_steps(repository, findings)?;
    check_chains(ledger, ends, findings);
    Ok(())
}

/// What is to be done about a small object that does not open.
fn what_next(name: &str) -> &'static str {
    match name.split('/').next().unwrap_or_default() {
        "snapshots" | "forgotten" => ": `snap repair snapshots` mends what can be mended",
        "prune" => ": `snap prune` sets it aside if it is open, `snap repair index` writes it anew",
        "config" => ": only readers can do without the settings",
        "sessions" => ": the session counts as under way for a day",
        "damaged" => ": its name is enough, `snap repair index` writes it anew",
        _ => "",
    }
}

/// What nothing reads under its name.
fn check_names(repository: &Repository, findings: &mut Findings) -> Result<(), RepoError> {
    for folder in Folder::ALL {
        for listed in repository.storage().list(folder)? {
            let name = listed.name.to_string();
            if !is_object_name(&name) {
                findings
                    .notes
                    .push(format!("{name} is not the name of an object: nothing reads it"));
            }
        }
    }
    Ok(())
}

/// Prunes are numbered without gaps, and no step of one is there without those before it.
fn check_steps(repository: &Repository, findings: &mut Findings) -> Result<(), RepoError> {
    let prunes = repository.mark_progress()?;
    let last = prunes.keys().next_back().copied().unwrap_or_default();
    let mut expected = 0;
    for (number, progress) in &prunes {
        if *number > expected {
            let why = format!("prunes {expected} to {} are missing, of {last}", number - 1);
            findings.object(format::mark_name(expected), why);
        }
        expected = number.saturating_add(1);
        let missing = [
            (!progress.marked, format::mark_name(*number)),
            (progress.done && !progress.finalised, format::final_name(*number)),
        ];
        for (_, name) in missing.into_iter().filter(|(is_missing, _)| *is_missing) {
            findings.object(name, "it is missing, though a later step of this prune is there");
        }
    }
    Ok(())
}

/// Every number in a writer's chain is there: live, or forgotten. How long a chain is, is known
/// of those that were seen before. What does not open may be what is missing.
fn check_chains(ledger: &Ledger, ends: &[([u8; 16], u64)], findings: &mut Findings) {
    let gaps = ledger.gaps(ends);
    let missing: u64 = gaps.iter().map(|gap| (gap.last - gap.first).saturating_add(1)).sum();
    let is_explained = missing <= ledger.unreadable.len() as u64;
    for Gap { writer, first, last } in gaps {
        let chain = format!("chain of writer {}", SessionId::new(writer).short());
        let numbers = match first == last {
            true => format!("its snapshot {first} is"),
            false => format!("its snapshots {first} to {last} are"),
        };
        match is_explained {
            true => findings.notes.push(format!("{chain}: {numbers} among what does not open")),
            false => findings.object(chain, format!("{numbers} neither there nor forgotten")),
        }
    }
}

/// A commit that is gone while its spare copy is there.
pub fn lost_commit(id: SessionId, findings: &mut Findings) {
    let why = "it is missing, and a spare copy is there: `snap repair snapshots` brings it back";
    findings.object(snapshot_name(&id), why);
}
