//! Questions to a person at a terminal. The question goes to standard error, so that standard
//! output stays what was asked for.

use super::error::Failure;
use super::signals::Stop;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{self, IsTerminal, Write};
use zeroize::Zeroizing;

/// Longest answer, in bytes.
const LONGEST: usize = 4096;

/// Whether somebody is there to answer.
pub fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question that is answered with yes; everything else is no.
pub fn confirm(question: &str, stop: &Stop) -> Result<bool, Failure> {
    write!(io::stderr(), "{question} [y/N] ")?;
    let answer = read_line(stop)?;
    let answer = String::from_utf8_lossy(&answer).trim().to_lowercase();
    Ok(matches!(answer.as_str(), "y" | "yes"))
}

/// Asks for one of several words, or the beginning of one; `None` for any other answer.
pub fn choose(question: &str, words: &[&str], stop: &Stop) -> Result<Option<usize>, Failure> {
    write!(io::stderr(), "{question} ")?;
    let answer = read_line(stop)?;
    let answer = String::from_utf8_lossy(&answer).trim().to_lowercase();
    let fits = |word: &&str| !answer.is_empty() && word.starts_with(&answer);
    Ok(words.iter().position(fits))
}

/// Asks for a password without showing it.
pub fn password(prompt: &str, stop: &Stop) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // Hidden before anybody is asked: a quick answer would be shown, and lost.
    let hidden = Hidden::begin()?;
    write!(io::stderr(), "{prompt}: ")?;
    let password = read_line(stop);
    drop(hidden);
    // The line end that was typed was not shown either.
    writeln!(io::stderr())?;
    password
}

/// The terminal does not show what is typed while this lives.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that is gone needs no more care.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// One line from the terminal, without its end; waiting ends when the user asks to stop.
fn read_line(stop: &Stop) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut byte = [0];
    while line.len() < LONGEST {
        wait_for_input(stop)?;
        match rustix::io::read(io::stdin(), &mut byte) {
            Ok(0) => break,
            Ok(_) if byte == *b"\n" => break,
            Ok(_) => line.push(byte[0]),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(io::Error::from(error).into()),
        }
    }
    Ok(line)
}

fn wait_for_input(stop: &Stop) -> Result<(), Failure> {
    let moment = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    let stdin = io::stdin();
    loop {
        if stop.is_asked() {
            return Err(Failure::stopped());
        }
        let mut input = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut input, Some(&moment)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(io::Error::from(error).into()),
        }
    }
}
