//! The keys of a repository, as people and programs see them.

use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::table::{Cell, Table};
use crate::cli::text::{count, readable, time};
use crate::format::SlotKind;
use crate::repo::{KeySlotInfo, Repository};
use jiff::Timestamp;
use serde::Serialize;

/// `key`.
#[derive(Serialize)]
pub struct KeyMessage {
    id: String,
    short_id: String,
    kind: &'static str,
    label: String,
    created: Timestamp,
    /// It is the one that opened the repository now.
    current: bool,
    /// Its key file, if that was made now.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_file: Option<String>,
}

impl From<&KeySlotInfo> for KeyMessage {
    fn from(slot: &KeySlotInfo) -> Self {
        Self {
            id: slot.id.hex(),
            short_id: slot.id.short(),
            kind: kind(slot),
            label: slot.label.clone(),
            created: slot.created,
            current: slot.is_current,
            key_file: None,
        }
    }
}

impl KeyMessage {
    pub fn with_file(self, key_file: Option<String>) -> Self {
        Self { key_file, ..self }
    }
}

/// In one word or two.
pub fn kind(slot: &KeySlotInfo) -> &'static str {
    match slot.kind {
        SlotKind::Password(_) => "password",
        SlotKind::KeyFile => "key file",
    }
}

pub fn list(context: &Context, repository: &Repository) -> Result<Code, Failure> {
    let found = repository.key_slots()?;
    let zone = context.now.time_zone();
    let mut table = Table::new(["", "id", "kind", "created", "label"].map(Cell::left));
    for slot in &found.slots {
        context.output.object("key", &KeyMessage::from(slot))?;
        table.row([
            Cell::left(if slot.is_current { "*" } else { "" }),
            Cell::left(slot.id.short()),
            Cell::left(kind(slot)),
            Cell::left(time(slot.created, zone)),
            Cell::left(readable(slot.label.as_bytes())),
        ]);
    }
    table.render().try_for_each(|line| context.output.line(line))?;
    let keys = count(found.slots.len() as u64, "key", "keys");
    context.output.say(format!("{keys}; * opened the repository now"))?;
    for (name, why) in &found.unreadable {
        context.output.warning(name, why, "reading keys");
    }
    Ok(if found.unreadable.is_empty() { Code::Done } else { Code::Damage })
}
