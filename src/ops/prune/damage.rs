//! What a prune does about damage: it never makes it worse, and keeps what the next backup needs
//! to know to heal it.

use super::PruneOptions;
use super::survey::Survey;
use crate::format::{PruneMark, SessionKind};
use crate::repo::{RepoError, Repository, Session, UNKNOWN_PACK, Undecided};

/// Marks what is missing, so that the next backup looks each blob up; where nothing is, marks of
/// packs that there are no more go.
pub fn look_after_marks(repository: &Repository, survey: &Survey) -> Result<(), RepoError> {
    let mut is_missing = false;
    for pack in survey.lost() {
        repository.mark_damaged(&pack, "it is missing")?;
        is_missing = true;
    }
    for id in survey.live.missing() {
        if !survey.reader().finds(id)? {
            let why = format!("blob {id} is in no pack that there is");
            repository.mark_damaged(&UNKNOWN_PACK, &why)?;
            is_missing = true;
            break;
        }
    }
    if is_missing {
        return Ok(());
    }
    let is_indexed = |id| survey.catalog().index().packs().iter().any(|pack| pack.id == id);
    for pack in &survey.inventory.damaged {
        if !survey.catalog().listed().contains_key(pack) && !is_indexed(*pack) {
            repository.unmark_damaged(pack)?;
        }
    }
    Ok(())
}

/// The mark of this number; `None` if it does not open and was set aside. What it condemns is not
/// known, so nobody may go on with it, and no writer can begin: it is closed with nothing
/// deleted. That takes certainty that no other prune is at work, which may know what it says; so
/// one that is only silent counts as alive here.
pub fn read_or_set_aside(
    repository: &Repository,
    options: &PruneOptions<'_>,
    own: &Session,
    number: u64,
) -> Result<Option<PruneMark>, RepoError> {
    let error = match repository.read_mark(number) {
        Err(error) if error.is_damage() => error,
        other => return other.map(Some),
    };
    let is_at_work = |session: &Undecided| {
        session.id != own.id()
            && may_be_prune(session)
            && !options.named_dead.contains(&session.id)
            && !(options.is_dead)(session)
    };
    match repository.undecided()?.iter().any(is_at_work) {
        true => Err(error),
        false => {
            repository.put_done(number, own.id())?;
            repository.mend_marks(own.id())?;
            Ok(None)
        }
    }
}

fn may_be_prune(session: &Undecided) -> bool {
    let kind = session.announcement.as_ref().map(|announcement| announcement.kind);
    kind.is_none_or(|kind| kind == SessionKind::Prune)
}
