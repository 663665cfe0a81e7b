//! A repository made by an enemy who has its keys: every command that reads it comes to an end
//! or can be stopped, takes little memory, says what is wrong, and writes nothing elsewhere.

mod attacks;
mod forge;
mod race;
mod siege;
mod value;

use super::support::torture_time;
use siege::Siege;
use std::time::{Duration, Instant};

/// Attacks that are tried however little time there is.
const LEAST: usize = 3;

/// Who has less does not try what takes long.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn nothing_that_is_written_with_the_keys_does_harm() {
    let wanted = std::env::var("SNAP_HOSTILE").ok();
    let (begun, mut failures, mut runs) = (Instant::now(), Vec::new(), 0);
    let mut attacks = attacks::all();
    // Another few each day, the same ones all day; what takes long comes last.
    let day = usize::try_from(jiff::Timestamp::now().as_second() / 86_400).unwrap();
    let first = day * LEAST % attacks.len();
    attacks.rotate_left(first);
    attacks.sort_by_key(attacks::Attack::is_long);
    for (number, attack) in attacks.iter().enumerate() {
        let is_wanted = wanted.as_ref().is_none_or(|wanted| attack.name.contains(wanted.as_str()));
        let is_short = !attack.is_long() || torture_time() > PATIENCE;
        let is_time = number < LEAST || begun.elapsed() < torture_time();
        let is_time = is_short && is_time || wanted.is_some();
        if is_wanted && is_time {
            let siege = Siege::new(attack);
            let found = siege.run();
            // Also where the run is stopped before its end.
            found.iter().for_each(|failure| println!("FOUND {failure}"));
            failures.extend(found);
            runs += siege.runs();
        }
    }
    println!("{runs} commands on hostile repositories");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
