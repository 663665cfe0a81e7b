//! Draws a picture on a terminal. Knows nothing but the picture.

use super::frame::{Frame, Look, Row};
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Clear, Paragraph, Widget, Wrap};

/// Details take this many columns, where as many are left for the rows.
const DETAILS: u16 = 30;

/// Below this width there are no details.
const WIDE: u16 = 70;

/// Whether colours may be used.
#[derive(Debug, Clone, Copy)]
pub struct Painter {
    pub has_colour: bool,
}

impl Painter {
    pub fn draw(self, frame: &Frame, area: Rect, buffer: &mut Buffer) {
        let lines = [
            Constraint::Length(1),
            Constraint::Min(1),
            Constraint::Length(1),
            Constraint::Length(1),
        ];
        let [title, middle, status, keys] = Layout::vertical(lines).areas(area);
        self.bar(&frame.title, title, buffer);
        self.middle(frame, middle, buffer);
        match &frame.prompt {
            Some(prompt) => {
                let shown = format!("{}\u{2588}", end_of(prompt, status.width.saturating_sub(1)));
                Line::styled(shown, Style::new().add_modifier(Modifier::BOLD))
                    .render(status, buffer);
            }
            None => Line::raw(&frame.status).render(status, buffer),
        }
        Line::styled(frame.keys, Style::new().add_modifier(Modifier::DIM)).render(keys, buffer);
        if !frame.overlay.is_empty() {
            overlay(frame.overlay, area, buffer);
        }
    }

    fn bar(self, text: &str, area: Rect, buffer: &mut Buffer) {
        let style = Style::new().add_modifier(Modifier::REVERSED);
        buffer.set_style(area, style);
        let shown = end_of(text, area.width.saturating_sub(2));
        Line::styled(format!(" {shown}"), style).render(area, buffer);
    }

    fn middle(self, frame: &Frame, area: Rect, buffer: &mut Buffer) {
        let has_details = !frame.details.is_empty() && area.width >= WIDE;
        let details = if has_details { DETAILS } else { 0 };
        let columns = [Constraint::Min(1), Constraint::Length(details)];
        let [list, side] = Layout::horizontal(columns).areas(area);
        for (row, place) in frame.rows.iter().zip(list.rows()) {
            self.row(row, place, buffer);
        }
        if has_details {
            let lines: Vec<Line<'_>> = frame.details.iter().map(Line::raw).collect();
            let block = Block::new().borders(Borders::LEFT);
            Paragraph::new(lines).block(block).wrap(Wrap { trim: false }).render(side, buffer);
        }
    }

    fn row(self, row: &Row, area: Rect, buffer: &mut Buffer) {
        let mut style = match row.look {
            Look::Plain => Style::new(),
            Look::Folder if self.has_colour => Style::new().fg(Color::Blue),
            Look::Folder => Style::new().add_modifier(Modifier::BOLD),
            Look::Faint => Style::new().add_modifier(Modifier::DIM),
        };
        if row.is_chosen {
            style = style.add_modifier(Modifier::REVERSED);
            buffer.set_style(area, style);
        }
        let mark = if row.is_marked { "*" } else { " " };
        Line::from(vec![Span::styled(mark, style), Span::styled(&row.text, style)])
            .render(area, buffer);
    }
}

/// The end of a text that is too wide: of a path that is what matters.
fn end_of(text: &str, width: u16) -> String {
    let width = usize::from(width);
    if Line::raw(text).width() <= width {
        return text.to_owned();
    }
    let mut rest = text;
    while Line::raw(rest).width() >= width.max(1) {
        let mut characters = rest.chars();
        characters.next();
        rest = characters.as_str();
    }
    format!("\u{2026}{rest}")
}

fn overlay(lines: &[&str], area: Rect, buffer: &mut Buffer) {
    let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let width = u16::try_from(longest).unwrap_or(u16::MAX).saturating_add(4).min(area.width);
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2).min(area.height);
    let place = Rect {
        x: area.x.saturating_add(area.width.saturating_sub(width) / 2),
        y: area.y.saturating_add(area.height.saturating_sub(height) / 2),
        width,
        height,
    };
    Clear.render(place, buffer);
    let lines: Vec<Line<'_>> = lines.iter().map(|line| Line::raw(format!(" {line}"))).collect();
    Paragraph::new(lines).block(Block::bordered().title(" keys ")).render(place, buffer);
}
