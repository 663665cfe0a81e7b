//! Copies from one repository of the world to the other.

use super::site::{Place, Site};
use snapstore::model::{SessionId, Silent};
use snapstore::ops::{self, CopyError, CopyOptions};
use snapstore::repo::{RepoError, Repository, Writer};
use snapstore::storage::sim::ActorContext;
use std::collections::HashSet;
use std::sync::Arc;

impl Site {
    /// Copies all that there is.
    pub fn copy(
        &self,
        source: &Arc<Repository>,
        context: &ActorContext,
        writer: Writer,
    ) -> Result<(), RepoError> {
        let target = self.open(Place::Copy, context);
        let ledger = source.ledger()?;
        let chosen: HashSet<SessionId> = ledger.live.iter().map(|snapshot| snapshot.id).collect();
        let plan = ops::plan_copy(&ledger, &chosen, &target.ledger()?.live);
        let mut copied = Vec::new();
        let report = ops::copy(
            source,
            &target,
            &plan,
            &CopyOptions { writer },
            &mut |old, new| copied.push((old.tags[0].clone(), new.id)),
            Arc::new(Silent),
        );
        copied.into_iter().for_each(|(label, id)| self.committed(Place::Copy, id, label));
        match report {
            Ok(report) if report.damaged.is_empty() => Ok(()),
            Ok(report) => {
                self.fail(&context.name, format!("damaged: {:?}", report.damaged));
                Ok(())
            }
            Err(CopyError::Source(error) | CopyError::Target(error)) => Err(error),
        }
    }
}
