//! The states that a disk may be in after its power was cut.

use super::disk::{Event, Log};
use crate::support::Chance;

/// A disk writes a sector whole or not at all.
const SECTOR: usize = 512;

/// Of a disk that was once `blank`.
pub struct Cuts<'a> {
    log: &'a Log,
    blank: Vec<u8>,
    /// What was durable at `upto`, to go on from there.
    durable: Vec<u8>,
    upto: usize,
}

impl<'a> Cuts<'a> {
    pub fn new(blank: Vec<u8>, log: &'a Log) -> Self {
        Self { log, durable: blank.clone(), blank, upto: 0 }
    }

    pub fn length(&self) -> usize {
        self.log.len()
    }

    pub fn flushes(&self) -> usize {
        self.flush_positions().count()
    }

    pub fn writes(&self) -> usize {
        self.length() - self.flushes()
    }

    /// Right after each flush.
    pub fn flush_positions(&self) -> impl Iterator<Item = usize> {
        let events = self.log.iter().enumerate();
        events.filter(|(_, event)| matches!(event, Event::Flush)).map(|(at, _)| at + 1)
    }

    /// A disk whose power is cut when `position` events have happened: what was flushed is there, of
    /// the rest some writes are, and some of those only in part.
    pub fn image(&mut self, position: usize, chance: &mut Chance) -> Vec<u8> {
        let is_flush = |event: &Event| matches!(event, Event::Flush);
        let flushed = self.log[..position].iter().rposition(is_flush).map_or(0, |at| at + 1);
        self.go_to(flushed);
        let mut image = self.durable.clone();
        for event in &self.log[flushed..position] {
            let Event::Write { offset, data } = event else { continue };
            let sectors = (data.len() / SECTOR) as u64;
            let kept = match chance.below(4) {
                0 => 0,
                1 => chance.below(sectors + 1) as usize * SECTOR,
                _ => data.len(),
            };
            image[*offset..offset + kept].copy_from_slice(&data[..kept]);
        }
        image
    }

    fn go_to(&mut self, flushed: usize) {
        if flushed < self.upto {
            self.durable.copy_from_slice(&self.blank);
            self.upto = 0;
        }
        for event in &self.log[self.upto..flushed] {
            if let Event::Write { offset, data } = event {
                self.durable[*offset..offset + data.len()].copy_from_slice(data);
            }
        }
        self.upto = flushed;
    }
}
