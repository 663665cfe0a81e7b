//! The browser as a state machine: keys in, pictures out. It reads through [`Contents`], and
//! changes nothing; what is to be done outside comes back as an [`Outcome`].

mod picture;

use super::contents::{Contents, shown_path, whole_path};
use super::cursor::Cursor;
use super::folder::Folder;
use super::key::Key;
use super::pager::Pager;
use super::versions::Versions;
use crate::cli::text::shell_word;
use crate::model::{Entry, EntryPath, Kind, SessionId, Snapshot};
use jiff::tz::TimeZone;
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

/// Lines of the screen that are not rows: title, status, keys.
const AROUND: u64 = 3;

/// Folders with more names are searched when the word is complete, not at every letter.
const QUICK: u64 = 20_000;

/// What is left to do after a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    GoOn,
    Quit,
    Restore(Request),
}

/// Things to be restored.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    pub snapshot: Arc<Snapshot>,
    /// In the snapshot.
    pub paths: Vec<EntryPath>,
    pub target: PathBuf,
}

pub struct App<'a> {
    contents: &'a dyn Contents,
    /// The newest first.
    snapshots: Vec<Arc<Snapshot>>,
    zone: TimeZone,
    list: Cursor,
    /// What was opened from the list of snapshots, each from the one before.
    screens: Vec<Screen>,
    marks: HashMap<SessionId, BTreeSet<EntryPath>>,
    prompt: Option<Prompt>,
    message: Option<String>,
    has_help: bool,
    height: u64,
}

enum Screen {
    Folder(Folder),
    Pager(Pager),
    Versions(Versions),
}

/// A snapshot, a path in it, and what is there.
type Chosen = (Arc<Snapshot>, EntryPath, Arc<Entry>);

/// What is being typed.
enum Prompt {
    Filter { text: String, before: String },
    Target { text: String, snapshot: Arc<Snapshot>, paths: Vec<EntryPath> },
}

impl<'a> App<'a> {
    pub fn new(contents: &'a dyn Contents, snapshots: Vec<Arc<Snapshot>>, zone: TimeZone) -> Self {
        let list = Cursor::new(snapshots.len() as u64);
        Self {
            contents,
            snapshots,
            zone,
            list,
            screens: Vec::new(),
            marks: HashMap::new(),
            prompt: None,
            message: None,
            has_help: false,
            height: 1,
        }
    }

    /// The screen has so many lines from now on.
    pub fn resize(&mut self, lines: u16) {
        self.height = u64::from(lines).saturating_sub(AROUND).max(1);
    }

    /// Something to be told in the status line.
    pub fn say(&mut self, message: impl Into<String>) {
        self.message = Some(message.into());
    }

    /// Opens a snapshot, and a path in it; a file is shown in its folder.
    pub fn go_to(&mut self, snapshot: &Arc<Snapshot>, path: &EntryPath) -> Result<(), String> {
        if let Some(at) = self.snapshots.iter().position(|one| one.id == snapshot.id) {
            self.list.at = at as u64;
        }
        let mut folders = vec![Folder::root(self.contents, snapshot)?];
        let mut here = EntryPath::root();
        for name in path.names() {
            here.push(&name);
            let Some(entry) = self.contents.find(snapshot, &here)? else {
                return Err(format!("/{here} is not in snapshot {}", snapshot.id.short()));
            };
            let Some(last) = folders.last_mut() else { break };
            last.choose(self.contents, name.bytes())?;
            if let Kind::Directory(_) = entry.kind {
                let next = last.enter(self.contents, &entry)?;
                folders.push(next);
            }
        }
        self.screens = folders.into_iter().map(Screen::Folder).collect();
        Ok(())
    }

    pub fn press(&mut self, key: Key) -> Outcome {
        self.message = None;
        match self.act(key) {
            Ok(outcome) => outcome,
            Err(why) => {
                self.message = Some(why);
                Outcome::GoOn
            }
        }
    }

    fn act(&mut self, key: Key) -> Result<Outcome, String> {
        if key == Key::Interrupt {
            return Ok(Outcome::Quit);
        }
        if let Some(prompt) = self.prompt.take() {
            return self.type_in(prompt, key);
        }
        if std::mem::take(&mut self.has_help) {
            return Ok(Outcome::GoOn);
        }
        if key == Key::Character('?') {
            self.has_help = true;
            return Ok(Outcome::GoOn);
        }
        match self.screens.last() {
            None => self.in_snapshots(key),
            Some(Screen::Folder(_)) => self.in_folder(key),
            Some(Screen::Pager(_)) => self.in_pager(key),
            Some(Screen::Versions(_)) => self.in_versions(key),
        }
    }

