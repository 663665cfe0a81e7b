//! A repository's settings and its marker; names of objects.

use super::reading::{comes_back, read};
use snapstore::format::{Marker, RepositoryConfig, is_object_name};
use snapstore::settings::{policy_from_pairs, policy_to_pairs};

pub fn body(bytes: &[u8]) {
    if let Some(config) = comes_back(bytes, RepositoryConfig::decode, RepositoryConfig::encode) {
        assert!((64 * 1024..=64 << 20).contains(&config.pack_size));
        assert!(config.chunks.largest() <= 16 << 20, "a chunk is a blob");
        if let Some(policy) = read(policy_from_pairs(&config.retention)) {
            let pairs = policy_to_pairs(&policy);
            assert_eq!(policy_from_pairs(&pairs).expect("it is readable"), policy);
        }
    }
    comes_back(bytes, Marker::decode, Marker::encode);
    if let Ok(name) = std::str::from_utf8(bytes)
        && is_object_name(name)
    {
        assert!(!name.starts_with('/') && !name.split('/').any(|part| part == ".."));
    }
}
