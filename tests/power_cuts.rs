//! Power cuts: a repository on a real file system, on a disk that writes down what reaches it. Every
//! state that the disk may be in after a cut is mounted again: what had reported success by
//! then restores, and no command needs a repair.
//!
//! The disk is a file behind a small FUSE server ([`disk`]), a loop device on it, and a file system
//! made by `mkfs`. A cut leaves everything that was written before the last flush, and any
//! part of what came after it ([`cut`]).

#[cfg(feature = "mount")]
mod cut;
#[cfg(feature = "mount")]
mod disk;
#[cfg(feature = "mount")]
mod machine;

#[cfg(feature = "mount")]
mod rounds {
    use super::cut::Cuts;
    use super::disk::{Log, LoggedDisk};
    use super::machine::{FileSystem, Machine, MountedImage, is_impossible};
    use crate::support::{Chance, torture_time};
    use std::time::Instant;

    /// So many cuts are tried at least, of each file system.
    const LEAST: usize = 6;

    #[test]
    fn whatever_a_power_cut_leaves_is_a_whole_repository() {
        if is_impossible() {
            return;
        }
        let file_systems = FileSystem::there();
        let time = torture_time() / u32::try_from(file_systems.len()).unwrap();
        for file_system in file_systems {
            let (log, blank, machine) = live(&file_system);
            let mut chance = Chance::of_this_run();
            let mut cuts = Cuts::new(blank, &log);
            let end = Instant::now() + time;
            let mut tried = 0;
            for position in positions(&cuts, &mut chance) {
                if tried >= LEAST && Instant::now() > end {
                    break;
                }
                let image = cuts.image(position, &mut chance);
                machine.examine(&file_system, &image, position, chance.seed());
                tried += 1;
            }
            println!(
                "{}: {} writes, {} flushes, {tried} cuts of {} tried, seed {}",
                file_system.name,
                cuts.writes(),
                cuts.flushes(),
                cuts.flushes() * 2,
                chance.seed()
            );
        }
    }

    /// Every flush, and a place somewhere after it, in an order of chance.
    fn positions(cuts: &Cuts, chance: &mut Chance) -> Vec<usize> {
        let mut positions: Vec<usize> = cuts.flush_positions().collect();
        let ends: Vec<usize> = positions.iter().skip(1).copied().chain([cuts.length()]).collect();
        let between: Vec<usize> = positions
            .iter()
            .zip(ends)
            .map(|(&from, to)| from + chance.below((to - from) as u64 + 1) as usize)
            .collect();
        positions.extend(between);
        for last in (1..positions.len()).rev() {
            positions.swap(last, chance.below(last as u64 + 1) as usize);
        }
        positions
    }

    /// A life on the disk: what was written, the disk before it, and what was promised when.
    fn live(file_system: &FileSystem) -> (Log, Vec<u8>, Machine) {
        let mut machine = Machine::new();
        let blank = file_system.make(&machine);
        let disk = LoggedDisk::serve(blank.clone(), &machine.path("served"));
        let mounted = MountedImage::new(&disk.path(), &machine.path("disk"));
        machine.live(|| disk.position());
        drop(mounted);
        (disk.end(), blank, machine)
    }
}
