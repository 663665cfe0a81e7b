//! Durations as people read them.

use std::time::Duration;

/// The two largest units that say something: `250 ms`, `4.2 s`, `12 s`, `3 min 12 s`, `2 h`,
/// `1 d 6 h`. Rounded down.
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let tenths = duration.subsec_millis() / 100;
    match seconds {
        0 => format!("{} ms", duration.subsec_millis()),
        1..10 => format!("{seconds}.{tenths} s"),
        10..60 => format!("{seconds} s"),
        60..3600 => two_units(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => two_units(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => two_units(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

fn two_units(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written() {
        for (milliseconds, text) in [
            (0, "0 ms"),
            (250, "250 ms"),
            (4_250, "4.2 s"),
            (12_999, "12 s"),
            (60_000, "1 min"),
            (192_000, "3 min 12 s"),
            (7_200_000, "2 h"),
            (7_259_000, "2 h"),
            (7_500_000, "2 h 5 min"),
            (108_000_000, "1 d 6 h"),
        ] {
            assert_eq!(format_duration(Duration::from_millis(milliseconds)), text);
        }
        assert_eq!(format_duration(Duration::MAX), "213503982334601 d 7 h");
    }
}
