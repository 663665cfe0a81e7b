//! A file to begin with.

/// A `snap.toml` that has every setting, explained and commented out.
pub(super) const TEMPLATE: &str = include_str!("template.toml");

/// The same with some settings set: keys of the default profile, and their values as text or
/// lists of texts. Keys that the template does not have are passed over.
pub fn filled_template(settings: &[(&str, Vec<String>)]) -> String {
    let mut filled = String::with_capacity(TEMPLATE.len());
    for line in TEMPLATE.lines() {
        let key = line.strip_prefix("# ").and_then(|line| line.split_once(" = "));
        let set = key.and_then(|(key, _)| settings.iter().find(|(name, _)| *name == key));
        match (set, line.contains('[')) {
            (Some((key, values)), true) => {
                let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
                filled.push_str(&format!("{key} = [{}]", values.join(", ")));
            }
            (Some((key, values)), false) => {
                let value = values.first().map(|value| quoted(value)).unwrap_or_default();
                filled.push_str(&format!("{key} = {value}"));
            }
            (None, _) => filled.push_str(line),
        }
        filled.push('\n');
    }
    filled
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => {
                quoted.push_str(&format!("\\U{:08x}", u32::from(control)));
            }
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}
