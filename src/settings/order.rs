//! The one order in which a setting is looked for.

/// A flag beats the environment, which beats the profile, which beats the default.
pub fn first_of<T>(
    flag: Option<T>,
    environment: impl FnOnce() -> Option<T>,
    profile: impl FnOnce() -> Option<T>,
    default: impl FnOnce() -> Option<T>,
) -> Option<T> {
    flag.or_else(environment).or_else(profile).or_else(default)
}
