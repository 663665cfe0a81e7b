//! A place in a list that may be far longer than the screen.

use super::key::Key;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The chosen row.
    pub at: u64,
    /// The first row that is shown.
    pub top: u64,
    pub length: u64,
}

impl Cursor {
    pub fn new(length: u64) -> Self {
        Self { at: 0, top: 0, length }
    }

    /// Moves; says whether the key is one that moves.
    pub fn press(&mut self, key: Key, height: u64) -> bool {
        let last = self.length.saturating_sub(1);
        let page = height.saturating_sub(1).max(1);
        self.at = match key {
            Key::Up => self.at.saturating_sub(1),
            Key::Down => self.at.saturating_add(1),
            Key::PageUp => self.at.saturating_sub(page),
            Key::PageDown => self.at.saturating_add(page),
            Key::Home => 0,
            Key::End => last,
            _ => return false,
        }
        .min(last);
        true
    }

    /// Scrolls so that the chosen row is on a screen of so many rows.
    pub fn settle(&mut self, height: u64) {
        let height = height.max(1);
        let lowest = self.at.saturating_sub(height.saturating_sub(1));
        let end = self.length.saturating_sub(height);
        self.top = self.top.clamp(lowest, self.at.max(lowest)).min(end.max(lowest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_row_is_always_on_the_screen() {
        let mut cursor = Cursor::new(100);
        for (key, at, top) in [
            (Key::Up, 0, 0),
            (Key::Down, 1, 0),
            (Key::PageDown, 10, 1),
            (Key::PageUp, 1, 1),
            (Key::End, 99, 90),
            (Key::Down, 99, 90),
            (Key::Home, 0, 0),
        ] {
            assert!(cursor.press(key, 10));
            cursor.settle(10);
            assert_eq!((cursor.at, cursor.top), (at, top), "{key:?}");
        }
        assert!(!cursor.press(Key::Enter, 10));
    }

    #[test]
    fn a_larger_screen_is_filled() {
        let mut cursor = Cursor { at: 99, top: 90, length: 100 };
        cursor.settle(50);
        assert_eq!(cursor.top, 50);
        cursor.settle(200);
        assert_eq!(cursor.top, 0);
    }

    #[test]
    fn an_empty_list_has_no_rows_to_move_to() {
        let mut cursor = Cursor::new(0);
        cursor.press(Key::End, 10);
        cursor.settle(10);
        assert_eq!(cursor, Cursor::new(0));
    }
}
