//! What happens in a world of one seed: a repository with a past, then storms in which several
//! verbs meet.

use super::actors::{Backup, Judgement, Prune, Verb};
use super::chance::Chance;
use super::site::{Body, Site};
use super::tree::{Tree, kinds};
use snapstore::ops::{ReadData, Thrift};
use snapstore::storage::sim::{Fault, Planned, SimOptions};
use std::time::Duration;

/// The machines that back up.
const HOSTS: [&str; 2] = ["alpha", "beta"];

pub struct Scenario {
    pub site: Site,
    chance: Chance,
    kinds: Vec<usize>,
    /// What each host has.
    trees: [Tree; 2],
    /// Nothing changes, and everything is forgotten and backed up again: all that a prune
    /// condemns is wanted again.
    ghosts: bool,
    backups: u32,
    processes: u32,
}

impl Scenario {
    pub fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let mut site = Site::new(seed);
        site.patient = chance.one_in(2);
        if chance.one_in(16) {
            site.caches = Some(tempfile::tempdir().unwrap());
        }
        let kinds = kinds(&mut chance);
        let trees = [(); 2].map(|()| Tree::draw(&mut chance, &kinds));
        let ghosts = chance.one_in(4);
        Self { site, chance, kinds, trees, ghosts, backups: 0, processes: 0 }
    }

    /// Everything up to the calm after the storms.
    pub fn play(&mut self) {
        self.past();
        if self.chance.one_in(2) {
            self.crash();
        }
        for _ in 0..self.chance.within(1..3) {
            self.storm();
        }
        self.site.world.set_options(SimOptions::calm());
    }

    /// Some snapshots, of which some are forgotten.
    fn past(&mut self) {
        let init: Body<'_> = Box::new(|_, context| self.site.init(&context));
        self.site.run(vec![("init", init)]);
        for _ in 0..self.chance.within(1..4) {
            let host = self.chance.within(0..2);
            let backup = self.backup(host);
            self.meet(vec![(HOSTS[host], vec![backup])]);
        }
        let forget = Verb::Forget(if self.ghosts { 3 } else { self.chance.within(0..3) });
        self.meet(vec![("forget", vec![forget])]);
    }

    /// A verb is killed at one of its calls, and left lying.
    fn crash(&mut self) {
        let host = self.chance.within(0..2);
        let (name, verb, calls) = match self.chance.one_in(2) {
            true => ("prune", self.prune(), 120),
            false => (HOSTS[host], self.backup(host), 30),
        };
        let fault = self.chance.pick(&[Fault::CrashBefore, Fault::CrashAfter]);
        let call = self.chance.within(0..calls);
        let planned = vec![Planned { actor: name.to_string(), call, fault }];
        self.site.world.set_options(SimOptions { planned, ..SimOptions::calm() });
        self.meet(vec![(name, vec![verb])]);
    }

    /// Backups of both hosts, a prune, and others at once. What is killed, or fails, is tried
    /// again by the next storm.
    fn storm(&mut self) {
        let weather = self.weather();
        self.site.world.set_options(weather);
        let mut actors = vec![(HOSTS[0], self.backups(0)), (HOSTS[1], self.backups(1))];
        let read = self.chance.pick(&[ReadData::None, ReadData::All]);
        let others = [
            (1, ("prune", self.prunes())),
            (3, ("another prune", self.prunes())),
            (2, ("forget", [(); 4].map(|()| self.forget()).into())),
            (4, ("check", vec![Verb::Check(read)])),
            (5, ("read", vec![Verb::Read])),
            (8, ("repair", vec![Verb::RepairIndex])),
        ];
        for (rarity, other) in others {
            if self.chance.one_in(rarity) {
                actors.push(other);
            }
        }
        self.meet(actors);
    }

    fn backups(&mut self, host: usize) -> Vec<Verb> {
        let count = self.chance.pick(&[1, 1, 2, 3]);
        (0..count).map(|_| self.backup(host)).collect()
    }

    fn prunes(&mut self) -> Vec<Verb> {
        let count = self.chance.pick(&[1, 1, 2]);
        (0..count).flat_map(|_| [self.forget(), self.prune()]).collect()
    }

    fn forget(&mut self) -> Verb {
        Verb::Forget(self.chance.within(0..3))
    }

    /// Lets actors, each a process of its own, meet.
    fn meet(&mut self, actors: Vec<(&'static str, Vec<Verb>)>) {
        let site = &self.site;
        let actors = actors.into_iter().map(|(name, verbs)| {
            self.processes += 1;
            (name, site.actor(self.processes, verbs))
        });
        site.run(actors.collect());
    }

    /// A backup of what the host has now.
    fn backup(&mut self, host: usize) -> Verb {
        if !self.ghosts {
            self.trees[host] = self.trees[host].later(&mut self.chance, &self.kinds);
        }
        self.backups += 1;
        Verb::Backup(Backup {
            host: HOSTS[host],
            number: self.backups,
            tree: self.trees[host].clone(),
            remembers: !self.chance.one_in(6),
        })
    }

    fn prune(&mut self) -> Verb {
        use Judgement::*;
        let chance = &mut self.chance;
        let judgement = chance.pick(&[Exact, Exact, Patient, Rash]);
        let patience = Duration::from_millis(chance.pick(&[0, 1000, 5000]));
        let thrift = Thrift {
            tolerated: chance.pick(&[0.0, 0.0, 0.05]),
            small: chance.pick(&[0, 4 << 20]),
            rewrite: !chance.one_in(8),
        };
        Verb::Prune(Prune { judgement, patience, thrift })
    }

    fn weather(&mut self) -> SimOptions {
        let storm = SimOptions::stormy();
        let force = self.chance.pick(&[0.0, 0.05, 0.2, 1.0]);
        SimOptions {
            error_rate: storm.error_rate * force,
            lost_reply_rate: storm.lost_reply_rate * force,
            crash_rate: storm.crash_rate * force,
            late_rate: storm.late_rate * self.chance.pick(&[0.0, 1.0]),
            jump_rate: storm.jump_rate * self.chance.pick(&[0.0, 0.1, 1.0]),
            ..storm
        }
    }
}
