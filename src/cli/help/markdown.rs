//! Help as Markdown.

use clap::{Arg, Command};

/// Text that is set as it is stands indented in help; everything else is prose.
pub fn prose(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut set = false;
    for line in text.trim_end().lines() {
        let block = line.strip_prefix("  ");
        let differs = block.is_some() != set && !line.is_empty();
        if differs && lines.last().is_some_and(|last| !last.is_empty()) {
            lines.push(String::new());
        }
        set = block.is_some() || (set && line.is_empty());
        lines.push(match block {
            Some(block) => format!("    {}", block.strip_prefix("  ").unwrap_or(block)),
            None => escaped(line),
        });
    }
    lines.join("\n")
}

/// What would be taken for markup outside code, made plain.
fn escaped(text: &str) -> String {
    let mut plain = String::new();
    for (number, part) in text.split('`').enumerate() {
        let is_code = number % 2 == 1;
        if number > 0 {
            plain.push('`');
        }
        for character in part.chars() {
            if !is_code && matches!(character, '*' | '<') {
                plain.push('\\');
            }
            plain.push(character);
        }
    }
    plain
}

/// One line of a table.
pub fn row(left: &str, right: &str) -> String {
    format!("| {} | {} |\n", left.replace('|', "\\|"), escaped(right).replace('|', "\\|"))
}

/// The arguments of a command as tables, one a heading.
pub fn tables(arguments: &[&Arg]) -> String {
    let mut headings: Vec<Option<&str>> = Vec::new();
    for argument in arguments {
        let heading = argument.get_help_heading();
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    // Those without a heading stand first, as they do in help.
    headings.sort_by_key(Option::is_some);
    headings.iter().map(|heading| table(*heading, arguments)).collect()
}

fn table(heading: Option<&str>, arguments: &[&Arg]) -> String {
    let own = arguments.iter().filter(|argument| argument.get_help_heading() == heading);
    let rows: String = own.map(|argument| row(&name(argument), &help(argument))).collect();
    let heading = heading.unwrap_or_default();
    format!("| {heading} | |\n|---|---|\n{rows}\n")
}

/// `-e`, `--exclude PATTERN`; `PATH…`.
fn name(argument: &Arg) -> String {
    let many = argument.get_num_args().is_some_and(|range| range.max_values() > 1);
    let values: Vec<String> =
        argument.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect();
    let value = format!("{}{}", values.join(" "), if many { "…" } else { "" });
    if argument.is_positional() {
        return format!("`{value}`");
    }
    let takes_value = argument.get_action().takes_values();
    let optional = argument.get_num_args().is_some_and(|range| range.min_values() == 0);
    let value = match (takes_value, optional) {
        (false, _) => String::new(),
        (true, true) => format!("[={value}]"),
        (true, false) => format!(" {value}"),
    };
    let short = argument.get_short().map(|short| format!("`-{short}`"));
    let long = argument.get_long().map(|long| format!("`--{long}{value}`"));
    short.into_iter().chain(long).collect::<Vec<_>>().join(", ")
}

/// What it does, which values it knows, and which it has by itself.
fn help(argument: &Arg) -> String {
    let help = argument.get_long_help().or_else(|| argument.get_help());
    let mut text = help.map(ToString::to_string).unwrap_or_default();
    text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if argument.get_action().takes_values() {
        let possible = argument.get_possible_values();
        let possible = possible.iter().filter(|value| !value.is_hide_set()).map(|value| {
            let help = value.get_help().map(|help| format!(" ({help})")).unwrap_or_default();
            format!("`{}`{help}", value.get_name())
        });
        let possible = possible.collect::<Vec<_>>().join(", ");
        if !possible.is_empty() {
            text.push_str(&format!(": {possible}"));
        }
        let defaults = argument.get_default_values().iter().map(|value| value.to_string_lossy());
        let defaults = defaults.filter(|value| !value.is_empty()).collect::<Vec<_>>().join(" ");
        if !defaults.is_empty() && !argument.is_hide_default_value_set() {
            text.push_str(&format!(" [default: {defaults}]"));
        }
    }
    text
}

/// The options and positionals that help shows, without those that every command has.
pub fn own_arguments(command: &Command) -> Vec<&Arg> {
    let own = command.get_arguments().filter(|argument| !argument.is_global_set());
    own.filter(|argument| is_shown(argument)).collect()
}

/// Whether it says more than `--help` and `--version` do everywhere.
pub fn is_shown(argument: &Arg) -> bool {
    !argument.is_hide_set() && !matches!(argument.get_id().as_str(), "help" | "version")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_indented_stays_as_it_is() {
        let text = "Examples:\n  snap ls *\n    more\nAll <of> it: `a*`\n\n    x";
        let expected = "Examples:\n\n    snap ls *\n    more\n\nAll \\<of> it: `a*`\n\n    x";
        assert_eq!(prose(text), expected);
    }

    #[test]
    fn names_show_their_values() {
        let exclude = Arg::new("exclude").short('e').long("exclude").value_name("PATTERN");
        let paths = Arg::new("paths").value_name("PATH").num_args(1..);
        let command = Command::new("x").arg(exclude.num_args(1)).arg(paths);
        let names: Vec<String> = command.get_arguments().map(name).collect();
        assert_eq!(names, ["`-e`, `--exclude PATTERN`", "`PATH…`"]);
    }
}
