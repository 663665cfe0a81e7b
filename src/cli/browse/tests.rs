//! The browser, key by key, and how it looks.

use super::app::{App, Outcome};
use super::draw::Painter;
use super::frame::Frame;
use super::key::Key;
use super::sample::{Sample, Thing};
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

fn sample() -> Sample {
    let poem: String = (1..=100).map(|line| format!("line {line}\n")).collect();
    Sample::default()
        .with(1, &[Thing::Folder(b"srv", 2)])
        .with(
            2,
            &[
                Thing::Folder(b"data", 3),
                Thing::Folder(b"lost", 99),
                Thing::File(b"poem.txt", poem.as_bytes()),
                Thing::File(b"raw\xff\n", b"\0\x01binary"),
                Thing::Link(b"self", b"poem.txt"),
            ],
        )
        .with(3, &[Thing::File(b"a", b"x")])
        .with(4, &[Thing::Folder(b"srv", 5)])
        .with(5, &[Thing::File(b"poem.txt", b"short\n")])
        .snapshot(1, 4)
        .snapshot(2, 1)
        .snapshot(3, 1)
}

fn app(sample: &Sample) -> App<'_> {
    let mut app = App::new(sample, sample.snapshots.clone(), TimeZone::UTC);
    app.resize(24);
    app
}

/// Presses letters and `<Name>`d keys.
fn press(app: &mut App<'_>, keys: &str) -> Outcome {
    let mut last = Outcome::GoOn;
    let mut rest = keys;
    while let Some(character) = rest.chars().next() {
        let (key, length) = match rest.split_once('>').filter(|_| character == '<') {
            Some((name, _)) => (named(&name[1..]), name.len() + 1),
            None => (Key::Character(character), character.len_utf8()),
        };
        last = app.press(key);
        rest = &rest[length..];
    }
    last
}

fn named(name: &str) -> Key {
    match name {
        "Enter" => Key::Enter,
        "Back" => Key::Backspace,
        "Esc" => Key::Escape,
        "Down" => Key::Down,
        "End" => Key::End,
        "Home" => Key::Home,
        "PageDown" => Key::PageDown,
        "Right" => Key::Right,
        "C-c" => Key::Interrupt,
        "C-u" => Key::Erase,
        _ => panic!("{name} is no key"),
    }
}

fn chosen(frame: &Frame) -> String {
    let row = frame.rows.iter().find(|row| row.is_chosen);
    row.map(|row| row.text.clone()).unwrap_or_default()
}

#[test]
fn one_goes_into_folders_and_back_to_where_one_was() {
    let sample = sample();
    let mut app = app(&sample);
    assert_eq!(app.frame().title, "snapshots");
    press(&mut app, "<Enter>");
    assert_eq!(app.frame().title, "03030303 2025-11-28 03:00  /");
    press(&mut app, "<Enter>jj");
    assert_eq!(app.frame().title, "03030303 2025-11-28 03:00  /srv");
    assert!(chosen(&app.frame()).ends_with("  poem.txt"));
    press(&mut app, "kk<Enter>");
    assert_eq!(app.frame().title, "03030303 2025-11-28 03:00  /srv/data");
    press(&mut app, "<Back>");
    assert!(chosen(&app.frame()).ends_with("  data/"));
    press(&mut app, "hh");
    assert_eq!(app.frame().title, "snapshots");
    assert_eq!(press(&mut app, "q"), Outcome::Quit);
}

#[test]
fn a_snapshot_of_one_source_begins_there() {
    let sample = Sample::default()
        .with(1, &[Thing::Folder(b"srv", 2)])
        .with(2, &[Thing::Folder(b"bot", 3)])
        .with(3, &[Thing::File(b"config.py", b"x")])
        .snapshot(1, 1);
    let mut app = app(&sample);
    press(&mut app, "<Enter>");
    assert_eq!(app.frame().title, "01010101 2025-11-28 01:00  /srv/bot");
    press(&mut app, "<Back>");
    assert!(chosen(&app.frame()).ends_with("  bot/"));
}

#[test]
fn what_is_damaged_is_said_and_the_rest_goes_on() {
    let sample = sample();
    let mut app = app(&sample);
    press(&mut app, "<Enter><Enter>j<Enter>");
    assert_eq!(app.frame().status, "this folder is damaged");
    press(&mut app, "k<Enter>");
    assert!(app.frame().title.ends_with("/srv/data"));
}

