//! The folders above the snapshots, made again when there are others.

use super::layout::Layout;
use crate::cli::output::Output;
use crate::cli::select::in_future;
use crate::ops::view::Roster;
use crate::policy::Filter;
use crate::repo::Ledger;
use jiff::tz::TimeZone;
use std::sync::{Arc, Mutex, PoisonError};

pub struct Shelf {
    roster: Roster,
    filter: Filter,
    zone: TimeZone,
    made: Mutex<(Arc<Ledger>, Arc<Layout>)>,
}

impl Shelf {
    pub fn new(roster: Roster, filter: Filter, zone: TimeZone) -> Self {
        let ledger = roster.known();
        let layout = Arc::new(Layout::new(&ledger, &in_future(&ledger), &filter, &zone));
        Self { roster, filter, zone, made: Mutex::new((ledger, layout)) }
    }

    /// As it is now, give or take some seconds. If the list cannot be read it is as it was.
    pub fn layout(&self, output: &Output) -> Arc<Layout> {
        let ledger = self.roster.current().unwrap_or_else(|error| {
            output.warning("the list of snapshots", &error.to_string(), "reading snapshots");
            self.roster.known()
        });
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&made.0, &ledger) {
            let future = in_future(&ledger);
            let layout = Layout::new(&ledger, &future, &self.filter, &self.zone);
            *made = (ledger, Arc::new(layout));
        }
        Arc::clone(&made.1)
    }
}
