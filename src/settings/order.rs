//! The one order in which a setting is looked for.

/// A flag beats the environment, which beats the default. (A profile of `snap.toml` will come
/// between the last two.)
pub fn first_of<T>(
    flag: Option<T>,
    environment: impl FnOnce() -> Option<T>,
    default: impl FnOnce() -> Option<T>,
) -> Option<T> {
    flag.or_else(environment).or_else(default)
}
