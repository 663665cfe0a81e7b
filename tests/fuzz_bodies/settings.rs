//! The file of settings.

use snapstore::settings::config::filled_template;
use snapstore::settings::{Config, Profile, policy_from_pairs, policy_to_pairs};
use std::path::Path;

pub fn body(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let file = Path::new("/etc/snap/snap.toml");
    match Config::parse(text, file, Some("/home/bot".into())) {
        Ok(config) => config.profiles.iter().for_each(profile_holds),
        Err(faults) => {
            assert!(!faults.is_empty());
            let lines = text.lines().count() + 1;
            for fault in faults {
                let (line, column) = (fault.place.line as usize, fault.place.column as usize);
                assert!((1..=lines).contains(&line), "{fault}: there are {lines} lines");
                let length = text.lines().nth(line - 1).map_or(0, |line| line.chars().count());
                assert!((1..=length + 2).contains(&column), "{fault}");
                assert!(!fault.message.is_empty());
            }
        }
    }
    // Without a home it is refused or understood, too.
    let _ = Config::parse(text, file, None);
    comes_back(text);
}

/// Any text is a value in a file that snap writes.
fn comes_back(text: &str) {
    let filled = filled_template(&[("host", vec![text.to_owned()])]);
    match Config::parse(&filled, Path::new("/snap.toml"), None) {
        Ok(config) => {
            let profile = config.profile("default").expect("the template has it");
            assert_eq!(profile.host().as_deref(), Some(text));
        }
        Err(faults) => assert!(text.is_empty(), "{faults:?}"),
    }
}

fn profile_holds(profile: &Profile) {
    for setting in &profile.settings {
        assert!(!setting.key.name.is_empty());
    }
    profile.credential();
    profile.sources();
    profile.mongodb_files();
    profile.check_schedule();
    profile.group_by();
    profile.full_scan_every();
    snapstore::files::Rules::new(&profile.rules()).map_err(drop).ok();
    if let Ok(Some(policy)) = profile.policy() {
        let pairs = policy_to_pairs(&policy);
        assert_eq!(policy_from_pairs(&pairs).expect("it is readable"), policy);
    }
}
