//! The file as a whole: what is read, what is refused and where, what profiles inherit.

use super::template::{TEMPLATE, filled_template};
use super::*;
use crate::settings::{CredentialFlags, CredentialSource, Environment, Places};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

fn parse(text: &str) -> Result<Config, Vec<Fault>> {
    Config::parse(text, Path::new("/etc/snap/snap.toml"), Some("/home/bot".into()))
}

fn read(text: &str) -> Config {
    parse(text).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

/// `line:column: message (hint)` of each fault.
fn faults(text: &str) -> Vec<String> {
    let faults = parse(text).expect_err("it is refused");
    let line = |fault: Fault| {
        let hint = fault.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{}:{}: {}{hint}", fault.place.line, fault.place.column, fault.message)
    };
    faults.into_iter().map(line).collect()
}

/// A value that each key accepts, as TOML.
fn example(key: &Key) -> &'static str {
    match key.kind {
        Kind::Switch => "true",
        Kind::Text | Kind::Tag | Kind::Pattern | Kind::Marker => "\"text\"",
        Kind::Path | Kind::Address | Kind::Source => "\"~/x\"",
        Kind::Size => "\"10M\"",
        Kind::Keep => "7",
        Kind::Span => "\"14d\"",
        Kind::GroupBy => "\"host\"",
        Kind::Part => "\"1/7\"",
        Kind::Duration => "\"20m\"",
    }
}

/// A profile with every key but those of a group, of which it has the first.
fn everything() -> String {
    let mut text = String::from("[profile.default]\n");
    let mut section = Section::Profile;
    for key in KEYS {
        if key.number == Number::OneOfGroup && key.name != "key-file" {
            continue;
        }
        if key.section != section {
            section = key.section;
            text += &format!("[profile.default.{}]\n", section.table().unwrap());
        }
        text += &format!("{} = {}\n", key.name, example(key));
    }
    text
}

#[test]
fn every_key_is_read_and_has_its_meaning() {
    let config = read(&everything());
    let profile = config.profile("default").unwrap();
    let home = |name: &str| PathBuf::from("/home/bot").join(name);
    assert_eq!(profile.repository().unwrap(), home("x"));
    assert!(
        matches!(profile.credential(), Some(CredentialSource::KeyFile(path)) if path == home("x"))
    );
    assert_eq!(profile.sources().len(), 1);
    let rules = profile.rules();
    assert_eq!(rules.exclude, ["text"]);
    assert_eq!(rules.exclude_ignoring_case, ["text"]);
    assert_eq!(rules.exclude_files, [home("x")]);
    assert_eq!(rules.exclude_if_present, ["text"]);
    assert_eq!(rules.exclude_larger_than, Some(10 << 20));
    assert!(rules.exclude_caches && !rules.ignore_files);
    assert!(profile.one_file_system() && profile.skip_if_unchanged());
    assert_eq!((profile.tags(), profile.host()), (vec!["text".into()], Some("text".into())));
    let policy = profile.policy().unwrap().unwrap();
    let pairs = crate::settings::policy_to_pairs(&policy);
    let keeps = KEYS.iter().filter(|key| key.section == Section::Retention);
    let keeps = keeps.filter(|key| key.name.starts_with("keep-")).count();
    assert_eq!(pairs.len(), keeps);
    assert_eq!(profile.group_by().unwrap().to_string(), "host");
    let check = profile.check_schedule();
    assert_eq!(check.read, Some(crate::ops::ReadData::Part { number: 1, of: 7 }));
    assert_eq!(check.max_age.unwrap().to_string(), "14d");
    assert_eq!(check.max_duration.unwrap().as_secs(), 1200);
    assert_eq!(profile.protect_every().unwrap().as_secs(), 1200);
    assert_eq!(profile.keep_log().unwrap().to_string(), "14d");
}

#[test]
fn values_are_of_several_shapes() {
    let config = read(
        "[profile.a]\nsources = \"one\"\npassword-command = \"pass show snap\"\n\
         exclude-larger-than = 1_000\n[profile.a.retention]\nkeep-yearly = \"unlimited\"\n\
         keep-last = -1\n[profile.b]\nretention = { keep-daily = 0x10, group-by = \"\" }\n",
    );
    let a = config.profile("a").unwrap();
    assert_eq!(format!("{:?}", a.sources()), "[/etc/snap/one]");
    assert_eq!(a.rules().exclude_larger_than, Some(1000));
    assert_eq!(a.policy().unwrap().unwrap().to_string(), "all are kept, all yearly");
    assert!(matches!(a.credential(), Some(CredentialSource::PasswordCommand(_))));
    let b = config.profile("b").unwrap();
    assert_eq!(b.policy().unwrap().unwrap().to_string(), "16 daily");
    assert_eq!(b.group_by().unwrap().to_string(), "");
}

