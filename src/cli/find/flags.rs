//! The flags that say what is looked for.

use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::text::shell_word;
use crate::files::PathMatcher;
use crate::model::ContentHash;
use crate::ops::{ContentSought, Criteria, KindSought, LiveContent};
use crate::policy::{parse_exact, parse_size};
use std::ops::RangeInclusive;
use std::path::PathBuf;

#[derive(clap::Args, Debug, Clone, Default)]
#[group(id = "criteria", multiple = true)]
#[command(next_help_heading = "What to look for")]
pub struct CriteriaFlags {
    /// Do not tell capitals from small letters
    #[arg(short, long)]
    ignore_case: bool,
    /// Files of this size: +10M at least, -1k at most, 1k..10M, 812 exactly
    #[arg(long, value_name = "SIZE", value_parser = size_range, allow_hyphen_values = true)]
    size: Option<RangeInclusive<u64>>,
    /// Modified at or after the beginning of this
    #[arg(long, value_name = "TIME")]
    newer: Option<String>,
    /// Modified before the beginning of this
    #[arg(long, value_name = "TIME")]
    older: Option<String>,
    /// f file, d folder, l link, b and c device, p FIFO, s socket, joined by commas
    #[arg(short = 't', long = "type", value_name = "KIND", value_enum, value_delimiter = ',')]
    kind: Vec<KindFlag>,
    /// Files of this content, by hash: the content_hash of --json, or how it begins
    #[arg(long, value_name = "HASH", value_parser = content_hash, conflicts_with = "content_of")]
    content: Option<String>,
    /// Files of the same content as this file that is there now
    #[arg(long, value_name = "FILE")]
    content_of: Option<PathBuf>,
}

#[derive(clap::ValueEnum, Debug, Clone, Copy)]
enum KindFlag {
    F,
    D,
    L,
    B,
    C,
    P,
    S,
}

impl From<KindFlag> for KindSought {
    fn from(flag: KindFlag) -> Self {
        match flag {
            KindFlag::F => Self::File,
            KindFlag::D => Self::Directory,
            KindFlag::L => Self::Symlink,
            KindFlag::B => Self::BlockDevice,
            KindFlag::C => Self::CharacterDevice,
            KindFlag::P => Self::Fifo,
            KindFlag::S => Self::Socket,
        }
    }
}

impl CriteriaFlags {
    pub fn criteria(&self, context: &Context, patterns: &[String]) -> Result<Criteria, Failure> {
        let names = match patterns {
            [] => None,
            patterns => Some(PathMatcher::new(patterns, self.ignore_case)?),
        };
        let time = |text: &String| Ok::<_, Failure>(parse_exact(text, &context.now)?.into());
        Ok(Criteria {
            names,
            size: self.size.clone(),
            newer: self.newer.as_ref().map(time).transpose()?,
            older: self.older.as_ref().map(time).transpose()?,
            kinds: self.kind.iter().map(|kind| (*kind).into()).collect(),
            content: self.content_sought()?,
        })
    }

    fn content_sought(&self) -> Result<Option<ContentSought>, Failure> {
        if let Some(file) = &self.content_of {
            let live = LiveContent::open(file).map_err(|cause| {
                let name = shell_word(file.as_os_str());
                Failure::usage(format!("cannot read {name}")).because(cause)
            })?;
            return Ok(Some(ContentSought::of(live)));
        }
        Ok(self.content.clone().map(ContentSought::Hash))
    }
}

fn size_range(text: &str) -> Result<RangeInclusive<u64>, String> {
    let size = |text: &str| parse_size(text).map_err(|error| error.to_string());
    if let Some(least) = text.strip_prefix('+') {
        return Ok(size(least)?..=u64::MAX);
    }
    if let Some(most) = text.strip_prefix('-') {
        return Ok(0..=size(most)?);
    }
    match text.split_once("..") {
        None => size(text).map(|exact| exact..=exact),
        Some((least, most)) => {
            let least = if least.is_empty() { 0 } else { size(least)? };
            let most = if most.is_empty() { u64::MAX } else { size(most)? };
            match least <= most {
                true => Ok(least..=most),
                false => Err("the first size is the larger one".to_owned()),
            }
        }
    }
}

fn content_hash(text: &str) -> Result<String, String> {
    let is_hash = text.len() >= 8
        && text.len() <= 2 * ContentHash::LENGTH
        && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match is_hash {
        true => Ok(text.to_ascii_lowercase()),
        false => Err("it is no hash: write at least 8 hexadecimal digits of a content_hash as \
                      `snap ls --json` shows it, or use --content-of FILE"
            .to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_ranges() {
        for (text, range) in [
            ("+1k", 1024..=u64::MAX),
            ("-1k", 0..=1024),
            ("812", 812..=812),
            ("1..2k", 1..=2048),
            ("..5", 0..=5),
            ("5..", 5..=u64::MAX),
        ] {
            assert_eq!(size_range(text), Ok(range), "{text}");
        }
        for text in ["", "+", "x", "2..1", "1..x"] {
            assert!(size_range(text).is_err(), "{text}");
        }
    }
}
