//! Transcripts: a session as a user would see it, played again as a test.

use super::expectation::{difference, keep_wildcards, same};
use super::normalise::Normaliser;
use super::{Output, World, builtin};
use std::fmt::Write;
use std::path::Path;

/// A command and what it should do.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Block {
    /// Where the command stands, counted from 1.
    line: usize,
    /// Comments and empty lines before it.
    before: Vec<String>,
    command: String,
    expected: Vec<String>,
}

/// Plays a transcript in a world of its own. With `update`, what happens is written into the file
/// instead of being an error.
pub fn play(path: &Path, update: bool) -> Result<(), String> {
    let name = path.file_name().unwrap_or_default().display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    let (blocks, after) = parse(&text).map_err(|error| format!("{name}:{error}"))?;
    let mut world = World::new();
    let mut normaliser = Normaliser::new(&world);
    let mut failures = String::new();
    let mut played = Vec::new();
    for block in blocks {
        let lines = perform(&mut world, &mut normaliser, &block.command);
        if !same(&block.expected, &lines) {
            let _ = writeln!(failures, "{name}:{}: $ {}", block.line, block.command);
            failures.push_str(&difference(&block.expected, &lines));
        }
        played.push(Block { expected: keep_wildcards(&block.expected, &lines), ..block });
    }
    if update && !failures.is_empty() {
        return std::fs::write(path, render(&played, &after)).map_err(|error| error.to_string());
    }
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}

/// The blocks, and the lines after the last of them.
fn parse(text: &str) -> Result<(Vec<Block>, Vec<String>), String> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut before = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let outside = blocks.is_empty() || !before.is_empty();
        if let Some(command) = line.strip_prefix("$ ") {
            let (command, before) = (command.to_owned(), std::mem::take(&mut before));
            blocks.push(Block { line: index + 1, before, command, expected: Vec::new() });
        } else if line.starts_with('#') || (outside && line.is_empty()) {
            before.push(line.to_owned());
        } else if let (Some(block), false) = (blocks.last_mut(), outside) {
            block.expected.push(line.to_owned());
        } else {
            return Err(format!("{}: output without a command before it", index + 1));
        }
    }
    // Empty lines after output belong to the layout.
    let mut next: Option<&mut Vec<String>> = Some(&mut before);
    for block in blocks.iter_mut().rev() {
        let end =
            block.expected.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
        if let Some(next) = next {
            next.splice(0..0, block.expected.drain(end..));
        }
        next = Some(&mut block.before);
    }
    Ok((blocks, before))
}

fn render(blocks: &[Block], after: &[String]) -> String {
    let mut text = String::new();
    for block in blocks {
        let command = std::iter::once(format!("$ {}", block.command));
        for line in block.before.iter().cloned().chain(command).chain(block.expected.clone()) {
            text += &line;
            text.push('\n');
        }
    }
    after.iter().for_each(|line| text += &format!("{line}\n"));
    text
}

/// What a command prints, line by line, as it stands in a transcript.
fn perform(world: &mut World, normaliser: &mut Normaliser, command: &str) -> Vec<String> {
    let output = match split(&normaliser.restore(command)) {
        Ok(words) => in_environment(world, &words),
        Err(why) => Output { stderr: why, code: 1, ..Output::default() },
    };
    normaliser.learn(&world.here());
    normaliser.learn(&world.home());
    let mut lines = Vec::new();
    for line in normaliser.normalise(&output.stdout).lines() {
        let special = ["$ ", "? ", "! ", "#", "\\"].iter().any(|mark| line.starts_with(mark));
        lines.push(format!("{}{line}", if special { "\\" } else { "" }));
    }
    for line in normaliser.normalise(&output.stderr).lines() {
        lines.push(if line.is_empty() { "!".into() } else { format!("! {line}") });
    }
    if output.code != 0 {
        lines.push(format!("? {}", output.code));
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// Performs a command that may begin with `NAME=VALUE`, as in a shell.
fn in_environment(world: &mut World, words: &[String]) -> Output {
    let is_setting = |word: &&String| {
        let name = word.split_once('=').map_or("", |(name, _)| name);
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
    };
    let settings = words.iter().take_while(is_setting).count();
    let (settings, words) = words.split_at(settings);
    if words.is_empty() {
        return Output { stderr: "no command".into(), code: 1, ..Output::default() };
    }
    let before = world.environment().clone();
    for (name, value) in settings.iter().filter_map(|setting| setting.split_once('=')) {
        world.set(name, value);
    }
    let output = builtin::perform(world, words);
    if !settings.is_empty() {
        world.set_environment(before);
    }
    output
}

/// Splits a command into words as a shell does, with quotes and backslashes, nothing else.
fn split(command: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = command.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            (' ', None) => words.extend(word.take()),
            ('\'' | '"', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (_, Some(open)) if character == open => quote = None,
            ('\\', None | Some('"')) => {
                word.get_or_insert_default().extend(characters.next());
            }
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    if quote.is_some() { Err("a quote is not closed".into()) } else { Ok(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    fn play_text(text: &str, update: bool) -> (Result<(), String>, String) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.txt");
        std::fs::write(&path, text).unwrap();
        (play(&path, update), std::fs::read_to_string(path).unwrap())
    }

    #[test]
    fn a_transcript_that_is_wrong_fails_and_names_the_line() {
        for (text, line) in [
            ("$ write a x\n$ cat a\ny\n", "test.txt:2: $ cat a\n    - y\n    + x\n"),
            ("$ write a x\n$ cat a\n", "test.txt:2: $ cat a\n    + x\n"),
            ("$ cat a\n", "+ ? 1\n"),
            ("$ write a x\n? 3\n", "test.txt:1: $ write a x\n    - ? 3\n"),
            ("$ write 'a x\n", "a quote is not closed"),
            ("text\n", "test.txt:1: output without a command"),
        ] {
            let failure = play_text(text, false).0.unwrap_err();
            assert!(failure.contains(line), "{failure}");
        }
    }

    #[test]
    fn updating_writes_what_happened_and_keeps_the_rest() {
        let before = "# Why.\n\n$ write a 'one\ntwo\nthree'\n";
        assert!(play_text(before, true).1.contains("a quote is not closed"));
        let before =
            "# Why.\n\n$ mkdir d\n$ write d/ab x\n$ ls d\na[..]\nzz\n\n# End.\n$ cat d/ab\n";
        let after = "# Why.\n\n$ mkdir d\n$ write d/ab x\n$ ls d\na[..]\n\n# End.\n$ cat d/ab\nx\n";
        assert_eq!(play_text(before, true), (Ok(()), after.into()));
        assert_eq!(play_text(after, false), (Ok(()), after.into()));
    }

    #[test]
    fn words_are_split_as_in_a_shell() {
        let words = split(r#"a  'b c' "d \"e\"" f\ g '' x'y'z"#).unwrap();
        assert_eq!(words, ["a", "b c", "d \"e\"", "f g", "", "xyz"]);
    }

    #[test]
    fn a_setting_before_a_command_ends_with_it() {
        let mut world = World::new();
        let before = world.environment().clone();
        in_environment(&mut world, &lines("SNAP_PROFILE=x\nls\n."));
        assert_eq!(*world.environment(), before);
    }
}
