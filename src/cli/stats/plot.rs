//! A plot in the terminal: columns of blocks. No colour.

use crate::policy::format_size;

/// What columns are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marks {
    Blocks,
    Ascii,
}

/// Lines of a plot.
const HEIGHT: u64 = 8;
/// Widest size: `1023.999 MiB`.
const LABEL: usize = 12;
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

impl Marks {
    /// Of a cell that is filled so many eighths.
    fn cell(self, eighths: u64) -> char {
        let eighths = eighths.min(8);
        match self {
            Self::Blocks => BLOCKS.get(eighths as usize).copied().unwrap_or(' '),
            Self::Ascii if eighths >= 4 => '#',
            Self::Ascii => ' ',
        }
    }

    fn axis(self) -> (char, char, char) {
        match self {
            Self::Blocks => ('│', '└', '─'),
            Self::Ascii => ('|', '+', '-'),
        }
    }
}

/// A column for each value, at most `columns` in all; `ends` stand below the first and the last.
pub fn plot(values: &[u64], ends: &[String; 2], marks: Marks, columns: usize) -> Vec<String> {
    let most = values.iter().copied().max().unwrap_or(0);
    let wide = (columns / values.len().max(1)).clamp(1, 4);
    let (side, corner, floor) = marks.axis();
    let mut lines = Vec::new();
    for row in (0..HEIGHT).rev() {
        let label = match row {
            _ if row == HEIGHT - 1 => format_size(most),
            0 => format_size(0),
            _ => String::new(),
        };
        let mut line = format!("{label:>LABEL$} {side}");
        for value in values {
            let mark = marks.cell(filled(*value, most).saturating_sub(row * 8));
            line.extend(std::iter::repeat_n(mark, wide));
        }
        lines.push(line.trim_end().to_owned());
    }
    let width = wide * values.len();
    lines.push(format!("{:>LABEL$} {corner}{}", "", floor.to_string().repeat(width)));
    lines.push(below(ends, width));
    lines
}

/// In eighths of a line; what there is shows.
fn filled(value: u64, most: u64) -> u64 {
    let eighths = u128::from(value) * u128::from(HEIGHT * 8) / u128::from(most.max(1));
    u64::try_from(eighths).unwrap_or(0).max(u64::from(value > 0))
}

fn below([first, last]: &[String; 2], width: usize) -> String {
    let gap = width.saturating_sub(first.chars().count() + last.chars().count());
    let last = match first == last {
        true => String::new(),
        false => format!("{}{last}", " ".repeat(gap.max(2))),
    };
    format!("{:>LABEL$}  {first}{last}", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends() -> [String; 2] {
        ["2025-11".to_owned(), "2025-12".to_owned()]
    }

    #[test]
    fn columns_are_as_high_as_their_values() {
        let lines = plot(&[0, 1, 500, 1000], &ends(), Marks::Blocks, 4);
        assert_eq!(lines[0], "      1000 B │   █");
        assert_eq!(lines[4], "             │  ██");
        assert_eq!(lines[7], "         0 B │ ▁██");
        assert_eq!(lines[8], "             └────");
        assert_eq!(lines[9], "              2025-11  2025-12");
    }

    #[test]
    fn it_fits_and_is_ascii_where_it_must_be() {
        let values: Vec<u64> = (0..60).map(|number| number << 50).collect();
        let lines = plot(&values, &ends(), Marks::Ascii, 60);
        assert!(lines.iter().all(|line| line.is_ascii() && line.len() <= 80), "{lines:#?}");
        assert!(lines[0].ends_with('#'));
        assert!(plot(&[0], &ends(), Marks::Blocks, 60)[7].ends_with('│'));
    }
}