    fn in_snapshots(&mut self, key: Key) -> Result<Outcome, String> {
        if key == Key::Character('q') {
            return Ok(Outcome::Quit);
        }
        let key = key.as_move();
        if !self.list.press(key, self.height) && key == Key::Right {
            let at = usize::try_from(self.list.at).unwrap_or(usize::MAX);
            if let Some(snapshot) = self.snapshots.get(at).cloned() {
                self.enter_snapshot(&snapshot)?;
            }
        }
        Ok(Outcome::GoOn)
    }

    /// Of one source begins there; going back leads to the folders above.
    fn enter_snapshot(&mut self, snapshot: &Arc<Snapshot>) -> Result<(), String> {
        let mut path = EntryPath::root();
        if let [source] = &snapshot.sources[..] {
            path = shown_path(&self.contents.root_path(snapshot), &source.path);
        }
        if self.go_to(snapshot, &path).is_err() {
            self.go_to(snapshot, &EntryPath::root())?;
        }
        Ok(())
    }

    fn in_folder(&mut self, key: Key) -> Result<Outcome, String> {
        let (contents, height) = (self.contents, self.height);
        let Some(Screen::Folder(folder)) = self.screens.last_mut() else {
            return Ok(Outcome::GoOn);
        };
        let is_filtered = !folder.filter.is_empty();
        match key {
            Key::Character('q') => return Ok(Outcome::Quit),
            Key::Character('/') => {
                let text = folder.filter.clone();
                self.prompt = Some(Prompt::Filter { before: text.clone(), text });
            }
            Key::Escape if is_filtered => folder.set_filter(contents, "")?,
            Key::Character(' ') => {
                self.toggle_mark()?;
            }
            Key::Character('u') => {
                let id = folder.snapshot.id;
                self.marks.remove(&id);
            }
            Key::Character('r') => self.ask_for_target()?,
            Key::Character('v') => self.open_versions()?,
            key => match key.as_move() {
                Key::Left | Key::Escape => self.leave(),
                Key::Right => self.open_chosen()?,
                key => {
                    folder.cursor.press(key, height);
                }
            },
        }
        Ok(Outcome::GoOn)
    }

    fn in_pager(&mut self, key: Key) -> Result<Outcome, String> {
        match key {
            Key::Character('q') | Key::Escape | Key::Backspace => self.leave(),
            Key::Character('r') => self.ask_for_target()?,
            key => {
                let (contents, height) = (self.contents, self.height);
                if let Some(Screen::Pager(pager)) = self.screens.last_mut() {
                    let key = if key == Key::Enter { Key::Down } else { key.as_move() };
                    pager.press(contents, key, height)?;
                }
            }
        }
        Ok(Outcome::GoOn)
    }

    fn in_versions(&mut self, key: Key) -> Result<Outcome, String> {
        match key {
            Key::Character('q') => self.leave(),
            Key::Character('r') => self.ask_for_target()?,
            key => match key.as_move() {
                Key::Left | Key::Escape => self.leave(),
                Key::Right => self.open_chosen()?,
                key => {
                    if let Some(Screen::Versions(versions)) = self.screens.last_mut() {
                        versions.cursor.press(key, self.height);
                    }
                }
            },
        }
        Ok(Outcome::GoOn)
    }

    /// Back to where this was opened from; of the list of snapshots nothing is left.
    fn leave(&mut self) {
        self.screens.pop();
    }

    /// What the screen is about.
    fn chosen(&self) -> Result<Option<Chosen>, String> {
        Ok(match self.screens.last() {
            Some(Screen::Folder(folder)) => folder
                .chosen(self.contents)?
                .map(|entry| (Arc::clone(&folder.snapshot), folder.path.join(&entry.name), entry)),
            Some(Screen::Versions(versions)) => versions.chosen().and_then(|version| {
                let entry = version.entry.clone()?;
                let root = self.contents.root_path(&version.snapshot);
                let path = shown_path(&root, &versions.whole_path);
                Some((Arc::clone(&version.snapshot), path, entry))
            }),
            Some(Screen::Pager(pager)) => {
                let entry = self.contents.find(&pager.snapshot, &pager.path)?;
                entry.map(|entry| (Arc::clone(&pager.snapshot), pager.path.clone(), entry))
            }
            None => None,
        })
    }