#[test]
fn what_is_wrong_is_named_with_its_place_and_what_was_meant() {
    for (text, expected) in [
        (
            "[profile.default]\nexlude = \"x\"\n",
            "2:1: unknown key \"exlude\" (did you mean \"exclude\"?)",
        ),
        (
            "[profile.default]\n  keep-daily = 7\n",
            "2:3: unknown key \"keep-daily\" (it belongs to [profile.default.retention])",
        ),
        (
            "[profile.default]\npassword = \"secret\"\n",
            "2:1: unknown key \"password\" (a file is read by many: use password-file, \
             password-command or key-file)",
        ),
        (
            "sources = []\n",
            "1:1: unknown key \"sources\" (settings belong to a profile: write [profile.default] \
             above)",
        ),
        (
            "[profiles.x]\n",
            "1:2: unknown key \"profiles\" (did you mean [profile.NAME]? nothing else stands at the top)",
        ),
        ("[profile.x]\nsources = [\"a\", 7]\n", "2:17: sources is to be a path, not a number"),
        ("[profile.x]\nexclude-caches = \"yes\"\n", "2:18: write true or false, without quotes"),
        (
            "[profile.x.retention]\nkeep-daily = \"many\"\n",
            "2:14: \"many\" is not a number of snapshots: write a number such as 7, or \
             \"unlimited\"",
        ),
        (
            "[profile.x]\nretention = {}\n",
            "2:1: retention is empty: give it settings (such as keep-last)",
        ),
        (
            "[profile.x.retention]\nkeep-daily = 0\n",
            "2:1: profile x: the policy would keep no snapshot at all: give it at least one rule \
             that keeps some",
        ),
        (
            "[profile.x.check]\nmax-duration = \"soon\"\n",
            "2:16: \"soon\" is not a duration such as \"20m\" or \"1h30m\"",
        ),
        ("[profile.x]\nhost = \"\"\n", "2:8: it is empty"),
        ("[profile.x]\ntags = [\"a,b\"]\n", "2:9: a tag has no comma: write [\"one\", \"other\"]"),
        (
            "[profile.x]\nkey-file = \"k\"\npassword-file = \"p\"\n",
            "3:1: key-file and password-file exclude each other (keep one of them)",
        ),
        (
            "[profile.x]\ninherit = \"bsae\"\n[profile.base]\n",
            "2:11: there is no profile \"bsae\" (did you mean \"base\"?)",
        ),
        (
            "[profile.a]\ninherit = \"b\"\n[profile.b]\ninherit = [\"c\"]\n[profile.c]\ninherit = \"a\"\n",
            "2:11: profiles inherit from each other: a, b, c, a",
        ),
        ("[profile.a]\ninherit = \"a\"\n", "2:11: profiles inherit from each other: a, a"),
        (
            "[profile.\"a,b\"]\n",
            "1:10: \"a,b\" is no name of a profile (use letters, digits, and - _ . between them)",
        ),
    ] {
        assert_eq!(faults(text), [expected], "{text}");
    }
}

#[test]
fn all_faults_are_told_in_the_order_of_the_file() {
    let found = faults("[profile.b]\nx1 = 1\n[profile.a]\nhost = 2\nx2 = 3\n");
    let places: Vec<&str> = found.iter().map(|fault| fault.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["2:1", "4:8", "5:1"]);
    let broken = faults("[profile.a]\nsources = [\n");
    assert!(broken[0].starts_with("2:") || broken[0].starts_with("3:"), "{broken:?}");
}

