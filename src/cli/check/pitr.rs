//! `snap check --pitr`

use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::progress::Progress;
use crate::cli::text::{count, readable};
use crate::ops::{LogProof, LogProofOutcome, prove_log};
use crate::repo::Repository;
use serde::Serialize;
use std::sync::Arc;

/// `log_proof`: a snapshot of databases held against the one before it, rolled forward.
#[derive(Serialize)]
struct Message<'a> {
    base_id: String,
    snapshot_id: String,
    /// equal, differs, failed, or no_log.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    collections: Option<u64>,
    /// Collections that were read at another moment, or have no order of keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_compared: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

/// Proves the log; returns how many proofs failed.
pub fn run(context: &Context, repository: &Arc<Repository>) -> Result<u64, Failure> {
    let progress = Progress::start(context);
    let mut proofs = Vec::new();
    let scratch = std::env::temp_dir();
    let proved = prove_log(repository, &scratch, progress.monitor().as_ref(), &mut |proof| {
        proofs.push(proof.clone());
    });
    drop(progress);
    let mut failed = 0;
    for proof in &proofs {
        failed += u64::from(tell(context, proof)?);
    }
    proved?;
    if proofs.is_empty() {
        context.output.say("log of changes: there are no two snapshots of the same databases")?;
    }
    Ok(failed)
}

/// Whether something is wrong.
fn tell(context: &Context, proof: &LogProof) -> Result<bool, Failure> {
    let mut message = Message {
        base_id: proof.base.id.hex(),
        snapshot_id: proof.next.id.hex(),
        outcome: "no_log",
        changes: None,
        collections: None,
        not_compared: None,
        message: None,
    };
    let text = match &proof.outcome {
        LogProofOutcome::Equal { collections, others, changes } => {
            message.outcome = "equal";
            (message.changes, message.collections) = (Some(*changes), Some(*collections));
            message.not_compared = Some(*others);
            let (changes, equal) = (
                count(*changes, "change", "changes"),
                count(*collections, "collection is", "collections are"),
            );
            let others = match others {
                0 => String::new(),
                others => format!(", {others} not compared"),
            };
            format!("{changes}: {equal} the same{others}")
        }
        LogProofOutcome::Differs { namespace, what } => {
            message.outcome = "differs";
            format!("{}: {what}", readable(namespace.as_bytes()))
        }
        LogProofOutcome::NoLog => "no log leads from the one to the other".to_string(),
        LogProofOutcome::Failed(why) => {
            message.outcome = "failed";
            why.clone()
        }
    };
    message.message = Some(&text);
    context.output.object("log_proof", &message)?;
    let (base, next) = (proof.base.id.short(), proof.next.id.short());
    context.output.line(format!("log of changes, from {base} to {next}: {text}"))?;
    Ok(matches!(message.outcome, "differs" | "failed"))
}
