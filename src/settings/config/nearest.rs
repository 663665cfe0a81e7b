//! "Did you mean …?"

/// The candidate that is most like `word`, if one is like enough: a third of its letters may
/// differ.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // What is much longer than any key is like none of them.
    let word: Vec<char> = word.chars().take(64).collect();
    let close = candidates.into_iter().filter_map(|candidate| {
        let letters: Vec<char> = candidate.chars().collect();
        let distance = distance(&word, &letters);
        (distance <= letters.len().max(3) / 3).then_some((distance, candidate))
    });
    close.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// How many letters have to be put in, taken out, replaced, or swapped with the next one
/// (Damerau 1964, as the optimal string alignment distance).
fn distance(one: &[char], other: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut line = vec![row + 1];
        for (column, against) in other.iter().enumerate() {
            let cell = |line: &[usize], column: usize| line.get(column).copied().unwrap_or(0);
            let mut least = cell(&above, column) + usize::from(letter != against);
            least = least.min(cell(&above, column + 1) + 1).min(cell(&line, column) + 1);
            let swapped = row > 0
                && column > 0
                && one.get(row - 1) == Some(against)
                && other.get(column - 1) == Some(letter);
            if swapped {
                least = least.min(cell(&before, column - 1) + 1);
            }
            line.push(least);
        }
        before = std::mem::replace(&mut above, line);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_differ_are_counted() {
        let count = |one: &str, other: &str| {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            distance(&letters(one), &letters(other))
        };
        for (one, other, number) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("exlude", "exclude", 1),
            ("excldue", "exclude", 1),
            ("tag", "tags", 1),
            ("sitting", "kitten", 3),
        ] {
            assert_eq!(count(one, other), number, "{one} {other}");
        }
    }

    #[test]
    fn only_what_is_like_it_is_meant() {
        let keys = ["exclude", "iexclude", "tags", "host"];
        assert_eq!(nearest("exlude", keys), Some("exclude"));
        assert_eq!(nearest("tag", keys), Some("tags"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(nearest(&"x".repeat(100_000), keys), None);
    }
}
