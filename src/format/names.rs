//! The names of objects.

use crate::model::{IndexId, KeyId, PackId, SessionId, StreamId};
use std::str::FromStr;

/// `snap.json`.
pub const MARKER_NAME: &str = "snap.json";

pub fn key_name(id: &KeyId) -> String {
    format!("keys/{id}")
}

pub fn config_name(number: u64) -> String {
    format!("config/{number}")
}

pub fn pack_name(id: &PackId) -> String {
    let hex = id.hex();
    ["packs/", &hex[..2], "/", &hex].concat()
}

pub fn index_name(id: &IndexId) -> String {
    format!("index/{id}")
}

pub fn session_name(id: &SessionId, number: u64) -> String {
    format!("sessions/{id}/{number}")
}

pub fn snapshot_name(id: &SessionId) -> String {
    format!("snapshots/{id}")
}

pub fn forgotten_name(id: &SessionId) -> String {
    format!("forgotten/{id}")
}

pub fn mark_name(generation: u64) -> String {
    format!("prune/{generation}.mark")
}

pub fn final_name(generation: u64) -> String {
    format!("prune/{generation}.final")
}

pub fn done_name(generation: u64) -> String {
    format!("prune/{generation}.done")
}

pub fn damaged_name(id: &PackId) -> String {
    format!("damaged/{id}")
}

/// Segments are numbered; an object holds those from `first` to `last`.
pub fn segment_name(stream: &StreamId, first: u64, last: u64) -> String {
    format!("log/{stream}/{first}-{last}")
}

/// No stream comes to so many segments: one a second is a million years.
const MOST_SEGMENTS: u64 = 1 << 48;

/// The stream and the numbers in the name of an object of the log.
pub fn parse_segment_name(text: &str) -> Option<(StreamId, u64, u64)> {
    let (stream, numbers) = text.strip_prefix("log/")?.split_once('/')?;
    let (first, last) = numbers.split_once('-')?;
    let (stream, first, last) = (stream.parse().ok()?, first.parse().ok()?, last.parse().ok()?);
    let is_range = first > 0 && first <= last && last < MOST_SEGMENTS;
    (is_range && segment_name(&stream, first, last) == text).then_some((stream, first, last))
}

/// Whether an object of this name means anything: whatever else lies in a repository is nobody's.
pub fn is_object_name(text: &str) -> bool {
    let Some((folder, rest)) = text.split_once('/') else { return text == MARKER_NAME };
    match (folder, rest.split_once('/'), rest.split_once('.')) {
        ("keys", None, _) => is_id::<KeyId>(rest),
        ("config", None, None) => is_number(rest),
        ("packs", Some(_), None) => {
            let id = rest.rsplit('/').next().unwrap_or_default().parse::<PackId>();
            id.is_ok_and(|id| pack_name(&id) == text)
        }
        ("index", None, _) => is_id::<IndexId>(rest),
        ("sessions", Some((session, number)), None) => {
            is_id::<SessionId>(session) && is_number(number)
        }
        ("snapshots" | "forgotten", None, _) => is_id::<SessionId>(rest),
        ("prune", None, Some((number, "mark" | "final" | "done"))) => is_number(number),
        ("damaged", None, _) => is_id::<PackId>(rest),
        ("log", Some(_), _) => parse_segment_name(text).is_some(),
        _ => false,
    }
}

fn is_id<T: FromStr>(text: &str) -> bool {
    text.parse::<T>().is_ok()
}

/// A number has one spelling.
fn is_number(text: &str) -> bool {
    text.parse::<u64>().is_ok_and(|number| number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_is_made_is_a_name() {
        let (pack, session) = (PackId::new([0xab; 32]), SessionId::new([0xcd; 16]));
        for name in [
            MARKER_NAME.to_string(),
            key_name(&KeyId::new([1; 16])),
            config_name(10),
            pack_name(&pack),
            index_name(&IndexId::new([2; 32])),
            session_name(&session, 0),
            snapshot_name(&session),
            forgotten_name(&session),
            mark_name(7),
            final_name(7),
            done_name(7),
            damaged_name(&pack),
            segment_name(&StreamId::new([3; 16]), 1, 720),
        ] {
            assert!(is_object_name(&name), "{name}");
        }
    }

    #[test]
    fn what_lies_in_the_wrong_place_is_no_name() {
        let pack = PackId::new([0xab; 32]).hex();
        let session = SessionId::new([0xcd; 16]).hex();
        for name in [
            "snap.json.bak".to_string(),
            "config/01".to_string(),
            format!("packs/ac/{pack}"),
            format!("packs/{pack}"),
            format!("snapshots/{}", session.to_uppercase()),
            format!("snapshots/{session}.old"),
            format!("sessions/{session}"),
            "prune/1.marked".to_string(),
            "prune/1".to_string(),
            format!("other/{session}"),
            format!("log/{session}/0-1"),
            format!("log/{session}/2-1"),
            format!("log/{session}/01-2"),
            format!("log/{session}/1"),
            format!("log/{session}/1-{}", u64::MAX),
        ] {
            assert!(!is_object_name(&name), "{name}");
        }
    }
}
