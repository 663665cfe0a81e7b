//! What a transcript expects, compared with what came.

/// A line that stands for any number of lines.
const ANY_LINES: &str = "...";
/// Stands for any characters in a line.
const ANY_TEXT: &str = "[..]";
/// Lines after each other that begin so come in any order.
const ANY_ORDER: &str = "~ ";

/// Whether lines are as expected. Wider columns are no difference: names that were made short
/// leave gaps of any width.
pub fn same(expected: &[String], actual: &[String]) -> bool {
    let (mut e, mut a) = (0, 0);
    // After the last `...`: where it stands, and how far it reaches.
    let mut star = None;
    while a < actual.len() {
        match expected.get(e) {
            Some(line) if line == ANY_LINES => {
                star = Some((e, a));
                e += 1;
            }
            Some(line) if line.starts_with(ANY_ORDER) && same_run(&expected[e..], &actual[a..]) => {
                let run = unordered(&expected[e..]);
                (e, a) = (e + run, a + run);
            }
            Some(line) if !line.starts_with(ANY_ORDER) && same_line(line, &actual[a]) => {
                (e, a) = (e + 1, a + 1);
            }
            _ => {
                let Some((line, reach)) = star else { return false };
                star = Some((line, reach + 1));
                (e, a) = (line + 1, reach + 1);
            }
        }
    }
    expected[e..].iter().all(|line| line == ANY_LINES)
}

/// How many lines at the start come in any order.
fn unordered(expected: &[String]) -> usize {
    expected.iter().take_while(|line| line.starts_with(ANY_ORDER)).count()
}

/// Whether the lines at the start that come in any order are all there, and no other.
fn same_run(expected: &[String], actual: &[String]) -> bool {
    let run = unordered(expected);
    let Some(mut left) = actual.get(..run).map(<[String]>::to_vec) else { return false };
    expected[..run].iter().all(|line| {
        let found = left.iter().position(|actual| same_line(line, actual));
        found.map(|at| left.swap_remove(at)).is_some()
    })
}

fn same_line(expected: &str, actual: &str) -> bool {
    let expected = expected.strip_prefix(ANY_ORDER).unwrap_or(expected);
    let (expected, actual) = (squeeze(expected), squeeze(actual));
    let Some((first, after)) = expected.split_once(ANY_TEXT) else { return expected == actual };
    let (middle, last) = after.rsplit_once(ANY_TEXT).unwrap_or(("", after));
    let Some(mut rest) = actual.strip_prefix(first) else { return false };
    for part in middle.split(ANY_TEXT) {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Runs of spaces within a line as two.
fn squeeze(line: &str) -> String {
    let body = line.trim_start_matches(' ');
    let mut result = line[..line.len() - body.len()].to_owned();
    for word in body.split_inclusive("  ").map(|part| part.trim_start_matches(' ')) {
        result.push_str(word);
    }
    result
}

/// The new lines; where an expected line with a wildcard fits, that one.
pub fn keep_wildcards(expected: &[String], actual: &[String]) -> Vec<String> {
    if same(expected, actual) {
        return expected.to_vec();
    }
    let mut left = expected.iter();
    let mut keep = |line: &String| {
        let mut ahead = left.clone();
        let found = ahead.find(|old| same_line(old, line))?;
        left = ahead;
        Some(found.clone())
    };
    actual.iter().map(|line| keep(line).unwrap_or_else(|| line.clone())).collect()
}

/// For people: what both have, then what was expected (-) and what came (+).
pub fn difference(expected: &[String], actual: &[String]) -> String {
    let fits = |(e, a): &(&String, &String)| same_line(e, a);
    let common = expected.iter().zip(actual).take_while(fits).count();
    let (expected_rest, actual_rest) = (&expected[common..], &actual[common..]);
    let tail = expected_rest.iter().rev().zip(actual_rest.iter().rev()).take_while(fits).count();
    let part = |mark: char, lines: &[String]| -> String {
        lines.iter().map(|line| format!("    {mark} {line}\n")).collect()
    };
    part(' ', &expected[..common])
        + &part('-', &expected_rest[..expected_rest.len() - tail])
        + &part('+', &actual_rest[..actual_rest.len() - tail])
        + &part(' ', &actual_rest[actual_rest.len() - tail..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn marked_lines_come_in_any_order() {
        let actual = lines("first\n+  a\n-  b\nlast");
        for fits in [
            "first\n~ -  b\n~ +  a\nlast",
            "...\n~ -  [..]\n~ +  a\n...",
            "~ -  b\n~ first\n~ +  a\nlast",
        ] {
            assert!(same(&lines(fits), &actual), "{fits}");
        }
        for differs in [
            "first\n~ -  b\n~ -  b\nlast",
            "first\n~ +  a\nlast",
            "first\n~ +  a\n-  b\n~ last\n~ x",
        ] {
            assert!(!same(&lines(differs), &actual), "{differs}");
        }
    }

    #[test]
    fn wildcards_match_within_lines_and_across_them() {
        let actual = lines("saved 12 files\nin 3 s\nsnapshot   abc");
        for fits in ["saved [..] files\n...", "...\nsnapshot  abc", "...\nin [..]\n...", "..."] {
            assert!(same(&lines(fits), &actual), "{fits}");
        }
        for differs in ["saved [..] file\n...", "...\nin 3 s", "saved 12 files", "", "...\nx\n..."]
        {
            assert!(!same(&lines(differs), &actual), "{differs}");
        }
        assert!(!same_line("a[..]a", "a"));
        assert!(!same_line("  indented", "    indented"));
    }
}
