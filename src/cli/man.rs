//! `snap man`

use super::arguments::Cli;
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::help::{TOPICS, Topic, commands, full_name, show};
use super::text::count;
use super::version::PROGRAM;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use std::io;
use std::path::{Path, PathBuf};

const AFTER_HELP: &str = "\
Examples:
  snap man | man -l -
  snap man ~/.local/share/man      then `man snap-backup`, `man snap-times`";

/// Print the manual page of snap, or write all pages into a folder.
///
/// There is one page for each command (section 1) and each topic (section 7). They are written
/// into folders man1 and man7, as `man` expects them.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The folder to write to; it is made if need be
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// A page, and where it belongs: `man1/snap-backup.1`.
struct Page {
    place: String,
    text: Vec<u8>,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let Some(folder) = &arguments.folder else {
        let page = command_page(Cli::command())?;
        return show(context, &String::from_utf8_lossy(&page.text));
    };
    let mut pages = vec![command_page(Cli::command())?];
    for (_, command) in commands() {
        pages.push(command_page(command)?);
    }
    pages.extend(TOPICS.iter().map(topic_page));
    for page in &pages {
        write(folder, page).map_err(|cause| {
            let path = folder.join(&page.place);
            Failure::new(Code::Failed, format!("cannot write {}", path.display())).because(cause)
        })?;
    }
    let pages = count(pages.len() as u64, "page", "pages");
    let text = format!("wrote {pages} into man1 and man7 of {}\n", folder.display());
    show(context, &text)
}

fn write(folder: &Path, page: &Page) -> io::Result<()> {
    let path = folder.join(&page.place);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(path, &page.text)
}

/// Named by all of its words: the page of `snap repair index` is snap-repair-index.
fn command_page(command: Command) -> Result<Page, Failure> {
    let name = full_name(&command).replace(' ', "-");
    // What only the long help shows has its place here.
    let command = command.display_name(name.clone()).mut_args(|one| one.hide_short_help(false));
    let usage = command.clone().render_usage().to_string();
    let after = command.get_after_long_help().or_else(|| command.get_after_help());
    let after = after.map(|after| format!(".SH NOTES\n{}", blocks(&after.to_string())));
    let has_below = command.has_subcommands();
    let man = Man::new(command).title(name.to_uppercase()).source(PROGRAM).manual("snap");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    text.extend(synopsis(&usage).bytes());
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if has_below {
        man.render_subcommands_section(&mut text)?;
    }
    text.extend(after.unwrap_or_default().bytes());
    Ok(Page { place: format!("man1/{name}.1"), text })
}

fn synopsis(usage: &str) -> String {
    let lines = usage.trim_start_matches("Usage:").lines().map(|line| plain(line.trim()));
    format!(".SH SYNOPSIS\n.nf\n{}\n.fi\n", lines.collect::<Vec<_>>().join("\n"))
}

fn topic_page(topic: &Topic) -> Page {
    let name = format!("snap-{}", topic.name);
    let text = format!(
        ".TH {} 7 \"\" \"{PROGRAM}\" snap\n.SH NAME\n{} \\- {}\n.SH DESCRIPTION\n{}",
        name.to_uppercase(),
        plain(&name),
        plain(topic.about),
        blocks(topic.text),
    );
    Page { place: format!("man7/{name}.7"), text: text.into_bytes() }
}

/// Paragraphs, and lines that are set as they are, for they are indented.
fn blocks(text: &str) -> String {
    let mut roff = String::from(".PP\n");
    let mut set = false;
    for line in text.trim_end().lines() {
        let is_set = line.starts_with("  ") || (set && line.is_empty());
        match (set, is_set) {
            (false, true) => roff.push_str(".RS 4\n.nf\n"),
            (true, false) => roff.push_str(".fi\n.RE\n.PP\n"),
            _ => {}
        }
        set = is_set;
        // Topics are indented by four, the examples of commands by two.
        let set_line = line.strip_prefix("    ").or_else(|| line.strip_prefix("  "));
        let own = set_line.unwrap_or(line);
        match line.is_empty() {
            true if set => roff.push('\n'),
            true => roff.push_str(".PP\n"),
            false => roff.push_str(&format!("{}\n", plain(own))),
        }
    }
    if set {
        roff.push_str(".fi\n.RE\n");
    }
    roff
}

/// A line that means nothing but itself.
fn plain(line: &str) -> String {
    let mut plain = String::new();
    if line.starts_with(['.', '\'']) {
        plain.push_str("\\&");
    }
    for character in line.chars() {
        match character {
            '\\' => plain.push_str("\\e"),
            '-' => plain.push_str("\\-"),
            _ if character.is_ascii() => plain.push(character),
            _ => plain.push_str(&format!("\\[u{:04X}]", u32::from(character))),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_mean_nothing_but_themselves() {
        assert_eq!(plain(".nobackup"), "\\&.nobackup");
        assert_eq!(plain("--at a\\b…"), "\\-\\-at a\\eb\\[u2026]");
    }

    #[test]
    fn what_is_indented_is_set_as_it_is() {
        let text = "One\n  a\n\n  b\n\nTwo\n";
        let expected = ".PP\nOne\n.RS 4\n.nf\na\n\nb\n\n.fi\n.RE\n.PP\nTwo\n";
        assert_eq!(blocks(text), expected);
    }
}
