//! What happens in a world of one seed: a repository with a past, then storms in which several
//! verbs meet.

use super::actors::{Backup, Judgement, Prune, Verb};
use super::chance::Chance;
use super::site::{Body, Site};
use super::tree::{Tree, kinds};
use snapstore::model::SessionId;
use snapstore::ops::{ReadData, Thrift};
use snapstore::storage::sim::{Fault, Planned, SimOptions};
use std::time::Duration;

/// The machines that back up.
const HOSTS: [&str; 2] = ["alpha", "beta"];

pub struct Scenario {
    pub site: Site,
    chance: Chance,
    kinds: Vec<usize>,
    hosts: [Host; 2],
    labels: u32,
    processes: u32,
}

/// What a machine has, and what it knows of its last snapshot.
struct Host {
    tree: Tree,
    recorded: Option<(SessionId, Tree)>,
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
        let hosts =
            [(); 2].map(|()| Host { tree: Tree::draw(&mut chance, &kinds), recorded: None });
        Self { site, chance, kinds, hosts, labels: 0, processes: 0 }
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
            self.meet(vec![(HOSTS[host], backup)]);
        }
        let forget = Verb::Forget(self.chance.within(0..3));
        self.meet(vec![("forget", forget)]);
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
        self.meet(vec![(name, verb)]);
    }

    /// Two backups, often a prune, and others at once. What is killed, or fails, is tried again
    /// by the next storm.
    fn storm(&mut self) {
        let weather = self.weather();
        self.site.world.set_options(weather);
        let mut verbs = vec![(HOSTS[0], self.backup(0)), (HOSTS[1], self.backup(1))];
        let read = self.chance.pick(&[ReadData::None, ReadData::All]);
        let others = [
            (1, ("prune", self.prune())),
            (3, ("another prune", self.prune())),
            (2, ("forget", Verb::Forget(self.chance.within(1..3)))),
            (4, ("check", Verb::Check(read))),
            (5, ("read", Verb::Read)),
            (8, ("repair", Verb::RepairIndex)),
        ];
        for (rarity, other) in others {
            if self.chance.one_in(rarity) {
                verbs.push(other);
            }
        }
        self.meet(verbs);
    }

    /// Runs verbs beside each other, each in a process of its own.
    fn meet(&mut self, verbs: Vec<(&'static str, Verb)>) {
        let site = &self.site;
        let actors = verbs.into_iter().map(|(name, verb)| {
            self.processes += 1;
            (name, site.actor(self.processes, verb))
        });
        site.run(actors.collect());
        (0..2).for_each(|host| self.remember(host));
    }

    /// A host knows the last snapshot that was reported to it.
    fn remember(&mut self, host: usize) {
        let notes = self.site.notes();
        let number = |label: &str| label.rsplit_once('.').and_then(|(_, n)| n.parse::<u32>().ok());
        let of_host = notes.committed.iter().filter(|(_, label)| label.starts_with(HOSTS[host]));
        let last = of_host.max_by_key(|(_, label)| number(label));
        self.hosts[host].recorded = last.map(|(id, label)| (*id, notes.trees[label].clone()));
    }

    /// A backup of what the host has now.
    fn backup(&mut self, host: usize) -> Verb {
        let Host { tree, recorded } = &mut self.hosts[host];
        *tree = tree.later(&mut self.chance, &self.kinds);
        // Now and then the local cache is lost.
        let recorded = recorded.clone().filter(|_| !self.chance.one_in(6));
        self.labels += 1;
        let label = format!("{}.{}", HOSTS[host], self.labels);
        Verb::Backup(Backup { label, tree: tree.clone(), recorded })
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