#[test]
fn profiles_take_what_they_do_not_say_from_others() {
    let config = read(
        "[profile.base]\nrepository = \"/r\"\nkey-file = \"/k\"\nexclude = [\"*.log\"]\n\
         tags = [\"all\"]\nsources = [\"/etc\"]\n[profile.base.retention]\nkeep-daily = 7\n\
         keep-weekly = 4\n\
         [profile.quiet]\nhost = \"quiet\"\nexclude = \"*.tmp\"\ninherit = \"base\"\n\
         [profile.web]\ninherit = [\"base\", \"quiet\"]\npassword-file = \"/p\"\n\
         sources = [\"/srv\"]\nexclude = [\"!keep.log\"]\nretention = { keep-daily = 30 }\n",
    );
    let web = config.profile("web").unwrap();
    assert_eq!(web.repository().unwrap(), "/r");
    assert!(matches!(web.credential(), Some(CredentialSource::PasswordFile(_))));
    assert_eq!(format!("{:?}", web.sources()), "[/srv]");
    assert_eq!(web.rules().exclude, ["*.log", "*.tmp", "!keep.log"]);
    assert_eq!(web.tags(), ["all"]);
    assert_eq!(web.host().unwrap(), "quiet");
    assert_eq!(web.policy().unwrap().unwrap().to_string(), "30 daily, 4 weekly");
    let first = web.said(Section::Profile, "exclude").next().unwrap();
    assert_eq!(web.origin_of(first), "profile base of /etc/snap/snap.toml:4");
}

/// Every line that begins with `# word = ` or `# [`, without the `# `; of a group, the first.
fn uncommented(template: &str) -> String {
    let is_setting = |line: &str| {
        line.starts_with('[')
            || line.split_once(" = ").is_some_and(|(key, _)| !key.contains([' ', '`']))
    };
    let mut text = String::new();
    for line in template.lines() {
        let line = line.strip_prefix("# ").filter(|line| is_setting(line)).unwrap_or(line);
        if !line.starts_with("password-") {
            text += &format!("{line}\n");
        }
    }
    text + "[profile.base]\n"
}

#[test]
fn the_file_to_begin_with_is_in_order_and_explains_every_key() {
    let config = read(TEMPLATE);
    assert!(config.profile(DEFAULT_PROFILE).unwrap().settings.is_empty());
    let full = read(&uncommented(TEMPLATE));
    let profile = full.profile(DEFAULT_PROFILE).unwrap();
    for key in KEYS {
        assert!(TEMPLATE.contains(&format!("# {} = ", key.name)), "{}", key.name);
        let said = profile.said(key.section, key.name).count();
        assert_eq!(said, usize::from(!key.name.starts_with("password-")), "{}", key.name);
    }
    // Night after night the whole repository comes round.
    assert_eq!(profile.check_schedule().read, Some(crate::ops::ReadData::Percent(5.0)));
    let wide = TEMPLATE.lines().find(|line| line.chars().count() > 78);
    assert_eq!(wide, None);
}

#[test]
fn what_is_given_is_set_in_the_file_to_begin_with() {
    let values = |texts: &[&str]| texts.iter().map(|text| text.to_string()).collect();
    let odd = "/a \"b\"\\\u{7}é";
    let text = filled_template(&[
        ("repository", values(&["/r"])),
        ("password-command", values(&["pass show 'x'"])),
        ("sources", values(&[odd, "/etc"])),
    ]);
    let config = read(&text);
    let profile = config.profile(DEFAULT_PROFILE).unwrap();
    assert_eq!(profile.settings.len(), 3);
    assert_eq!(profile.repository().unwrap(), "/r");
    let sources: Vec<String> = profile.sources().iter().map(ToString::to_string).collect();
    assert_eq!(sources, [odd, "/etc"]);
    assert_eq!(text.lines().count(), TEMPLATE.lines().count());
}

#[test]
fn the_schema_knows_every_key_and_no_other() {
    let schema = schema();
    let profile = &schema["properties"]["profile"]["additionalProperties"]["properties"];
    let mut known = vec!["inherit".to_owned()];
    for (name, value) in profile.as_object().unwrap() {
        match value["properties"].as_object() {
            Some(below) => known.extend(below.keys().map(|key| format!("{name}.{key}"))),
            None => known.push(name.clone()),
        }
    }
    known.sort_unstable();
    let keys = KEYS.iter().map(Key::full_name).chain(["inherit".to_owned()]);
    let mut keys: Vec<String> = keys.collect();
    keys.sort_unstable();
    keys.dedup();
    known.dedup();
    assert_eq!(known, keys);
}

/// What a credential comes from, in the order in which they count.
const CREDENTIALS: [&str; 7] = [
    "--key-file",
    "SNAP_KEY_FILE",
    "SNAP_PASSWORD",
    "SNAP_PASSWORD_FILE",
    "SNAP_PASSWORD_COMMAND",
    "profile",
    "default",
];

