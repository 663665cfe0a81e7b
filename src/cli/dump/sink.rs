//! Where a dump goes that goes nowhere else.

use crate::cli::context::Context;
use crate::cli::output::Output;
use crate::cli::signals::Stop;
use crate::model::{Monitor, Problem, ProblemKind};
use std::io::{self, BufWriter, StdoutLock, Write};
use std::sync::Arc;

/// The standard output, for bytes of any kind.
pub struct StandardOutput(BufWriter<StdoutLock<'static>>);

impl StandardOutput {
    pub fn new() -> Self {
        Self(BufWriter::with_capacity(256 * 1024, io::stdout().lock()))
    }
}

impl Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Shows problems only.
pub struct Quiet {
    output: Arc<Output>,
    stop: Stop,
}

impl Quiet {
    pub fn new(context: &Context) -> Self {
        Self { output: Arc::clone(&context.output), stop: context.stop.clone() }
    }
}

impl Monitor for Quiet {
    fn problem(&self, problem: Problem) {
        match problem.kind {
            ProblemKind::Note if self.output.is_verbose() => {
                self.output.note(&problem.what, &problem.why);
            }
            ProblemKind::Note => {}
            _ => self.output.warning(&problem.what, &problem.why, "dumping"),
        }
    }

    fn stopped(&self) -> bool {
        self.stop.is_asked()
    }
}
