//! Tables of text.

/// Characters of a column. Who has a longer cell moves what stands behind it, in its row alone.
const WIDEST: usize = 200;

/// Columns as wide as their widest cell, two spaces apart; the last one is as wide as it likes.
/// A cell may have several lines.
pub struct Table {
    rows: Vec<Vec<Cell>>,
}

#[derive(Debug, Clone, Default)]
pub struct Cell {
    lines: Vec<String>,
    right: bool,
}

impl Cell {
    pub fn left(text: impl Into<String>) -> Self {
        Self { lines: vec![text.into()], right: false }
    }

    pub fn right(text: impl Into<String>) -> Self {
        Self { lines: vec![text.into()], right: true }
    }

    pub fn lines(lines: impl IntoIterator<Item = String>) -> Self {
        Self { lines: lines.into_iter().collect(), right: false }
    }

    fn width(&self) -> usize {
        self.lines.iter().map(|line| width(line)).max().unwrap_or(0)
    }

    fn line(&self, number: usize) -> &str {
        self.lines.get(number).map_or("", String::as_str)
    }
}

impl Table {
    pub fn new(head: impl IntoIterator<Item = Cell>) -> Self {
        Self { rows: vec![head.into_iter().collect()] }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The lines of the table, without spaces at their ends, made as they are asked for.
    pub fn render(&self) -> impl Iterator<Item = String> + '_ {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width_of = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(Cell::width).max().unwrap_or(0).min(WIDEST)
        };
        let widths: Vec<usize> = (0..columns).map(width_of).collect();
        let numbered = |row| (0..height(row)).map(move |number| (row, number));
        let lines = self.rows.iter().map(Vec::as_slice).flat_map(numbered);
        lines.map(move |(row, number)| render_line(row, number, &widths))
    }
}

fn height(row: &[Cell]) -> usize {
    row.iter().map(|cell| cell.lines.len()).max().unwrap_or(0)
}

fn render_line(row: &[Cell], number: usize, widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, wide) in row.iter().zip(widths) {
        let part = cell.line(number);
        let gap = " ".repeat(wide.saturating_sub(width(part)));
        let (before, after) = if cell.right { (gap.as_str(), "") } else { ("", gap.as_str()) };
        text.extend([before, part, after, "  "]);
    }
    text.truncate(text.trim_end().len());
    text
}

/// As a terminal counts, near enough: combining marks and wide characters are not looked at.
fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new([Cell::left("id"), Cell::right("size"), Cell::left("paths")]);
        let paths = ["/srv/bot", "/etc"].map(str::to_owned);
        table.row([Cell::left("1a2b"), Cell::right("7 B"), Cell::lines(paths)]);
        table.row([Cell::left("é"), Cell::right("12345 B"), Cell::lines([])]);
        assert_eq!(
            table.render().collect::<Vec<_>>(),
            [
                "id       size  paths",
                "1a2b      7 B  /srv/bot",
                "               /etc",
                "é     12345 B",
            ]
        );
    }

    #[test]
    fn a_long_cell_moves_its_own_row_alone() {
        let mut table = Table::new([Cell::left("tags"), Cell::left("paths")]);
        let long = "t".repeat(1 << 20);
        table.row([Cell::left(long.as_str()), Cell::left("/etc")]);
        table.row([Cell::left("daily"), Cell::left("/srv")]);
        let lines: Vec<String> = table.render().collect();
        assert_eq!(lines[1], format!("{long}  /etc"));
        assert_eq!(lines[2], format!("{:200}  /srv", "daily"));
    }
}