fn credential_named(source: &CredentialSource) -> String {
    match source {
        CredentialSource::KeyFile(path) | CredentialSource::PasswordFile(path) => {
            path.file_name().unwrap().to_str().unwrap().to_owned()
        }
        CredentialSource::PasswordCommand(command) => command.to_str().unwrap().to_owned(),
        CredentialSource::Password(_) => "SNAP_PASSWORD".to_owned(),
        CredentialSource::Ask => "default".to_owned(),
    }
}

fn origin_named(setting: &InForce) -> String {
    match &setting.origin {
        Origin::Flag(name) | Origin::Environment(name) => (*name).to_owned(),
        Origin::Profile { .. } => "profile".to_owned(),
        Origin::Default => "default".to_owned(),
    }
}

proptest! {
    /// A flag beats the environment, which beats the profile, which beats the default; and what
    /// is shown to be in force is what is used.
    #[test]
    fn what_comes_first_counts_and_is_what_is_shown(set in proptest::collection::vec(any::<bool>(), 6)) {
        let is_set = |name: &str| {
            CREDENTIALS.iter().zip(&set).any(|(one, set)| *one == name && *set)
        };
        let pairs = CREDENTIALS.iter().filter(|name| name.starts_with("SNAP_") && is_set(name));
        let pairs = pairs.chain(&["HOME"]).map(|name| ((*name).into(), format!("/{name}").into()));
        let pairs = pairs.map(|(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            let command = name == "SNAP_PASSWORD_COMMAND";
            (name.clone(), if command { name } else { value })
        });
        let environment = Environment::new(pairs);
        let flags = GlobalFlags {
            credential: CredentialFlags {
                key_file: is_set("--key-file").then(|| "--key-file".into()),
                ..CredentialFlags::default()
            },
            ..GlobalFlags::default()
        };
        let key = if is_set("profile") { "key-file = \"/profile\"\n" } else { "" };
        let config = read(&format!("[profile.default]\n{key}"));
        let profile = config.profiles.first();
        let expected = CREDENTIALS.iter().find(|name| is_set(name)).unwrap_or(&"default");
        let places = Places::find(&environment).unwrap();
        let used = profile.and_then(Profile::credential);
        let used = CredentialSource::find(&flags.credential, &environment, used, None);
        prop_assert_eq!(&credential_named(&used), expected);
        let shown = in_force(&flags, &environment, profile, &places);
        prop_assert_eq!(&origin_named(&shown[1]), expected);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(\\[profile\\.[ab]\\]\n|[a-z-]{1,8} = \\PC{0,12}\n|\\PC{0,9}\n){0,8}") {
        let _ = parse(&text);
    }

    /// However profiles name each other: either a cycle is told, or each comes after its parents
    /// and has the last word.
    #[test]
    fn inheritance_ends_and_the_profile_itself_wins(
        parents in proptest::collection::vec(proptest::collection::vec(0..6_usize, 0..3), 6),
    ) {
        let mut text = String::new();
        for (index, parents) in parents.iter().enumerate() {
            let names: Vec<String> = parents.iter().map(|parent| format!("\"p{parent}\"")).collect();
            text += &format!("[profile.p{index}]\nhost = \"h{index}\"\ntags = [\"t{index}\"]\n");
            text += &format!("inherit = [{}]\n", names.join(", "));
        }
        let reach = |from: usize| {
            let mut found: Vec<usize> = Vec::new();
            let mut pending = parents[from].clone();
            while let Some(next) = pending.pop() {
                if !found.contains(&next) {
                    found.push(next);
                    pending.extend(&parents[next]);
                }
            }
            found
        };
        let is_cyclic = (0..6).any(|index| reach(index).contains(&index));
        match parse(&text) {
            Err(_) => prop_assert!(is_cyclic),
            Ok(config) => {
                prop_assert!(!is_cyclic);
                for (index, profile) in config.profiles.iter().enumerate() {
                    prop_assert_eq!(profile.host().unwrap(), format!("h{index}"));
                    let tags = profile.tags();
                    prop_assert_eq!(tags.last().unwrap(), &format!("t{index}"));
                    let mut inherited: Vec<String> = reach(index).iter().map(|p| format!("t{p}")).collect();
                    inherited.sort_unstable();
                    let mut others = tags[..tags.len() - 1].to_vec();
                    others.sort_unstable();
                    prop_assert_eq!(others, inherited);
                }
            }
        }
    }
}
