//! Which strategy: named, asked for, or all the same.

use super::files::STRATEGIES;
use super::{InPlace, Plans, undecided};
use crate::cli::ask;
use crate::cli::code::Code;
use crate::cli::error::Failure;
use crate::cli::forgetting::not_confirmed;
use crate::cli::text::{count, grouped};
use crate::ops::{Conflict, DocumentConflict, Outcome, RestoreReport};

/// What was decided of each; `None`: nothing yet.
#[derive(Debug, Clone, Default)]
pub struct Decided {
    files: Option<Conflict>,
    documents: Option<DocumentConflict>,
}

impl Decided {
    pub fn is_whole(&self) -> bool {
        self.files.is_some() && self.documents.is_some()
    }

    pub fn of_files(&self) -> Conflict {
        self.files.unwrap_or_default()
    }

    pub fn of_documents(&self, named: &DocumentConflict) -> DocumentConflict {
        self.documents.clone().unwrap_or_else(|| named.clone())
    }
}

impl InPlace<'_> {
    /// What was named; what is not restored at all needs nothing.
    pub fn named(&self) -> Result<Decided, Failure> {
        let arguments = self.arguments;
        let files = match &self.files {
            Some(_) => arguments.conflict_of_files().map(|flag| flag.for_files()).transpose()?,
            None => Some(Conflict::Skip),
        };
        let is_named = arguments.conflict.is_some() || arguments.databases.is_swap();
        let documents = match self.servers.first() {
            Some((_, options)) => is_named.then(|| options.conflict.clone()),
            None => Some(DocumentConflict::Skip),
        };
        Ok(Decided { files, documents })
    }

    /// Asks which strategy, or whether to go on with those that were named.
    pub fn decide(&self, mut decided: Decided, plans: &Plans) -> Result<Decided, Failure> {
        // Where all come to the same any will do.
        if plans.files.as_ref().is_some_and(|plan| plan.is_one()) {
            decided.files.get_or_insert(Conflict::Skip);
        }
        if plans.databases.iter().all(super::Plan::is_one) {
            decided.documents.get_or_insert(DocumentConflict::Skip);
        }
        match (decided.is_whole(), self.arguments.yes) {
            (true, true) => Ok(decided),
            (true, false) => self.confirm(decided, plans),
            (false, true) => {
                let has_databases = !self.servers.is_empty();
                if has_databases {
                    self.show(plans)?;
                }
                let missing = "--conflict, for something else is there";
                Err(undecided(self.arguments, missing, has_databases))
            }
            (false, false) => self.choose(decided, plans),
        }
    }

    fn confirm(&self, decided: Decided, plans: &Plans) -> Result<Decided, Failure> {
        let mut created = Vec::new();
        let mut changes = Vec::new();
        if let Some(plan) = &plans.files {
            let RestoreReport { created: made, replaced, metadata_changed, deleted, .. } =
                *plan.of(decided.of_files());
            let changed = replaced + metadata_changed + deleted;
            let (one, many) = match self.servers.is_empty() {
                true => ("thing", "things"),
                false => ("file", "files"),
            };
            created.push(match self.servers.is_empty() {
                true => grouped(made),
                false => count(made, one, many),
            });
            changes.push(count(changed, one, many));
        }
        if !self.servers.is_empty() {
            let outcome = plans.documents(&decided);
            let changed = outcome.overwritten + outcome.merged;
            created.insert(0, count(outcome.inserted, "document", "documents"));
            changes.insert(0, count(changed, "document", "documents"));
        }
        let (created, changes) = (created.join(" and "), changes.join(" and "));
        let question = match self.arguments.databases.is_swap() {
            true => "put the snapshot's collections in the place of those there?".to_owned(),
            false => format!("create {created}, and change {changes}?"),
        };
        match ask::confirm(&question, &self.context.stop)? {
            true => Ok(decided),
            false => Err(not_confirmed()),
        }
    }

    /// One answer for all that is open.
    fn choose(&self, mut decided: Decided, plans: &Plans) -> Result<Decided, Failure> {
        let of_documents = plans.databases.first().map(|plan| plan.conflicts.as_slice());
        let of_documents = of_documents.unwrap_or_default();
        let names: Vec<&str> = match (&decided.files, &decided.documents) {
            (None, None) => {
                let both = |name: &&str| of_documents.iter().any(|one| one.name() == *name);
                STRATEGIES.iter().map(|(name, _)| *name).filter(both).collect()
            }
            (None, Some(_)) => STRATEGIES.iter().map(|(name, _)| *name).collect(),
            (Some(_), _) => of_documents.iter().map(DocumentConflict::name).collect(),
        };
        let listed = match names.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => names.join(""),
        };
        let question = format!("which one? {listed} (anything else changes nothing):");
        let chosen = ask::choose(&question, &names, &self.context.stop)?;
        let name = chosen.and_then(|number| names.get(number)).ok_or_else(nothing_chosen)?;
        if decided.files.is_none() {
            let found = STRATEGIES.iter().find(|(known, _)| known == name);
            decided.files = found.map(|(_, conflict)| *conflict);
        }
        if decided.documents.is_none() {
            decided.documents = of_documents.iter().find(|one| one.name() == *name).cloned();
        }
        Ok(decided)
    }
}

impl Plans {
    /// All that would be done with documents.
    fn documents(&self, decided: &Decided) -> Outcome {
        let of = |plan: &super::Plan| match &decided.documents {
            Some(conflict) => plan.of(conflict),
            None => Outcome::default(),
        };
        self.databases.iter().map(of).fold(Outcome::default(), Outcome::with)
    }
}

fn nothing_chosen() -> Failure {
    Failure::new(Code::Failed, "nothing was changed")
        .hint("--conflict names a strategy, --yes does it without asking")
}
