//! The loop between the terminal and the state machine. The terminal gets back as it was however
//! this ends.

use super::app::{App, Outcome, Request};
use super::draw::Painter;
use super::key::Key;
use crate::cli::error::Failure;
use crate::cli::signals::Stop;
use crossterm::event::{self, Event};
use ratatui::DefaultTerminal;
use std::io;
use std::time::Duration;

/// How often it is looked whether a signal came.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The terminal in its own mode, until this is dropped; a panic drops it too.
struct Screen(DefaultTerminal);

impl Screen {
    fn open() -> io::Result<Self> {
        Ok(Self(ratatui::try_init()?))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // There is no other terminal to complain to.
        let _ = ratatui::try_restore();
    }
}

/// Runs until the user leaves or a signal comes. `restore` is called with the terminal as it was
/// before, and returns what is to be told of it.
pub fn run(
    app: &mut App<'_>,
    painter: Painter,
    stop: &Stop,
    restore: &dyn Fn(&Request) -> String,
) -> Result<(), Failure> {
    loop {
        match until_outcome(app, painter, stop)? {
            Outcome::Restore(request) => {
                let told = restore(&request);
                app.say(told);
            }
            Outcome::GoOn | Outcome::Quit => return Ok(()),
        }
    }
}

fn until_outcome(app: &mut App<'_>, painter: Painter, stop: &Stop) -> io::Result<Outcome> {
    let mut screen = Screen::open()?;
    loop {
        screen.0.draw(|frame| {
            let area = frame.area();
            app.resize(area.height);
            painter.draw(&app.frame(), area, frame.buffer_mut());
        })?;
        match next_key(stop)? {
            None => return Ok(Outcome::Quit),
            Some(Some(key)) => match app.press(key) {
                Outcome::GoOn => {}
                outcome => return Ok(outcome),
            },
            Some(None) => {}
        }
    }
}

/// The next key, or nothing for an event that only needs a new picture; `None` after a signal.
fn next_key(stop: &Stop) -> io::Result<Option<Option<Key>>> {
    while !stop.is_asked() {
        if event::poll(LOOK_EVERY)? {
            return Ok(Some(match event::read()? {
                Event::Key(key) => Key::from_event(&key),
                _ => None,
            }));
        }
    }
    Ok(None)
}