    fn open_chosen(&mut self) -> Result<(), String> {
        let Some((snapshot, path, entry)) = self.chosen()? else { return Ok(()) };
        match (&entry.kind, self.screens.last()) {
            (Kind::Directory(_), Some(Screen::Folder(folder))) => {
                let next = folder.enter(self.contents, &entry)?;
                self.screens.push(Screen::Folder(next));
            }
            (Kind::Directory(_), _) => self.go_to(&snapshot, &path)?,
            (Kind::File(_), _) => {
                let pager = Pager::open(self.contents, &snapshot, path, &entry)?;
                self.screens.push(Screen::Pager(pager));
            }
            (Kind::Collection(_), _) => {
                let root = self.contents.root_path(&snapshot);
                let (id, path) = (snapshot.id.short(), whole_path(&root, &path));
                let place = format!("{id}:{path}");
                let place = shell_word(std::ffi::OsStr::new(&place));
                return Err(format!("`snap dump {place}` shows its documents"));
            }
            (kind, _) => return Err(format!("a {} has nothing to show", kind.word())),
        }
        Ok(())
    }

    fn open_versions(&mut self) -> Result<(), String> {
        if let Some((snapshot, path, _)) = self.chosen()? {
            let path = (self.contents.root_path(&snapshot), path);
            let versions = Versions::of(self.contents, &self.snapshots, path)?;
            self.screens.push(Screen::Versions(versions));
        }
        Ok(())
    }

    /// Marks the chosen row, or takes its mark off; then goes on to the next.
    fn toggle_mark(&mut self) -> Result<(), String> {
        let Some((snapshot, path, _)) = self.chosen()? else { return Ok(()) };
        let marks = self.marks.entry(snapshot.id).or_default();
        if !marks.remove(&path) {
            marks.insert(path);
        }
        if let Some(Screen::Folder(folder)) = self.screens.last_mut() {
            folder.cursor.press(Key::Down, self.height);
        }
        Ok(())
    }

    /// For what is marked in this snapshot; without marks for the chosen row.
    fn ask_for_target(&mut self) -> Result<(), String> {
        let Some((snapshot, path, _)) = self.chosen()? else { return Ok(()) };
        let is_folder = matches!(self.screens.last(), Some(Screen::Folder(_)));
        let marks = self.marks.get(&snapshot.id).filter(|marks| is_folder && !marks.is_empty());
        let paths = marks.map_or_else(|| vec![path], |marks| marks.iter().cloned().collect());
        let root = self.contents.root_path(&snapshot);
        let paths = paths.iter().map(|path| whole_path(&root, path)).collect();
        self.prompt = Some(Prompt::Target { text: String::new(), snapshot, paths });
        Ok(())
    }

    fn type_in(&mut self, mut prompt: Prompt, key: Key) -> Result<Outcome, String> {
        let (Prompt::Filter { text, .. } | Prompt::Target { text, .. }) = &mut prompt;
        match key {
            Key::Character(character) => text.push(character),
            Key::Backspace => {
                text.pop();
            }
            Key::Erase => text.clear(),
            Key::Escape => {
                return match prompt {
                    Prompt::Filter { before, .. } => self.filter(&before),
                    Prompt::Target { .. } => Ok(Outcome::GoOn),
                };
            }
            Key::Enter => return self.accept(prompt),
            _ => {}
        }
        if let Prompt::Filter { text, .. } = &prompt
            && self.is_quick()
        {
            let text = text.clone();
            self.filter(&text)?;
        }
        self.prompt = Some(prompt);
        Ok(Outcome::GoOn)
    }

    fn accept(&mut self, prompt: Prompt) -> Result<Outcome, String> {
        match prompt {
            Prompt::Filter { text, .. } => self.filter(&text),
            Prompt::Target { text, .. } if text.is_empty() => {
                self.say("no folder was named: nothing was restored");
                Ok(Outcome::GoOn)
            }
            Prompt::Target { text, snapshot, paths } => {
                Ok(Outcome::Restore(Request { snapshot, paths, target: PathBuf::from(text) }))
            }
        }
    }

    fn filter(&mut self, text: &str) -> Result<Outcome, String> {
        if let Some(Screen::Folder(folder)) = self.screens.last_mut()
            && folder.filter != text
        {
            folder.set_filter(self.contents, text)?;
        }
        Ok(Outcome::GoOn)
    }

    fn is_quick(&self) -> bool {
        match self.screens.last() {
            Some(Screen::Folder(folder)) => folder.is_shorter_than(self.contents, QUICK),
            _ => false,
        }
    }
}
