//! Progress: a bar for people at a terminal, a line a minute elsewhere, status lines in JSON.

mod board;
mod describe;

use super::context::Context;
use super::output::Output;
use super::signals::Stop;
use crate::model::Monitor;
use board::Board;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Bar,
    Lines,
    Json { every: Duration },
    Nothing,
}

impl Manner {
    fn of(output: &Output) -> Self {
        match (output.is_json(), output.is_quiet(), output.is_watched()) {
            (_, true, _) => Self::Nothing,
            (true, _, _) if std::io::stdout().is_terminal() => {
                Self::Json { every: Duration::from_millis(100) }
            }
            (true, _, _) => Self::Json { every: Duration::from_secs(1) },
            (false, _, true) => Self::Bar,
            (false, _, false) => Self::Lines,
        }
    }

    fn interval(self) -> Duration {
        match self {
            Self::Bar => Duration::from_millis(100),
            Self::Json { every } => every,
            Self::Lines | Self::Nothing => Duration::from_secs(60),
        }
    }
}

/// Shows how a verb gets on, from its start until this is dropped.
pub struct Progress {
    board: Arc<Board>,
    output: Arc<Output>,
    /// Its end ends the ticker.
    running: Option<Sender<()>>,
    ticker: Option<JoinHandle<()>>,
}

impl Progress {
    pub fn start(context: &Context) -> Self {
        Self::begin(Arc::clone(&context.output), context.stop.clone())
    }

    /// Only tells of problems: for what goes on for days.
    pub fn quiet(context: &Context) -> Self {
        let (output, stop) = (Arc::clone(&context.output), context.stop.clone());
        let board = Arc::new(Board::new(Arc::clone(&output), stop));
        Self { board, output, running: None, ticker: None }
    }

    fn begin(output: Arc<Output>, stop: Stop) -> Self {
        let board = Arc::new(Board::new(Arc::clone(&output), stop));
        let manner = Manner::of(&output);
        let mut progress = Self { board, output, running: None, ticker: None };
        if manner != Manner::Nothing {
            let (running, ended) = channel();
            let (board, output) = (Arc::clone(&progress.board), Arc::clone(&progress.output));
            progress.running = Some(running);
            progress.ticker = Some(std::thread::spawn(move || {
                tick(manner, &board, &output, &ended);
            }));
        }
        progress
    }

    /// What the verb reports to.
    pub fn monitor(&self) -> Arc<dyn Monitor> {
        Arc::clone(&self.board) as Arc<dyn Monitor>
    }

    pub fn elapsed(&self) -> Duration {
        self.board.elapsed()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.running.take());
        if let Some(ticker) = self.ticker.take() {
            // It does not panic; if it did, progress would have stood still.
            let _ = ticker.join();
        }
        self.output.remove_bar();
    }
}

fn tick(manner: Manner, board: &Board, output: &Output, ended: &Receiver<()>) {
    let bar = (manner == Manner::Bar).then(|| new_bar(output));
    while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(manner.interval()) {
        let view = board.view();
        match (&bar, manner) {
            (Some(bar), _) => {
                bar.set_message(view.line(true));
                bar.tick();
            }
            (None, Manner::Json { .. }) => {
                // A stream that is closed shows at the end.
                let _ = output.object("status", &view.status()).and_then(|()| output.flush());
            }
            (None, _) => output.aside_line(&view.line(false)),
        }
    }
}

fn new_bar(output: &Output) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(10);
    let style = ProgressStyle::with_template("{spinner} {wide_msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::with_draw_target(None, target).with_style(style);
    output.show_bar(bar.clone());
    bar
}
