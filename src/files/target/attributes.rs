//! Extended attributes of what is restored.

use super::super::node::Node;
use super::apply::Metadata;
use super::run::Run;
use crate::model::{Attribute, AttributeValue, ContentSource, TargetError};
use rustix::io::Errno;
use std::borrow::Cow;
use std::ffi::{CStr, CString};
use std::io;

/// The kernel's bound on a value, in bytes.
const LARGEST_VALUE: u64 = 64 * 1024;

/// When an attribute is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// While one's own file is still writable.
    BeforeMode,
    /// ACLs, which the mode would change.
    AfterMode,
}

/// Attributes that the system gives to files by itself.
fn is_automatic(name: &[u8]) -> bool {
    matches!(name, b"security.selinux" | b"security.ima" | b"security.evm")
}

fn phase(name: &[u8]) -> Phase {
    if name.starts_with(b"system.") { Phase::AfterMode } else { Phase::BeforeMode }
}

/// Whether this process can set such an attribute, and see whether it is right.
fn concerns(name: &[u8], run: &Run) -> bool {
    run.privileged || !(name.starts_with(b"trusted.") || name.starts_with(b"security."))
}

/// Makes the attributes of `node`, which has `names`, those of the entry. One that cannot be set
/// is reported, and the rest goes on.
pub(super) fn set(
    metadata: &Metadata<'_>,
    node: &Node,
    names: &[CString],
    now: Phase,
) -> Result<(), TargetError> {
    let wanted = &metadata.entry.metadata.attributes;
    if now == Phase::BeforeMode {
        for name in names.iter().filter(|name| is_superfluous(name, wanted, metadata.run)) {
            if let Err(error) = node.remove_attribute(name) {
                metadata.run.not_restored(&aspect(name.to_bytes()), metadata.path, &error);
            }
        }
    }
    for attribute in wanted.iter().filter(|attribute| phase(&attribute.name) == now) {
        let value = value(attribute, metadata.content)?;
        let known = names.iter().any(|name| name.to_bytes() == attribute.name);
        if let Err(error) = set_one(node, attribute, &value, known) {
            metadata.run.not_restored(&aspect(&attribute.name), metadata.path, &error);
        }
    }
    Ok(())
}

fn set_one(node: &Node, attribute: &Attribute, value: &[u8], known: bool) -> io::Result<()> {
    let name = CString::new(attribute.name.clone())?;
    if known && node.attribute(&name)?.as_deref() == Some(value) {
        return Ok(());
    }
    node.set_attribute(&name, value)
}

fn is_superfluous(name: &CStr, wanted: &[Attribute], run: &Run) -> bool {
    let name = name.to_bytes();
    concerns(name, run)
        && !is_automatic(name)
        && !wanted.iter().any(|attribute| attribute.name == name)
}

fn aspect(name: &[u8]) -> String {
    format!("attribute {}", String::from_utf8_lossy(name).escape_debug())
}

/// The value, from the repository if need be.
fn value<'a>(
    attribute: &'a Attribute,
    content: &dyn ContentSource,
) -> Result<Cow<'a, [u8]>, TargetError> {
    let tree = match &attribute.value {
        AttributeValue::Inline(value) => return Ok(Cow::Borrowed(value)),
        AttributeValue::Chunks(tree) => tree,
    };
    let too_large = || TargetError::Refused(format!("{} is too large", aspect(&attribute.name)));
    if tree.length().is_none_or(|length| length > LARGEST_VALUE) {
        return Err(too_large());
    }
    let mut value = Vec::new();
    content.read(tree, &mut |bytes| {
        value.extend_from_slice(bytes);
        if value.len() as u64 > LARGEST_VALUE { Err(too_large()) } else { Ok(()) }
    })?;
    Ok(Cow::Owned(value))
}

/// Whether the attributes of `node` are those wanted, as far as the file system and this process
/// can make them so. Values in chunks cannot be compared and count as different.
pub(super) fn are_as_wanted(node: &Node, wanted: &[Attribute], run: &Run) -> bool {
    let names = node.attribute_names().unwrap_or_default();
    let superfluous = names.iter().any(|name| is_superfluous(name, wanted, run));
    let mut wanted = wanted.iter().filter(|attribute| concerns(&attribute.name, run));
    !superfluous && wanted.all(|attribute| is_as_wanted(node, attribute))
}

fn is_as_wanted(node: &Node, attribute: &Attribute) -> bool {
    let Ok(name) = CString::new(attribute.name.clone()) else { return true };
    match (node.attribute(&name), &attribute.value) {
        (Ok(Some(value)), AttributeValue::Inline(wanted)) => value == *wanted,
        (Err(error), _) => error.raw_os_error() == Some(Errno::OPNOTSUPP.raw_os_error()),
        _ => false,
    }
}
