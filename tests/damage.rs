//! Damage x place x later action: whatever happens to an object, it is found, nothing panics, no
//! wrong bytes are restored, and what can be healed is healed. Who finds what is a table, in
//! `tests/damage/expected.rs` and, for people, in `docs/reliability.md`.

mod commits;
mod documents;
mod expected;
mod footprint;
mod ill;
mod inflict;
mod later;
mod marks;
mod matrix;
mod messages;
mod remains;
mod restored;
mod returned;
mod sample;
mod tree;
mod unreadable;
mod world;

use super::support::torture_time;
use inflict::Damage;
use matrix::{Case, Ward};
use sample::{Sample, Size};
use snapstore::storage::Folder;
use std::time::Instant;

/// Cases that are tried however little time there is.
const LEAST: usize = 30;

/// Everything that can happen to a small repository, and everything that is done then.
#[test]
fn every_damage_is_found_and_lived_with() {
    let sample = Sample::new(Size::Tiny);
    let mut failures = Vec::new();
    for ward in Ward::all(&sample) {
        for case in ward.cases(4) {
            failures.extend(ward.run(&case, &|patient| patient.live_on()).err());
        }
    }
    assert_eq!(failures, Vec::<String>::new());
}

/// Each bit of each small object, as far as time goes.
#[test]
fn every_bit_of_small_objects_counts() {
    let sample = Sample::new(Size::Tiny);
    let wards = Ward::all(&sample);
    let mut cases = Vec::new();
    for ward in &wards {
        let flips = |name| ward.flips(name, 2048).into_iter().map(move |case| (ward, case));
        cases.extend(ward.objects().into_iter().flat_map(flips));
    }
    as_time_goes(cases, 20 * LEAST, &|(ward, case)| {
        ward.run(case, &|patient| patient.is_noticed())
    });
}

/// Each byte of each small object, as another one, and with those behind it; as far as time goes.
#[test]
fn every_byte_of_small_objects_counts() {
    let sample = Sample::new(Size::Tiny);
    let wards = Ward::all(&sample);
    let mut cases = Vec::new();
    for ward in &wards {
        let bytes = |name| ward.bytes(name, 4096).into_iter().map(move |case| (ward, case));
        cases.extend(ward.objects().into_iter().flat_map(bytes));
    }
    as_time_goes(cases, 10 * LEAST, &|(ward, case)| {
        ward.run(case, &|patient| patient.is_noticed())
    });
}

/// Packs of many blobs, files of many chunks, directories of several pieces.
#[test]
fn a_rich_repository_lives_on_too() {
    let sample = Sample::new(Size::Rich);
    let wards = Ward::all(&sample);
    let mut cases = Vec::new();
    for ward in &wards {
        let is_large = |case: &Case| matches!(case.name.folder(), Folder::Packs | Folder::Index);
        cases.extend(ward.cases(6).into_iter().filter(is_large).map(|case| (ward, case)));
    }
    as_time_goes(cases, LEAST, &|(ward, case)| ward.run(case, &|patient| patient.live_on()));
}

/// Tries cases in an order that mixes them, the same each time: `least` of them, and more while
/// there is time.
fn as_time_goes<T>(mut cases: Vec<T>, least: usize, run: &dyn Fn(&T) -> Result<(), String>) {
    let begun = Instant::now();
    let seed = |number: usize| *blake3::hash(&number.to_le_bytes()).as_bytes();
    let mut numbered: Vec<(usize, T)> = cases.drain(..).enumerate().collect();
    numbered.sort_by_cached_key(|(number, _)| seed(*number));
    let (mut failures, mut tried) = (Vec::new(), 0);
    for (_, case) in &numbered {
        if tried >= least && begun.elapsed() > torture_time() {
            break;
        }
        failures.extend(run(case).err());
        tried += 1;
    }
    println!("{tried} of {} damages were tried", numbered.len());
    assert_eq!(failures, Vec::<String>::new());
}

impl Ward<'_> {
    /// Every damage to every object, flips at `flips` places of each.
    fn cases(&self, flips: usize) -> Vec<Case> {
        let mut cases = Vec::new();
        for name in self.objects() {
            let damages = Damage::samples(self.length(&name), flips, &self.others(&name));
            for (variant, damage) in damages.into_iter().enumerate() {
                cases.push(Case { name: name.clone(), damage, variant });
            }
        }
        cases
    }

    /// Each byte of an object that is no longer than this: another one in its place, no more and
    /// one more of them, and zeros to the end.
    fn bytes(&self, name: snapstore::storage::ObjectName, longest: usize) -> Vec<Case> {
        let length = Some(self.length(&name)).filter(|length| *length <= longest);
        let damages = |byte: usize| {
            let by = 1 + (byte * 37 % 255) as u8;
            [
                Damage::Byte { byte, by },
                Damage::Truncate(byte),
                Damage::Insert(byte),
                Damage::Zero(byte),
            ]
        };
        let cases = (0..length.unwrap_or(0)).flat_map(|byte| damages(byte).map(|it| (byte, it)));
        let is_change = |case: &Case| case.damage.changes(&self.bytes_of(&case.name));
        let case = |(variant, damage)| Case { name: name.clone(), damage, variant };
        cases.map(case).filter(is_change).collect()
    }

    /// Each bit of an object that is no longer than this.
    fn flips(&self, name: snapstore::storage::ObjectName, longest: usize) -> Vec<Case> {
        let length = Some(self.length(&name)).filter(|length| *length <= longest);
        let bits = (0..length.unwrap_or(0)).flat_map(|byte| (0..8).map(move |bit| (byte, bit)));
        let flip = |(byte, bit)| Damage::Flip { byte, bit };
        bits.map(|at| Case { name: name.clone(), damage: flip(at), variant: at.0 }).collect()
    }
}