#[test]
fn names_are_found_while_they_are_typed() {
    let sample = sample();
    let mut app = app(&sample);
    press(&mut app, "<Enter><Enter>/POEM");
    let frame = app.frame();
    assert_eq!(frame.prompt.as_deref(), Some("only names with: POEM"));
    let names: Vec<_> = frame.rows.iter().map(|row| row.text.trim().to_owned()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    press(&mut app, "<Enter>j");
    assert!(chosen(&app.frame()).ends_with("self -> poem.txt"));
    press(&mut app, "<Esc>");
    assert_eq!(app.frame().rows.len(), 5);
    press(&mut app, "/x<Esc>");
    assert_eq!(app.frame().rows.len(), 5);
}

#[test]
fn marked_things_are_restored_where_it_was_said() {
    let sample = sample();
    let mut app = app(&sample);
    press(&mut app, "<Enter><Enter> j r");
    let frame = app.frame();
    assert!(frame.status.ends_with("2 marked"), "{}", frame.status);
    assert_eq!(frame.prompt.as_deref(), Some("restore 2 things into the folder: "));
    let Outcome::Restore(request) = press(&mut app, "x<C-u>/tmp/outt<Back><Enter>") else {
        panic!("no restore");
    };
    assert_eq!(request.target.to_str(), Some("/tmp/out"));
    let paths: Vec<_> = request.paths.iter().map(|path| path.to_string()).collect();
    assert_eq!(paths, ["files/srv/data", "files/srv/poem.txt"]);
    press(&mut app, "u");
    assert!(!app.frame().rows.iter().any(|row| row.is_marked));
    press(&mut app, "r<Enter>");
    assert_eq!(app.frame().status, "no folder was named: nothing was restored");
    assert_eq!(press(&mut app, "r/x<Esc>"), Outcome::GoOn);
}

#[test]
fn without_marks_it_is_the_chosen_one() {
    let sample = sample();
    let mut app = app(&sample);
    let Outcome::Restore(request) = press(&mut app, "<Enter>rout<Enter>") else {
        panic!("no restore");
    };
    assert_eq!(request.paths[0].to_string(), "files/srv");
    assert_eq!(request.snapshot.id, sample.snapshots[0].id);
}

#[test]
fn a_text_is_read_from_end_to_end() {
    let sample = sample();
    let mut app = app(&sample);
    press(&mut app, "<Enter><Enter>jj<Enter>");
    let first = |app: &mut App<'_>| app.frame().rows[0].text.clone();
    assert_eq!(first(&mut app), "line 1");
    assert_eq!(app.frame().rows.len(), 21);
    press(&mut app, "jj");
    assert_eq!(first(&mut app), "line 3");
    press(&mut app, "<PageDown>k");
    assert_eq!(first(&mut app), "line 22");
    press(&mut app, "G");
    assert_eq!(first(&mut app), "line 80");
    assert_eq!(app.frame().rows[20].text, "line 100");
    press(&mut app, "j<PageDown>");
    assert_eq!(first(&mut app), "line 80");
    press(&mut app, "x");
    assert!(first(&mut app).starts_with("00000"));
    press(&mut app, "x<Home><Right>");
    assert_eq!(first(&mut app), "");
    press(&mut app, "q");
    assert!(app.frame().title.ends_with("/srv"));
}

#[test]
fn what_is_no_text_is_shown_as_hexadecimal() {
    let sample = sample();
    let mut app = app(&sample);
    press(&mut app, "<Enter><Enter>jjj<Enter>");
    let frame = app.frame();
    assert!(frame.title.ends_with("/srv/raw\\xff\\n"));
    assert!(frame.rows[0].text.ends_with("|..binary|"), "{}", frame.rows[0].text);
    press(&mut app, "qj<Enter>");
    assert_eq!(app.frame().status, "a symlink has nothing to show");
}

#[test]
fn versions_that_are_alike_are_one() {
    let sample = sample();
    let mut app = app(&sample);
    press(&mut app, "<Enter><Enter>jjv");
    let frame = app.frame();
    assert_eq!(frame.title, "versions of /srv/poem.txt");
    assert_eq!(frame.rows.len(), 2);
    assert!(frame.rows[0].text.ends_with("(2 snapshots)"), "{}", frame.rows[0].text);
    press(&mut app, "j<Enter>");
    assert_eq!(app.frame().rows[0].text, "short");
    assert!(app.frame().title.starts_with("01010101"));
    press(&mut app, "qhkkv");
    let rows = app.frame().rows;
    assert!(rows[1].text.ends_with("not there"), "{}", rows[1].text);
}

#[test]
fn it_can_begin_at_a_path() {
    let sample = sample();
    let mut app = app(&sample);
    let path = crate::model::EntryPath::parse(b"srv/poem.txt").unwrap();
    app.go_to(&sample.snapshots[1], &path).unwrap();
    assert_eq!(app.frame().title, "02020202 2025-11-28 02:00  /srv");
    assert!(chosen(&app.frame()).ends_with("poem.txt"));
    let nowhere = crate::model::EntryPath::parse(b"srv/none").unwrap();
    assert!(app.go_to(&sample.snapshots[1], &nowhere).is_err());
}

#[test]
fn control_c_quits_from_everywhere() {
    let sample = sample();
    for keys in ["", "?", "<Enter>", "<Enter>/x", "<Enter><Enter>jj<Enter>"] {
        let mut app = app(&sample);
        press(&mut app, keys);
        assert_eq!(press(&mut app, "<C-c>"), Outcome::Quit, "{keys}");
    }
}

/// What a terminal of this size shows, without what is blank at the end of lines.
fn screen(app: &mut App<'_>, width: u16, height: u16) -> String {
    app.resize(height);
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let painter = Painter { has_colour: false };
    let draw = |frame: &mut ratatui::Frame<'_>| {
        painter.draw(&app.frame(), frame.area(), frame.buffer_mut());
    };
    terminal.draw(draw).unwrap();
    let buffer = terminal.backend().buffer();
    let lines = buffer.content().chunks(usize::from(width)).map(|cells| {
        let line: String = cells.iter().map(|cell| cell.symbol()).collect();
        format!("{}\n", line.trim_end())
    });
    lines.collect()
}

