//! The content of live files.

use super::super::layout::LayoutHasher;
use crate::model::{Content, Counter, Entry, EntryName, File, Kind, Monitor, Stream, data_extents};
use std::io;

const BUFFER: usize = 1 << 20;

/// A live file as an entry, with the recorded content where that is the same: where size and
/// time are, or, if these differ or all is to be read, where its hash is.
pub fn live_file(
    name: &EntryName,
    stream: &mut dyn Stream,
    recorded: Option<&Entry>,
    reads_all: bool,
    monitor: &dyn Monitor,
) -> io::Result<Entry> {
    let content = stream.begin()?;
    let old = match recorded {
        Some(Entry { kind: Kind::File(file), metadata, .. }) => Some((file, metadata.modified)),
        _ => None,
    };
    let same = match old {
        Some((old, _)) if old.size != content.size => false,
        Some((_, modified)) if modified == content.metadata.modified && !reads_all => true,
        Some((old, _)) => has_content(stream, &content, old, monitor)?,
        None => false,
    };
    let file = match old.filter(|_| same) {
        Some((old, _)) => old.clone(),
        None => File { size: content.size, ..File::default() },
    };
    let (kind, metadata) = (Kind::File(file), content.metadata);
    Ok(Entry { name: name.clone(), kind, metadata, link_group: None })
}

/// Whether a file that was begun has the content of `old`.
fn has_content(
    stream: &mut dyn Stream,
    content: &Content,
    old: &File,
    monitor: &dyn Monitor,
) -> io::Result<bool> {
    let mut layout = LayoutHasher::new(old.size, &old.holes);
    let mut buffer = vec![0; BUFFER];
    let mut offset = 0;
    for extent in data_extents(content.size, &content.holes) {
        if !layout.update_zeros(extent.offset.saturating_sub(offset)) {
            return Ok(false);
        }
        let mut left = extent.length;
        while left > 0 {
            let length = usize::try_from(left).map_or(BUFFER, |left| left.min(BUFFER));
            let read = stream.read(buffer.get_mut(..length).unwrap_or_default())?;
            let bytes = buffer.get(..read).unwrap_or_default();
            if bytes.is_empty() || !layout.update(bytes) {
                return Ok(false);
            }
            monitor.add(Counter::BytesProcessed, read as u64);
            left = left.saturating_sub(read as u64);
        }
        offset = extent.offset.saturating_add(extent.length);
    }
    let hole = content.size.saturating_sub(offset);
    Ok(layout.update_zeros(hole) && layout.finish() == old.hash)
}
