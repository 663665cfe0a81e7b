//! Patterns of what is left out: the lines of an ignore file, in a folder and on their own.

use super::reading::read;
use jiff::Timestamp;
use snapstore::files::{FilesSource, PathFilter, PathMatcher, Rules, Selection, SourceOptions};
use snapstore::model::{EntryName, EntryPath, Monitor, Problem, Recorded, Step};
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// What lies in the folder; those that end with a slash are folders.
const PLACES: [&str; 8] = ["a", "a.log", "b/", "b/a", "b/{x}", "b/c/", "b/c/[d]", "#e !"];

pub fn body(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let lines: Vec<String> = text.lines().take(20).map(str::to_owned).collect();
    matched(&lines);
    chosen(&lines);
    walked(text);
}

/// What is said twice means the same, and the last line decides.
fn matched(lines: &[String]) {
    let lines: Vec<String> = lines
        .iter()
        .filter(|line| PathMatcher::new(&[(*line).clone()], false).is_ok())
        .cloned()
        .collect();
    let matcher = |lines: &[String]| read(PathMatcher::new(lines, false));
    let Some(once) = matcher(&lines) else { return };
    let twice = matcher(&[lines.clone(), lines.clone()].concat());
    let taken_back =
        lines.iter().filter(|line| !line.starts_with('!')).map(|line| format!("!{line}"));
    let taken_back = matcher(&lines.iter().cloned().chain(taken_back).collect::<Vec<_>>());
    for (directory, name, is_directory) in places() {
        let decision = once.matches(&directory, &name, is_directory);
        if let Some(twice) = &twice {
            assert_eq!(twice.matches(&directory, &name, is_directory), decision);
        }
        if let Some(taken_back) = &taken_back
            && !lines.iter().any(|line| line.starts_with('!'))
        {
            assert!(!taken_back.matches(&directory, &name, is_directory));
        }
    }
}

/// What is excluded is not chosen, and nothing is chosen that is not included.
fn chosen(lines: &[String]) {
    let Some(first) = lines.first() else { return };
    let filter = |include: &[(&str, bool)], exclude: &[(&str, bool)]| {
        read(PathFilter::new(include, exclude))
    };
    let pattern = [(first.as_str(), false)];
    let (Some(include), Some(exclude)) = (filter(&pattern, &[]), filter(&[], &pattern)) else {
        return;
    };
    for (directory, name, is_directory) in places() {
        let in_root =
            |filter: &PathFilter| filter.select(filter.root(), &directory, &name, is_directory);
        let (included, excluded) = (in_root(&include), in_root(&exclude));
        if !first.starts_with('!') {
            assert_eq!(included == Selection::Yes, excluded == Selection::No, "{first:?}");
        }
    }
}

fn places() -> impl Iterator<Item = (EntryPath, EntryName, bool)> {
    PLACES.iter().map(|place| {
        let path = place.trim_end_matches('/');
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let directory = EntryPath::parse(directory.as_bytes()).expect("a path");
        (directory, EntryName::new(name.as_bytes()).expect("a name"), place.ends_with('/'))
    })
}

/// As an ignore file of a folder that is backed up.
fn walked(text: &str) {
    thread_local! {
        static FOLDER: OnceCell<tempfile::TempDir> = const { OnceCell::new() };
    }
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(make_folder).path();
        std::fs::write(folder.join(".snapignore"), text).expect("a file");
        let problems = Arc::new(Problems::default());
        let seen = walk(folder, problems.clone());
        let expected = PLACES.iter().map(|place| place.trim_end_matches('/').to_owned());
        let expected: BTreeSet<String> = expected.chain([".snapignore".to_owned()]).collect();
        assert!(seen.is_subset(&expected), "{seen:?}");
        for problem in problems.0.lock().expect("a list").iter() {
            assert!(problem.why.starts_with(".snapignore: "), "{problem:?}");
        }
    });
}

fn make_folder() -> tempfile::TempDir {
    let folder =
        tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder");
    for place in PLACES {
        match place.strip_suffix('/') {
            Some(directory) => std::fs::create_dir(folder.path().join(directory)),
            None => std::fs::write(folder.path().join(place), place),
        }
        .expect("an entry");
    }
    folder
}

/// The paths below the folder that a backup takes.
fn walk(folder: &Path, monitor: Arc<dyn Monitor>) -> BTreeSet<String> {
    let options = SourceOptions { begun: Timestamp::now(), one_file_system: false };
    let source = FilesSource::new(&[folder.to_owned()], Rules::default(), None, options, monitor);
    let mut source = source.expect("a source");
    let above = folder.canonicalize().expect("a folder");
    let above = above.to_str().expect("a path").trim_start_matches('/').to_owned() + "/";
    let (mut directory, mut seen) = (EntryPath::root(), BTreeSet::new());
    while let Some(step) =
        snapstore::model::Source::next(&mut source, &mut Nothing).expect("a step")
    {
        match step {
            Step::Enter { name } => {
                directory.push(&name);
                seen.insert(directory.to_string());
            }
            Step::Entry { name, .. } => drop(seen.insert(directory.join(&name).to_string())),
            Step::Leave { .. } => directory.pop(),
        }
    }
    let below =
        |path: &String| path.trim_start_matches('/').strip_prefix(&above).map(str::to_owned);
    seen.iter().filter_map(below).collect()
}

struct Nothing;

impl Recorded for Nothing {
    fn reusable(&mut self, _directory: &EntryPath, _name: &EntryName) -> bool {
        false
    }
}

#[derive(Default)]
struct Problems(Mutex<Vec<Problem>>);

impl Monitor for Problems {
    fn problem(&self, problem: Problem) {
        self.0.lock().expect("a list").push(problem);
    }
}
