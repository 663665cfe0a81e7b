//! A repair of snapshots beside a prune.

use super::actors::{Backup, Judgement, Prune, Verb};
use super::chance::Chance;
use super::examine::examine;
use super::site::{Body, Place, Site};
use super::tree::{Tree, kinds};
use snapstore::ops::Thrift;
use snapstore::storage::sim::{Fault, Planned, SimOptions};
use snapstore::storage::{Folder, ObjectName, Storage};
use std::time::Duration;

const DAYS: Duration = Duration::from_secs(20 * 86_400);

/// A commit is lost, a prune is killed at its call of this number, a repair brings the snapshot
/// back if all is still there, and the next prune ends what the first began. What went wrong.
pub fn beside_prune(call: usize) -> Vec<String> {
    let site = Site::new(call as u64);
    let init: Body<'_> = Box::new(|_, context| site.init(&context));
    site.run(vec![("init", init)]);
    site.run(vec![("alpha", site.actor(Place::Home, 1, vec![backup()]))]);
    let commit = names(&site, Folder::Snapshots).remove(0);
    let before = names(&site, Folder::Packs);
    assert!(site.world.memory().remove(&commit));
    // Whether it can be brought back is not promised, if a prune was faster.
    site.notes().committed.clear();
    let planned = vec![Planned { actor: "prune".to_string(), call, fault: Fault::CrashBefore }];
    site.world.set_options(SimOptions { planned, ..SimOptions::calm() });
    site.run(vec![("prune", site.actor(Place::Home, 2, vec![prune()]))]);
    site.world.set_options(SimOptions::calm());
    if names(&site, Folder::Packs) == before {
        site.run(vec![("repair", site.actor(Place::Home, 3, vec![Verb::RepairSnapshots]))]);
        let is_back = !names(&site, Folder::Snapshots).is_empty();
        assert!(is_back, "call {call}: nothing was brought back");
        site.run(vec![("prune", site.actor(Place::Home, 4, vec![prune()]))]);
        site.run(vec![("read", site.actor(Place::Home, 5, vec![Verb::Read]))]);
    }
    let notes = site.notes();
    notes.failures.iter().map(|failure| format!("call {call}: {failure}")).collect()
}

/// A backup is killed before its commit; a day later, with all of it still there, a prune that shuts
/// it out and a repair that would bring it back are at work at once. Nothing broken comes of it.
/// What went wrong, and whether it was brought back.
pub fn of_a_silent_session_beside_prune(seed: u64) -> (Vec<String>, bool) {
    let site = Site::new(seed);
    let init: Body<'_> = Box::new(|_, context| site.init(&context));
    site.run(vec![("init", init)]);
    for call in 8..60 {
        let planned = vec![Planned { actor: "alpha".to_string(), call, fault: Fault::CrashBefore }];
        site.world.set_options(SimOptions { planned, ..SimOptions::calm() });
        site.run(vec![("alpha", site.actor(Place::Home, 1, vec![backup()]))]);
        if !names(&site, Folder::Index).is_empty() {
            break;
        }
    }
    // Days pass.
    let leaps = SimOptions { jump_rate: 1.0, longest_jump: DAYS, ..SimOptions::calm() };
    site.world.set_options(leaps);
    site.run(vec![("read", site.actor(Place::Home, 2, vec![Verb::Read]))]);
    site.world.set_options(SimOptions { latency: Duration::from_millis(50), ..SimOptions::calm() });
    site.run(vec![
        ("prune", site.actor(Place::Home, 3, vec![prune(), prune()])),
        ("repair", site.actor(Place::Home, 4, vec![Verb::RepairSnapshots])),
    ]);
    let is_back = site.world.memory().list(Folder::Snapshots).unwrap().iter().any(|listed| {
        // A tombstone is shorter.
        listed.size > 150
    });
    examine(&site, &[Place::Home]);
    let failures =
        site.notes().failures.iter().map(|failure| format!("seed {seed}: {failure}")).collect();
    (failures, is_back)
}

fn names(site: &Site, folder: Folder) -> Vec<ObjectName> {
    let listed = site.world.memory().list(folder).unwrap();
    listed.into_iter().map(|listed| listed.name).collect()
}

fn backup() -> Verb {
    let mut chance = Chance::new(0);
    let kinds = kinds(&mut chance);
    let tree = Tree::draw(&mut chance, &kinds);
    Verb::Backup(Backup { host: "alpha", number: 1, tree, remembers: false })
}

fn prune() -> Verb {
    let thrift = Thrift { tolerated: 0.0, small: 0, rewrite: true };
    Verb::Prune(Prune { judgement: Judgement::Exact, patience: Duration::ZERO, thrift })
}
