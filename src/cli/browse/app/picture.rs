//! What the browser shows.

use super::{App, Prompt, Screen};
use crate::cli::browse::cursor::Cursor;
use crate::cli::browse::describe::{entry_details, entry_line, snapshot_details, snapshot_line};
use crate::cli::browse::folder::Folder;
use crate::cli::browse::frame::{Frame, Look, Row};
use crate::cli::browse::help::{
    FOLDER_KEYS, HELP, PAGER_KEYS, PROMPT_KEYS, SNAPSHOT_KEYS, VERSION_KEYS,
};
use crate::cli::browse::pager::Pager;
use crate::cli::browse::versions::Versions;
use crate::cli::text::{count, grouped};
use crate::model::{Entry, Kind, Snapshot};

impl App<'_> {
    /// What is to be seen now.
    pub fn frame(&mut self) -> Frame {
        let height = self.height;
        self.list.settle(height);
        match self.screens.last_mut() {
            Some(Screen::Folder(folder)) => folder.cursor.settle(height),
            Some(Screen::Versions(versions)) => versions.cursor.settle(height),
            _ => {}
        }
        let mut frame = match self.screens.last() {
            None => self.snapshots_frame(),
            Some(Screen::Folder(folder)) => self.folder_frame(folder),
            Some(Screen::Pager(pager)) => self.pager_frame(pager),
            Some(Screen::Versions(versions)) => self.versions_frame(versions),
        };
        if let Some(message) = &self.message {
            frame.status.clone_from(message);
        }
        if let Some(prompt) = &self.prompt {
            frame.prompt = Some(match prompt {
                Prompt::Filter { text, .. } => format!("only names with: {text}"),
                Prompt::Target { text, paths, .. } => {
                    let things = count(paths.len() as u64, "thing", "things");
                    format!("restore {things} into the folder: {text}")
                }
            });
            frame.keys = PROMPT_KEYS;
        }
        if self.has_help {
            frame.overlay = HELP;
        }
        frame
    }

    fn snapshots_frame(&self) -> Frame {
        let (top, height) = (index(self.list.top), index(self.height));
        let shown = self.snapshots.iter().skip(top).take(height);
        let rows = (self.list.top..).zip(shown).map(|(number, snapshot)| Row {
            text: snapshot_line(snapshot, &self.zone),
            is_chosen: number == self.list.at,
            is_marked: self.marks.get(&snapshot.id).is_some_and(|marks| !marks.is_empty()),
            look: Look::Plain,
        });
        let chosen = self.snapshots.get(index(self.list.at));
        let details = chosen.map(|snapshot| {
            let mut lines = snapshot_details(snapshot, &self.zone);
            if self.contents.is_fuzzy(snapshot) {
                lines.push("FUZZY: collections were read".to_owned());
                lines.push("while others may have written".to_owned());
            }
            lines
        });
        Frame {
            title: "snapshots".to_owned(),
            rows: rows.collect(),
            details: details.unwrap_or_default(),
            status: place(&self.list, "snapshot", "snapshots"),
            keys: SNAPSHOT_KEYS,
            ..Frame::default()
        }
    }

    fn folder_frame(&self, folder: &Folder) -> Frame {
        let zone = &self.zone;
        let snapshot = &folder.snapshot;
        let title = format!("{}  /{}", self.name_of(snapshot), folder.path);
        let frame = Frame { title, keys: FOLDER_KEYS, ..Frame::default() };
        let entries = match folder.rows(self.contents, folder.cursor.top, self.height) {
            Ok(entries) => entries,
            Err(why) => return Frame { status: why, ..frame },
        };
        let marks = self.marks.get(&snapshot.id);
        let mut details = Vec::new();
        let mut rows = Vec::new();
        for (number, entry) in (folder.cursor.top..).zip(&entries) {
            let is_chosen = number == folder.cursor.at;
            if is_chosen {
                details = entry_details(entry, zone);
            }
            let path = folder.path.join(&entry.name);
            rows.push(Row {
                text: entry_line(entry, zone),
                look: if is_folder(entry) { Look::Folder } else { Look::Plain },
                is_chosen,
                is_marked: marks.is_some_and(|marks| marks.contains(&path)),
            });
        }
        let mut status = place(&folder.cursor, "name", "names");
        if !folder.filter.is_empty() {
            status.push_str(&format!(", only those with {:?} (Esc: all)", folder.filter));
        }
        if let Some(marks) = marks.filter(|marks| !marks.is_empty()) {
            status.push_str(&format!(", {} marked", grouped(marks.len() as u64)));
        }
        Frame { rows, details, status, ..frame }
    }

    fn pager_frame(&self, pager: &Pager) -> Frame {
        let title = format!("{}  /{}", self.name_of(&pager.snapshot), pager.path);
        let frame = Frame { title, keys: PAGER_KEYS, ..Frame::default() };
        match pager.lines(self.contents, self.height) {
            Ok(lines) => {
                let rows = lines.into_iter().map(Row::plain).collect();
                Frame { rows, status: pager.place(), ..frame }
            }
            Err(why) => Frame { status: why, ..frame },
        }
    }

    fn versions_frame(&self, versions: &Versions) -> Frame {
        let zone = &self.zone;
        let (top, height) = (index(versions.cursor.top), index(self.height));
        let shown = versions.versions.iter().skip(top).take(height);
        let rows = (versions.cursor.top..).zip(shown).map(|(number, version)| Row {
            text: version.line(zone),
            look: if version.entry.is_none() { Look::Faint } else { Look::Plain },
            is_chosen: number == versions.cursor.at,
            is_marked: false,
        });
        let mut status = place(&versions.cursor, "version", "versions");
        if versions.is_cut {
            status.push_str(", older snapshots were not looked into");
        }
        Frame {
            title: format!("versions of /{}", versions.path),
            rows: rows.collect(),
            status,
            keys: VERSION_KEYS,
            ..Frame::default()
        }
    }

    fn name_of(&self, snapshot: &Snapshot) -> String {
        let begun = snapshot.begun.to_zoned(self.zone.clone());
        format!("{} {}", snapshot.id.short(), begun.strftime("%Y-%m-%d %H:%M"))
    }
}

fn is_folder(entry: &Entry) -> bool {
    matches!(entry.kind, Kind::Directory(_))
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// `3 of 12 names`.
fn place(cursor: &Cursor, one: &str, many: &str) -> String {
    match cursor.length {
        0 => format!("no {many}"),
        length => {
            format!("{} of {}", grouped(cursor.at.saturating_add(1)), count(length, one, many))
        }
    }
}