#[test]
fn a_folder_looks_like_this() {
    let sample = sample();
    let mut app = app(&sample);
    press(&mut app, "<Enter><Enter>j j");
    let expected = " 03030303 2025-11-28 03:00  /srv
              2025-11-28 00:00  data/             │poem.txt
*             2025-11-28 00:00  lost/             │
       792 B  2025-11-28 00:00  poem.txt          │file, 792 B
         8 B  2025-11-28 00:00  raw\\xff\\n         │792 bytes
     symlink  2025-11-28 00:00  self -> poem.txt  │-rw-r--r--  0644
                                                  │user  maria (1000)
                                                  │group 1000
                                                  │2025-11-28 00:00:00
                                                  │
3 of 5 names, 1 marked
Enter open  ← back  / find  Space mark  r restore  v versions  ? help  q quit
";
    // Space went on to the next by itself.
    press(&mut app, "k");
    assert_eq!(screen(&mut app, 80, 12), expected);
}

#[test]
fn a_small_terminal_shows_what_fits() {
    let sample = sample();
    let mut app = app(&sample);
    press(&mut app, "<Enter><Enter><End>");
    let expected = " …0303 2025-11-28 03:00  /srv
     symlink  2025-11-28 00:00
5 of 5 names
Enter open  ← back  / find  Sp
";
    assert_eq!(screen(&mut app, 30, 4), expected);
    for (width, height) in [(1, 1), (2, 2), (10, 3), (200, 100), (80, 24)] {
        press(&mut app, "?");
        screen(&mut app, width, height);
        press(&mut app, "?/a<Esc>");
        screen(&mut app, width, height);
    }
}

#[test]
fn the_keys_are_shown_in_front() {
    let sample = sample();
    let mut app = app(&sample);
    press(&mut app, "?");
    let shown = screen(&mut app, 80, 24);
    assert!(shown.contains("keys"), "{shown}");
    assert!(shown.contains("restore what is marked, or this one, to a folder"), "{shown}");
    press(&mut app, "x");
    assert!(!screen(&mut app, 80, 24).contains("any key goes on"));
}
