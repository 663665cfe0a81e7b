//! The flags that say how a repository stores things, the same for `init` and `config repo`.

use super::error::Failure;
use super::keep::KeepFlags;
use crate::codec::Compression;
use crate::ops::SettingsChange;
use crate::policy::parse_size;
use crate::settings::policy_to_pairs;

#[derive(clap::Args, Debug, Clone, Default)]
#[command(next_help_heading = "How to store")]
pub struct StoreFlags {
    /// Compress with this level of zstd, 1 to 19, or not at all ("none") [first: 3]
    #[arg(long, value_name = "LEVEL", value_parser = parse_compression)]
    compression: Option<Compression>,
    /// Make packs of this size, 64k to 64M; they grow with the repository [first: 16M]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pack_size: Option<u64>,
}

fn parse_compression(text: &str) -> Result<Compression, String> {
    match text.parse() {
        _ if text.eq_ignore_ascii_case("none") => Ok(Compression::None),
        Ok(level) => Ok(Compression::Zstd(level)),
        Err(_) => Err("write 1 to 19, or none".to_owned()),
    }
}

/// What the flags say is to be different.
pub fn change(store: &StoreFlags, keep: &KeepFlags) -> Result<SettingsChange, Failure> {
    Ok(SettingsChange {
        retention: keep.policy()?.as_ref().map(policy_to_pairs),
        compression: store.compression,
        pack_size: store.pack_size,
    })
}
