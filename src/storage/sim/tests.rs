use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::storage::{Folder, ObjectName, Put, StorageError, Verb};

fn name(text: &str) -> ObjectName {
    text.parse().unwrap()
}

/// A verb that writes, lists, waits and deletes, and does not mind what goes wrong.
fn busy<'a>() -> Body<'a> {
    Box::new(|storage, context| {
        for round in 0..6 {
            let digit = context.entropy.bytes::<1>()[0] % 4;
            let name = name(&format!("index/{digit}"));
            let _ = storage.put_if_absent(&name, context.clock.now().to_string().as_bytes());
            for object in storage.list(Folder::Index).unwrap_or_default() {
                let _ = storage.get(&object.name, 100);
            }
            (context.pause)(Duration::from_secs(round));
            let _ = storage.delete(&name);
        }
    })
}

fn busy_run(seed: u64, options: SimOptions) -> Run {
    SimWorld::new(seed, options).run(vec![("a", busy()), ("b", busy()), ("c", busy())])
}

#[test]
fn a_seed_is_a_run_byte_for_byte() {
    for seed in 0..50 {
        let first = busy_run(seed, SimOptions::stormy());
        let second = busy_run(seed, SimOptions::stormy());
        assert_eq!(first.trace.to_string(), second.trace.to_string());
        assert_ne!(first.trace, busy_run(seed + 1, SimOptions::stormy()).trace);
    }
}

#[test]
fn everything_that_can_happen_happens() {
    let traces: Vec<Trace> =
        (0..50).map(|seed| busy_run(seed, SimOptions::stormy()).trace).collect();
    let happens = |what: &str| traces.iter().any(|trace| trace.to_string().contains(what));
    for what in [
        "[error]",
        "[lost reply]",
        "[crash before]",
        "[crash after]",
        ": late put",
        ": late delete",
        "time leaps",
        "clock set",
        "pause 5s",
        ": crashed",
        ": finished",
        ": exists",
        ": created",
    ] {
        assert!(happens(what), "{what}");
    }
}

/// How many times another actor goes on, per call.
fn switches(run: &Run) -> usize {
    run.trace.events.windows(2).filter(|pair| pair[0].actor != pair[1].actor).count()
}

#[test]
fn turns_are_mixed_finely_and_coarsely() {
    let lists = || -> Body<'_> {
        Box::new(|storage, _| (0..50).for_each(|_| drop(storage.get(&name("snap.json"), 1))))
    };
    let runs = (0..50).map(|seed| {
        SimWorld::new(seed, SimOptions::calm()).run(vec![("a", lists()), ("b", lists())])
    });
    let switches: Vec<usize> = runs.map(|run| switches(&run)).collect();
    assert!(switches.iter().any(|count| *count <= 3), "{switches:?}");
    assert!(switches.iter().any(|count| *count >= 35), "{switches:?}");
}

/// A counter that is read and then written without care loses an update in some run, and the
/// storage itself never lets two win.
#[test]
fn races_are_found_and_puts_are_won_once() {
    let mut raced = 0;
    for seed in 0..100 {
        let created = Mutex::new(Vec::new());
        let race = |which: usize| -> Body<'_> {
            let created = &created;
            Box::new(move |storage, _| {
                let next = storage.list(Folder::Config).unwrap().len();
                let name = name(&format!("config/{next}"));
                if storage.put_if_absent(&name, &[which as u8]).unwrap() == Put::Created {
                    created.lock().unwrap().push(name);
                }
            })
        };
        let world = SimWorld::new(seed, SimOptions::calm());
        world.run(vec![("one", race(1)), ("two", race(2))]);
        let mut created = created.into_inner().unwrap();
        created.sort();
        assert_eq!(created, world.memory().names());
        raced += usize::from(created.len() == 1);
    }
    assert!((10..90).contains(&raced), "{raced}");
}

#[test]
fn a_listing_is_no_single_moment() {
    let mut seen = [false; 4];
    for seed in 0..200 {
        let put = |storage: Arc<dyn Storage>, _| {
            for text in ["keys/1", "keys/2"] {
                storage.put_if_absent(&name(text), b"x").unwrap();
            }
        };
        let listed = Mutex::new(Vec::new());
        let list: Body<'_> = Box::new(|storage, _| {
            let objects = storage.list(Folder::Keys).unwrap();
            *listed.lock().unwrap() = objects.into_iter().map(|object| object.name).collect();
        });
        SimWorld::new(seed, SimOptions::calm()).run(vec![("put", Box::new(put)), ("list", list)]);
        let listed = listed.into_inner().unwrap();
        let bit = |text: &str| usize::from(listed.contains(&name(text)));
        seen[bit("keys/1") + 2 * bit("keys/2")] = true;
    }
    assert_eq!(seen, [true; 4]);
}

#[test]
fn a_planned_crash_ends_an_actor_there_and_then() {
    for (fault, stored) in [(Fault::CrashBefore, 1), (Fault::CrashAfter, 2)] {
        let planned = vec![Planned { actor: "victim".to_string(), call: 1, fault }];
        let world = SimWorld::new(7, SimOptions { planned, ..SimOptions::calm() });
        let puts = || -> Body<'_> {
            Box::new(|storage, context| {
                let name = |number: usize| name(&format!("keys/{}-{number}", context.name));
                // What a verb does on its way out reaches nothing any more.
                let _guard = PutsWhenDropped(storage.clone());
                for number in 0..3 {
                    storage.put_if_absent(&name(number), b"x").unwrap();
                }
            })
        };
        let run = world.run(vec![("victim", puts()), ("other", puts())]);
        assert_eq!(run.endings, [Ending::Crashed, Ending::Finished]);
        let names = world.memory().names();
        let of_victim = names.iter().filter(|name| name.rest().starts_with("victim"));
        assert_eq!(of_victim.count(), stored);
        let late = run.trace.to_string();
        assert_eq!(late.matches("victim: put").count(), 2, "{late}");
    }
}

