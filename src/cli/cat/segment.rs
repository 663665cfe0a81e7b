//! Segments of the change log as JSON: their headers.

use super::Shown;
use crate::cli::code::Code;
use crate::cli::error::Failure;
use crate::cli::ls::node::hexadecimal;
use crate::format::{LogPlace, SegmentHeader};
use crate::repo::{LogStream, Repository};
use serde_json::{Value, json};
use std::sync::Arc;

/// `STREAM/NUMBER`, or the number alone where there is one stream. All segments of the object that
/// has it are shown.
pub fn segment(repository: &Arc<Repository>, text: &str) -> Result<Shown, Failure> {
    let (stream, number) = text.rsplit_once('/').unwrap_or(("", text));
    // The name of an object will do.
    let stream = stream.strip_prefix("log/").unwrap_or(stream).to_ascii_lowercase();
    let number = number.split('-').next().unwrap_or_default();
    let number: u64 = number.parse().map_err(|_| {
        Failure::usage(format!("{text:?} is not the number of a segment"))
            .hint("write STREAM/NUMBER; `snap log` tells the numbers, they count from 1")
    })?;
    let (streams, _) = repository.log_streams()?;
    let meant: Vec<&LogStream> =
        streams.iter().filter(|one| one.id.hex().starts_with(&stream)).collect();
    let [only] = meant.as_slice() else {
        let ids: Vec<String> = streams.iter().map(|one| one.id.short()).collect();
        let failure = Failure::new(Code::Nothing, format!("{} streams are meant", meant.len()));
        return Err(match ids.is_empty() {
            true => failure.hint("there is no change log in this repository"),
            false => failure.hint(format!("there are: {}", ids.join(", "))),
        });
    };
    let Some((first, last)) = only.object_with(number) else {
        return Err(Failure::new(Code::Nothing, format!("there is no segment {number}"))
            .hint("`snap log --json` tells which there are"));
    };
    let read = repository.read_segments(&only.id, first, last)?;
    let headers = read.map(|segments| segments.headers).unwrap_or_default();
    let object = json!({
        "stream": only.id.hex(),
        "server": only.server(),
        "databases": only.databases(),
        "segments": headers.iter().map(header).collect::<Vec<Value>>(),
    });
    Ok(Shown::Json { id: format!("{}/{first}-{last}", only.id.hex()), object })
}

fn header(header: &SegmentHeader) -> Value {
    json!({
        "number": header.number,
        "hash": hexadecimal(&header.hash()),
        "previous": hexadecimal(&header.previous),
        "window": header.window,
        "gap": header.gap,
        "begin": place(&header.begin),
        "end": place(&header.end),
        "oldest_open": header.oldest_open.map(|time| time.to_string()),
        "last_kept": header.last_kept.map(|time| time.to_string()),
        "entries_seen": header.seen,
        "entries_kept": header.kept,
        "bytes_kept": header.length,
        "entries_hash": hexadecimal(&header.entries_hash),
        "closed_milliseconds": header.closed,
        "program": header.program,
    })
}

fn place(place: &LogPlace) -> Value {
    json!({
        "cluster_time": place.at.to_string(),
        "time": place.at.timestamp(),
        "term": place.term,
        "hash": hexadecimal(&place.hash),
    })
}
