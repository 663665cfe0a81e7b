//! `snap man`

use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::help::{TOPICS, Topic, commands, full_name, show};
use super::text::count;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use std::io;
use std::path::{Path, PathBuf};

const AFTER_HELP: &str = "\
Examples:
  snap man | man -l -
  snap man ~/.local/share/man          then `man snap-backup`, `man snap-times`";

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
        let page = command_page(super::arguments::Cli::command())?;
        return show(context, &String::from_utf8_lossy(&page.text));
    };
    let mut pages = vec![command_page(super::arguments::Cli::command())?];
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
    let title = name.to_uppercase();
    let command = command.display_name(name.clone()).version(env!("CARGO_PKG_VERSION"));
    let mut text = Vec::new();
    Man::new(command).title(title).manual("snap").render(&mut text)?;
    Ok(Page { place: format!("man1/{name}.1"), text })
}

/// Paragraphs and blocks of a topic in the language of `man`.
fn topic_page(topic: &Topic) -> Page {
    let name = format!("snap-{}", topic.name);
    let mut text = format!(
        ".TH {} 7 \"\" \"\" snap\n.SH NAME\n{} \\- {}\n.SH DESCRIPTION\n",
        name.to_uppercase(),
        plain(&name),
        plain(topic.about),
    );
    for paragraph in topic.text.trim_end().split("\n\n") {
        match paragraph.starts_with("    ") {
            true => {
                let lines = paragraph.lines().map(|line| plain(line.get(4..).unwrap_or(line)));
                let lines = lines.collect::<Vec<_>>().join("\n");
                text.push_str(&format!(".PP\n.RS 4\n.nf\n{lines}\n.fi\n.RE\n"));
            }
            false => {
                let lines = paragraph.lines().map(plain).collect::<Vec<_>>().join("\n");
                text.push_str(&format!(".PP\n{lines}\n"));
            }
        }
    }
    Page { place: format!("man7/{name}.7"), text: text.into_bytes() }
}

/// A line that means nothing but itself.
fn plain(line: &str) -> String {
    let escaped = line.replace('\\', "\\e").replace('-', "\\-");
    match escaped.starts_with(['.', '\'']) {
        true => format!("\\&{escaped}"),
        false => escaped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_mean_nothing_but_themselves() {
        assert_eq!(plain(".nobackup"), "\\&.nobackup");
        assert_eq!(plain("--at a\\b"), "\\-\\-at a\\eb");
    }
}