#[test]
fn a_deletion_without_a_later_put_may_come_undone_by_a_crash() {
    let back = |puts: bool| {
        let is_back = |seed: u64| {
            let call = if puts { 2 } else { 1 };
            let fault = Fault::CrashBefore;
            let planned = vec![Planned { actor: "a".to_string(), call, fault }];
            let options = SimOptions { planned, undone_rate: 0.5, ..SimOptions::calm() };
            let world = SimWorld::new(seed, options);
            world.memory().overwrite(&name("keys/1"), b"x");
            let body: Body<'_> = Box::new(|storage, _| {
                storage.delete(&name("keys/1")).unwrap();
                if puts {
                    storage.put_if_absent(&name("keys/2"), b"x").unwrap();
                }
                storage.list(Folder::Keys).unwrap();
            });
            world.run(vec![("a", body)]);
            world.memory().raw(&name("keys/1")).is_some()
        };
        (0..20).filter(|seed| is_back(*seed)).count()
    };
    assert!((1..20).contains(&back(false)));
    assert_eq!(back(true), 0);
}

#[test]
fn clocks_are_set_each_for_itself() {
    let farthest_set = Duration::from_secs(20 * 365 * 24 * 3600);
    let options = SimOptions { set_rate: 0.5, farthest_set, ..SimOptions::calm() };
    let world = SimWorld::new(1, options);
    let begin = world.clock().now();
    let differs = Mutex::new(0);
    let body: Body<'_> = Box::new(|storage, context| {
        for _ in 0..20 {
            storage.list(Folder::Keys).unwrap();
            let apart = context.clock.now().duration_since(world.clock().now());
            *differs.lock().unwrap() += usize::from(apart.unsigned_abs() > farthest_set / 20);
        }
    });
    world.run(vec![("a", body)]);
    assert!(differs.into_inner().unwrap() > 10);
    assert!(world.clock().now().duration_since(begin).unsigned_abs() > farthest_set / 20);
}

struct PutsWhenDropped(Arc<dyn Storage>);

impl Drop for PutsWhenDropped {
    fn drop(&mut self) {
        let _ = self.0.put_if_absent(&name("snap.json"), b"x");
    }
}

#[test]
fn who_catches_a_crash_is_dead_all_the_same() {
    let planned = vec![Planned { actor: "a".to_string(), call: 0, fault: Fault::CrashBefore }];
    let world = SimWorld::new(1, SimOptions { planned, ..SimOptions::calm() });
    let body: Body<'_> = Box::new(|storage, context| {
        let call = || storage.list(Folder::Keys);
        catch_unwind(AssertUnwindSafe(call)).unwrap_err();
        (context.pause)(Duration::from_secs(1));
        assert!(matches!(call(), Err(StorageError::Failed { .. })));
    });
    assert_eq!(world.run(vec![("a", body)]).endings, [Ending::Crashed]);
}

#[test]
fn a_second_thread_is_refused() {
    let body: Body<'_> = Box::new(|storage, _| {
        let other = || storage.list(Folder::Keys).unwrap_err();
        let error = std::thread::scope(|scope| scope.spawn(other).join().unwrap());
        assert!(matches!(error, StorageError::Failed { .. }));
    });
    SimWorld::new(1, SimOptions::calm()).run(vec![("a", body)]);
}

#[test]
fn time_passes_when_all_wait() {
    let world = SimWorld::new(1, SimOptions::default());
    let (begin, order) = (world.clock().now(), Mutex::new(Vec::new()));
    let sleeper = |hours: u64| -> Body<'_> {
        let order = &order;
        Box::new(move |_, context| {
            (context.pause)(Duration::from_secs(hours * 3600));
            order.lock().unwrap().push((hours, context.clock.now()));
        })
    };
    world.run(vec![("long", sleeper(48)), ("short", sleeper(1))]);
    let hour = |hours: i64| begin + jiff::SignedDuration::from_hours(hours);
    assert_eq!(order.into_inner().unwrap(), [(1, hour(1)), (48, hour(48))]);
}

#[test]
fn a_failure_names_its_seed_and_actor() {
    let examine = |seed: u64| {
        let body: Body<'_> = Box::new(move |storage, _| {
            storage.list(Folder::Keys).unwrap();
            // Not by panic!, which would print.
            std::panic::resume_unwind(Box::new(if seed == 3 { "broken" } else { return }));
        });
        SimWorld::new(seed, SimOptions::calm()).run(vec![("backup", body)]);
    };
    let panic = catch_unwind(|| explore(0..10, examine)).unwrap_err();
    let text = message(&*panic);
    assert!(text.contains("seed 3: backup panicked: broken"), "{text}");
    assert!(text.contains("backup: list keys/"), "{text}");
}

#[test]
fn the_storage_lives_on_from_run_to_run() {
    let failing = SimOptions { error_rate: 0.3, ..SimOptions::calm() };
    let world = SimWorld::new(1, failing);
    world.run(vec![("a", busy()), ("b", busy())]);
    world.set_options(SimOptions::calm());
    let before = world.memory().names();
    let look: Body<'_> = Box::new(|storage, _| {
        let mut names: Vec<_> =
            storage.list(Folder::Index).unwrap().into_iter().map(|object| object.name).collect();
        names.sort();
        assert_eq!(names, before);
    });
    let run = world.run(vec![("look", look)]);
    let calls = run.trace.events.iter().filter(
        |event| matches!(&event.incident, Incident::Call { call, .. } if call.verb == Verb::List),
    );
    assert_eq!(calls.count(), 1);
}
