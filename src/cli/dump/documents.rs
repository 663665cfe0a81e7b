//! Which documents are dumped, and as what.

use crate::cli::error::Failure;
use crate::codec::ExtendedJson;
use crate::model::Kind;
use crate::ops::{DocumentFormat, SoughtDocument};
use std::io::IsTerminal;
use std::path::Path;

#[derive(clap::Args, Debug, Clone, Default)]
#[command(next_help_heading = "Databases")]
pub struct DocumentFlags {
    /// How documents are written [default: bson; relaxed at a terminal and with --id]
    #[arg(long, value_name = "FORMAT", value_enum)]
    format: Option<FormatFlag>,
    /// Only the document with this _id: extended JSON or a plain string
    #[arg(long, value_name = "VALUE")]
    id: Option<String>,
}

#[derive(clap::ValueEnum, Debug, Clone, Copy)]
pub enum FormatFlag {
    /// End to end, as mongodump writes them
    Bson,
    /// A line of canonical extended JSON each: every type comes back
    Json,
    /// A line of relaxed extended JSON each, for people and programs
    Relaxed,
}

impl DocumentFlags {
    pub fn format(&self, target: Option<&Path>) -> DocumentFormat {
        let is_shown = target.is_none() && std::io::stdout().is_terminal();
        match self.format {
            Some(FormatFlag::Bson) => DocumentFormat::Bson,
            Some(FormatFlag::Json) => DocumentFormat::Json(ExtendedJson::Canonical),
            Some(FormatFlag::Relaxed) => DocumentFormat::Json(ExtendedJson::Relaxed),
            None if is_shown || self.id.is_some() => DocumentFormat::Json(ExtendedJson::Relaxed),
            None => DocumentFormat::Bson,
        }
    }

    pub fn sought(&self) -> Option<SoughtDocument> {
        self.id.as_deref().map(SoughtDocument::parse)
    }

    /// These flags are for collections.
    pub fn refuse_others(&self, kind: &Kind) -> Result<(), Failure> {
        let is_asked = self.format.is_some() || self.id.is_some();
        match is_asked && !matches!(kind, Kind::Collection(_)) {
            true => Err(Failure::usage("--format and --id are for collections, and this is none")
                .hint("name one, like bot/users; `snap ls latest bot` lists them")),
            false => Ok(()),
        }
    }
}
