//! What happens in a world of one seed: a repository with a past, then storms in which several
//! verbs meet.

use super::actors::{Backup, Judgement, Prune, Verb};
use super::chance::Chance;
use super::site::{Body, Place, Site};
use super::tree::{Tree, kinds};
use snapstore::ops::{ReadData, Thrift};
use snapstore::storage::sim::{Fault, Planned, SimOptions};
use std::time::Duration;

/// The machines that back up.
const HOSTS: [&str; 2] = ["alpha", "beta"];
/// The machine with a database.
const DATABASE: &str = "gamma";

pub struct Scenario {
    pub site: Site,
    chance: Chance,
    kinds: Vec<usize>,
    /// What each host has.
    trees: [Tree; 2],
    /// Nothing changes, and everything is forgotten and backed up again: all that a prune
    /// condemns is wanted again.
    ghosts: bool,
    /// What the database has, if there is one.
    database: Option<Tree>,
    /// Whether snapshots are copied to the second repository.
    copies: bool,
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
        let database = chance.one_in(5).then(|| Tree::collection(&mut chance));
        let copies = chance.one_in(6);
        let (backups, processes) = (0, 0);
        Self { site, chance, kinds, trees, ghosts, database, copies, backups, processes }
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

    /// The repositories that anything happens in.
    pub fn places(&self) -> &'static [Place] {
        if self.copies { &[Place::Home, Place::Copy] } else { &[Place::Home] }
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
        if self.database.is_some() {
            let backups = self.documents();
            self.meet(vec![(DATABASE, backups)]);
        }
        if self.copies && self.chance.one_in(2) {
            self.meet(vec![("copy", vec![Verb::Copy])]);
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
        let undone_rate = SimOptions::stormy().undone_rate;
        self.site.world.set_options(SimOptions { planned, undone_rate, ..SimOptions::calm() });
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
            (8, ("repair snapshots", vec![Verb::RepairSnapshots])),
            (8, ("restore", vec![Verb::Restore])),
            (6, ("keys", vec![Verb::ChangeKeys(100), Verb::ChangeKeys(110)])),
        ];
        for (rarity, other) in others {
            if self.chance.one_in(rarity) {
                actors.push(other);
            }
        }
        if self.database.is_some() {
            actors.push((DATABASE, self.documents()));
        }
        let mut actors = at(Place::Home, actors);
        if self.copies {
            actors.extend(self.about_copies());
        }
        self.meet_at(actors);
    }

    /// What happens to the second repository, and from there.
    fn about_copies(&mut self) -> Vec<(Place, Actor)> {
        let mut actors = at(Place::Home, vec![("copy", vec![Verb::Copy, Verb::Copy])]);
        let others = [
            (2, ("prune copy", self.prunes())),
            (4, ("another copy", vec![Verb::Copy])),
            (6, ("check copy", vec![Verb::Check(ReadData::None)])),
        ];
        for (rarity, other) in others {
            let place = if other.0 == "another copy" { Place::Home } else { Place::Copy };
            if self.chance.one_in(rarity) {
                actors.push((place, other));
            }
        }
        actors
    }

    /// Backups of the database.
    fn documents(&mut self) -> Vec<Verb> {
        let Some(mut tree) = self.database.clone() else { return Vec::new() };
        let mut verbs = Vec::new();
        for _ in 0..self.chance.pick(&[1, 2, 3]) {
            tree = tree.collection_later(&mut self.chance);
            self.backups += 1;
            let remembers = !self.chance.one_in(6);
            let (host, number) = (DATABASE, self.backups);
            verbs.push(Verb::BackupDocuments(Backup {
                host,
                number,
                tree: tree.clone(),
                remembers,
            }));
        }
        self.database = Some(tree);
        verbs
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
    fn meet(&mut self, actors: Vec<Actor>) {
        self.meet_at(at(Place::Home, actors));
    }

    fn meet_at(&mut self, actors: Vec<(Place, Actor)>) {
        let site = &self.site;
        let actors = actors.into_iter().map(|(place, (name, verbs))| {
            self.processes += 1;
            (name, site.actor(place, self.processes, verbs))
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
            set_rate: storm.set_rate * self.chance.pick(&[0.0, 0.0, 1.0]),
            ..storm
        }
    }
}

/// A name, and what it does.
type Actor = (&'static str, Vec<Verb>);

fn at(place: Place, actors: Vec<Actor>) -> Vec<(Place, Actor)> {
    actors.into_iter().map(|actor| (place, actor)).collect()
}
