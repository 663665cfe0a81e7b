//! What is explained apart from any command. The same text is shown at a terminal and stands in
//! `docs/cli.md`: paragraphs, and lines indented by four for what is set as it is.

/// Something that `snap help` explains.
pub struct Topic {
    pub name: &'static str,
    /// A few words, for the list of topics.
    pub about: &'static str,
    pub text: &'static str,
}

macro_rules! topic {
    ($name:literal, $about:literal) => {
        Topic { name: $name, about: $about, text: include_str!(concat!("topics/", $name, ".md")) }
    };
}

pub const TOPICS: &[Topic] = &[
    topic!("options", "what every command takes"),
    topic!("repositories", "which repository is used"),
    topic!("keys", "passwords and key files"),
    topic!("profiles", "settings in snap.toml"),
    topic!("databases", "MongoDB in snapshots"),
    topic!("schedule", "cron and systemd"),
    topic!("times", "times, spans and sizes"),
    topic!("patterns", "what to leave out or take"),
    topic!("retention", "which snapshots are kept"),
    topic!("exit-codes", "how a command ended, and how to end it"),
    topic!("json", "output for programs"),
    topic!("environment", "variables and places"),
];

pub fn find(name: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.name == name)
}

/// All topics, a line each, as they stand at the end of `snap --help`.
pub fn list() -> String {
    let line = |topic: &Topic| format!("  {:<14}{}", topic.name, topic.about);
    TOPICS.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::arguments::Cli;
    use crate::cli::code::Code;
    use crate::policy::TimeExpression;
    use clap::CommandFactory;
    use jiff::Zoned;

    #[test]
    fn topics_are_narrow_and_plain() {
        for Topic { name, text, .. } in TOPICS {
            let wide = text.lines().find(|line| line.chars().count() > 80);
            assert_eq!(wide, None, "{name}");
            assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{name}");
        }
    }

    /// What stands in the blocks of a topic, words that are two or more spaces apart.
    fn shown(name: &str) -> impl Iterator<Item = &'static str> {
        let lines = find(name).unwrap().text.lines().filter(|line| line.starts_with("    "));
        lines.flat_map(|line| line.split("  ").map(str::trim)).filter(|word| !word.is_empty())
    }

    #[test]
    fn every_option_of_every_command_is_explained() {
        let root = Cli::command();
        let global = root.get_arguments().filter(|option| option.is_global_set());
        let names = global.map(|option| match (option.get_short(), option.get_long()) {
            (Some(short), Some(long)) => format!("-{short}, --{long}"),
            (_, long) => format!("--{}", long.unwrap_or_default()),
        });
        let shown = shown("options").filter(|word| word.contains("--"));
        let shown = shown.map(|word| word.trim_end_matches(|last: char| !last.is_lowercase()));
        assert_eq!(shown.map(str::to_owned).collect::<Vec<_>>(), names.collect::<Vec<_>>());
    }

    #[test]
    fn every_exit_code_is_explained() {
        let codes = [
            Code::Done,
            Code::Failed,
            Code::Usage,
            Code::Incomplete,
            Code::Damage,
            Code::Nothing,
            Code::NoRepository,
            Code::WrongKey,
            Code::TooNew,
            Code::Interrupted,
        ];
        let shown: Vec<&str> = shown("exit-codes").step_by(2).collect();
        assert_eq!(shown, codes.map(|code| (code as u8).to_string()));
    }

    #[test]
    fn times_are_as_explained() {
        for text in shown("times") {
            let time = TimeExpression::parse(text.trim_matches('\''), &Zoned::now());
            assert!(time.is_ok(), "{text}: {time:?}");
        }
    }
}
