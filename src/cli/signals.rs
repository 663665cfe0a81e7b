//! SIGINT and SIGTERM: the first asks to stop, the second ends the process at once.

use super::code::Code;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the user asked to stop.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Catches the signals from now on. (Where that is not allowed they end the process, as
    /// they would without.)
    pub fn install() -> Self {
        let stop = Self::default();
        for signal in [SIGINT, SIGTERM] {
            // In this order: the flag that the first signal sets makes the second one final.
            let code = Code::Interrupted as i32;
            let _ = flag::register_conditional_shutdown(signal, code, Arc::clone(&stop.0));
            let _ = flag::register(signal, Arc::clone(&stop.0));
        }
        stop
    }

    /// What is set when it is asked.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
