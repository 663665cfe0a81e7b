//! What a person may press.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    Backspace,
    Escape,
    Character(char),
    /// Control-C: ends the program, whatever goes on.
    Interrupt,
    /// Control-U: what was typed is taken back.
    Erase,
}

impl Key {
    /// `None` for what means nothing here.
    pub fn from_event(event: &KeyEvent) -> Option<Self> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        if event.modifiers.contains(KeyModifiers::CONTROL) {
            return match event.code {
                KeyCode::Char('c') => Some(Self::Interrupt),
                KeyCode::Char('u') => Some(Self::Erase),
                KeyCode::Char('f') => Some(Self::PageDown),
                KeyCode::Char('b') => Some(Self::PageUp),
                KeyCode::Char('h') => Some(Self::Backspace),
                // A line feed.
                KeyCode::Char('j') => Some(Self::Enter),
                _ => None,
            };
        }
        Some(match event.code {
            KeyCode::Up => Self::Up,
            KeyCode::Down => Self::Down,
            KeyCode::Left => Self::Left,
            KeyCode::Right => Self::Right,
            KeyCode::PageUp => Self::PageUp,
            KeyCode::PageDown => Self::PageDown,
            KeyCode::Home => Self::Home,
            KeyCode::End => Self::End,
            KeyCode::Enter => Self::Enter,
            KeyCode::Backspace => Self::Backspace,
            KeyCode::Esc => Self::Escape,
            KeyCode::Char(character) => Self::Character(character),
            _ => return None,
        })
    }

    /// Letters that move, as in vi; not while something is typed.
    pub fn as_move(self) -> Self {
        match self {
            Self::Character('k') => Self::Up,
            Self::Character('j') => Self::Down,
            Self::Character('h') | Self::Backspace => Self::Left,
            Self::Character('l') | Self::Enter => Self::Right,
            Self::Character('g') => Self::Home,
            Self::Character('G') => Self::End,
            other => other,
        }
    }
}
