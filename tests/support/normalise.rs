//! Makes output the same in every run: ids, times, durations, rates and places become words.

use super::World;
use std::collections::BTreeSet;
use std::path::Path;

/// Remembers the ids it met, so that `<id1>` is the same one through a whole transcript.
#[derive(Default)]
pub struct Normaliser {
    /// Full or shortened, in the order in which they were printed.
    printed: Vec<String>,
    /// Full ids that are names of objects in the world's directories.
    objects: BTreeSet<String>,
    places: Vec<(String, &'static str)>,
    /// Yesterday, today and tomorrow: only such times differ between runs.
    days: Vec<String>,
}

impl Normaliser {
    pub fn new(world: &World) -> Self {
        let today = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date();
        let days = [today.yesterday(), Ok(today), today.tomorrow()];
        let place = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
        Self {
            places: vec![(place(world.here()), "<here>"), (place(world.home()), "<home>")],
            days: days.into_iter().flatten().map(|day| day.to_string()).collect(),
            ..Self::default()
        }
    }

    /// Learns the ids of all objects below a directory, to know them when they are shortened.
    pub fn learn(&mut self, directory: &Path) {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_full_id(&name) {
                self.objects.insert(name);
            } else if name == "snap.json" {
                self.learn_repository(&entry.path());
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.learn(&entry.path());
            }
        }
    }

    /// The id of a repository stands in its clear head.
    fn learn_repository(&mut self, head: &Path) {
        let text = std::fs::read_to_string(head).unwrap_or_default();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric());
        self.objects.extend(words.filter(|word| is_full_id(word)).map(str::to_owned));
    }

    pub fn normalise(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for (path, word) in &self.places {
            text = text.replace(path, word);
        }
        let mut result = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            let starts_word = !result.ends_with(|c: char| c.is_ascii_alphanumeric());
            match starts_word.then(|| self.word(rest)).flatten() {
                Some((length, word)) => {
                    result.push_str(&word);
                    rest = &rest[length..];
                }
                None => {
                    result.push(first);
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
        result
    }

    /// What stands for the beginning of `text`, and how much of it that is.
    fn word(&mut self, text: &str) -> Option<(usize, String)> {
        if let Some(length) = self.time(text) {
            return Some((length, "<time>".into()));
        }
        if let Some((length, word)) = measured(text) {
            return Some((length, word.into()));
        }
        let length = text.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let number = self.id(&text[..length])?;
        Some((length, format!("<id{number}>")))
    }

    /// The length of a time of these days at the beginning of `text`.
    fn time(&self, text: &str) -> Option<usize> {
        let day = self.days.iter().find(|day| text.starts_with(*day))?;
        let mut length = day.len();
        let mut take = |shapes: &[&str]| {
            let found = shapes.iter().find(|shape| shaped(&text[length..], shape))?;
            length += found.len();
            Some(())
        };
        if take(&["Tdd:dd", " dd:dd"]).is_some() {
            if take(&[":dd"]).is_some() && take(&[".d"]).is_some() {
                while take(&["d"]).is_some() {}
            }
            take(&["Z", "+dd:dd", "-dd:dd", " UTC"]);
            take(&["[UTC]"]);
        }
        Some(length)
    }

    fn id(&mut self, word: &str) -> Option<usize> {
        let known = |known: &String| known.starts_with(word) || word.starts_with(known.as_str());
        if !is_hexadecimal(word) || !matches!(word.len(), 8 | 32 | 64) {
            return None;
        }
        if let Some(index) = self.printed.iter().position(known) {
            return Some(index + 1);
        }
        let full = self.objects.iter().find(|object| known(object)).cloned();
        let full = full.or_else(|| is_full_id(word).then(|| word.to_owned()))?;
        self.printed.push(full);
        Some(self.printed.len())
    }

    /// Puts the ids and places back that `<id1>`, `<here>` and the like stand for.
    pub fn restore(&self, text: &str) -> String {
        let places = self.places.iter();
        let text = places.fold(text.to_owned(), |text, (path, word)| text.replace(word, path));
        let numbered = self.printed.iter().enumerate();
        numbered.fold(text, |text, (index, id)| text.replace(&format!("<id{}>", index + 1), id))
    }
}

/// A short duration (`25 ms`, `1.3 s`), or a rate (`12 MiB/s`), at the beginning of `text`.
fn measured(text: &str) -> Option<(usize, &'static str)> {
    let number = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let (digits, rest) = text.split_at(number);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let unit = rest.trim_start_matches(' ');
    let letters = unit.bytes().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let length = text.len() - unit.len() + letters;
    match &unit[..letters] {
        "B" | "KiB" | "MiB" | "GiB" if unit[letters..].starts_with("/s") => {
            Some((length + 2, "<rate>"))
        }
        "ms" => Some((length, "<duration>")),
        "s" if digits.contains('.') => Some((length, "<duration>")),
        _ => None,
    }
}

/// Whether `text` begins like `shape`, in which a `d` stands for any digit.
fn shaped(text: &str, shape: &str) -> bool {
    let fits = |(s, t): (u8, u8)| if s == b'd' { t.is_ascii_digit() } else { s == t };
    text.len() >= shape.len() && shape.bytes().zip(text.bytes()).all(fits)
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_full_id(text: &str) -> bool {
    matches!(text.len(), 32 | 64) && is_hexadecimal(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_their_number() {
        let world = World::new();
        let (first, second) = ("0123456789abcdef".repeat(2), "f".repeat(64));
        world.write(format!("repository/snapshots/{second}"), "");
        let mut normaliser = Normaliser::new(&world);
        normaliser.learn(&world.here());
        let text = format!("saved {first}, not ffffffff ({second}) or 12345678");
        assert_eq!(normaliser.normalise(&text), "saved <id1>, not <id2> (<id2>) or 12345678");
        assert_eq!(normaliser.normalise("01234567"), "<id1>");
        assert_eq!(normaliser.restore("show <id2>"), format!("show {second}"));
        let here = world.here().display().to_string();
        assert_eq!(normaliser.restore("ls out<here>/bot"), format!("ls out{here}/bot"));
    }

    #[test]
    fn only_the_present_is_volatile() {
        let mut normaliser = Normaliser::new(&World::new());
        let today = normaliser.days[1].clone();
        let text =
            format!("{today}T02:00:01.25+01:00[UTC] {today} 02:00, {today}. 2020-01-01T00:00Z");
        assert_eq!(normaliser.normalise(&text), "<time> <time>, <time>. 2020-01-01T00:00Z");
    }

    #[test]
    fn speed_is_volatile_and_size_is_not() {
        let mut normaliser = Normaliser::new(&World::new());
        let text = "1.5 MiB in 0.3 s, 12 MiB/s, 25 ms, 3 s, v1.2.3, é";
        let expected = "1.5 MiB in <duration>, <rate>, <duration>, 3 s, v1.2.3, é";
        assert_eq!(normaliser.normalise(text), expected);
    }

    #[test]
    fn places_are_named() {
        let world = World::new();
        let text = format!("{}/bot {}/x", world.here().display(), world.home().display());
        assert_eq!(Normaliser::new(&world).normalise(&text), "<here>/bot <home>/x");
    }
}
