//! Bytes from outside, right and wrong: each body of `tests/fuzz_bodies` over its corpus, and over
//! mutations of that for `SNAP_TORTURE_SECONDS`. Memory is counted, and the stack is small.

mod corpus;
mod mutation;
mod seeds;

use crate::fuzz_bodies::{TARGETS, Target};
use crate::support::{Chance, peak, torture_time};
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// Items of a list, and the memory that the object may take, in bytes.
const ITEMS: u32 = 4 << 20;
const MOST: usize = 256 << 20;

#[test]
fn the_corpus_is_read_or_refused() {
    for target in wanted() {
        on_small_stack(target, move || {
            for (name, bytes) in corpus::of(target.name) {
                // The first time also makes what is made once.
                let _ = problem(target, &bytes);
                if let Some(why) = problem(target, &bytes) {
                    panic!("{}: fixtures/fuzz/{0}/{name}: {why}", target.name);
                }
            }
        });
    }
}

#[test]
fn mutations_are_read_or_refused() {
    let targets: Vec<&'static Target> = wanted().collect();
    let budget = torture_time() / u32::try_from(targets.len()).unwrap().max(1);
    let first = Chance::of_this_run().seed();
    for target in targets {
        let count = on_small_stack(target, move || {
            let corpus: Vec<Vec<u8>> =
                corpus::of(target.name).into_iter().map(|(_, bytes)| bytes).collect();
            corpus.first().map(|bytes| problem(target, bytes));
            let (begun, current) = (Instant::now(), Current::of(target));
            let mut seed = first;
            while begun.elapsed() < budget {
                let bytes = mutation::mutated(&corpus, &mut Chance::new(seed));
                current.is(&bytes);
                if let Some(why) = problem(target, &bytes) {
                    panic!("{}", report(target, seed, &bytes, &why));
                }
                seed += 1;
            }
            seed - first
        });
        eprintln!("{}: {count} inputs from seed {first} on", target.name);
    }
}

/// Items that take a byte each, and hundreds of bytes in memory: without a bound gigabytes.
#[test]
fn lists_of_nothings_take_little_memory() {
    for (name, key, item) in [
        ("tree_piece", b'e', 0x80_u8),
        ("tree_piece", b'c', 0x80),
        ("index", b'p', 0x80),
        ("snapshot", b's', 0x80),
        ("key_slot", b'e', 0x80),
    ] {
        let target = TARGETS.iter().find(|target| target.name == name).unwrap();
        let mut bytes = [&[0x81, 0xa1, key, 0xdd][..], &ITEMS.to_be_bytes()].concat();
        bytes.resize(bytes.len() + ITEMS as usize, item);
        let ((), most) = peak(|| (target.body)(&bytes));
        assert!(most < MOST, "{name}: {most} bytes for {ITEMS} items in {:?}", char::from(key));
    }
}

/// All, or the one that `SNAP_FUZZ` names.
fn wanted() -> impl Iterator<Item = &'static Target> {
    let only = std::env::var("SNAP_FUZZ").ok();
    TARGETS.iter().filter(move |target| only.as_ref().is_none_or(|only| only == target.name))
}

/// Depth that others choose must fit.
fn on_small_stack<T: Send + 'static>(
    target: &Target,
    run: impl FnOnce() -> T + Send + 'static,
) -> T {
    let thread = std::thread::Builder::new().stack_size(target.stack).spawn(run).unwrap();
    thread.join().unwrap_or_else(|cause| std::panic::resume_unwind(cause))
}

/// What is wrong with how the bytes are taken.
fn problem(target: &Target, bytes: &[u8]) -> Option<String> {
    let (done, most) = peak(|| catch_unwind(AssertUnwindSafe(|| (target.body)(bytes))));
    let (for_each, beside) = target.memory;
    match done {
        Err(cause) => {
            let text = cause.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| cause.downcast_ref::<&str>().copied());
            Some(text.unwrap_or("a panic").to_owned())
        }
        Ok(()) if most > beside + for_each * bytes.len() => {
            Some(format!("it takes {most} bytes of memory for {} bytes", bytes.len()))
        }
        Ok(()) => None,
    }
}

/// How to see it again, and what to put into the corpus.
fn report(target: &Target, seed: u64, bytes: &[u8], why: &str) -> String {
    let name = target.name;
    let path = std::env::temp_dir().join(format!("snap-fuzz-{name}-{seed}"));
    let kept = std::fs::write(&path, bytes).map(|()| path.display().to_string());
    let kept = kept.unwrap_or_else(|error| error.to_string());
    let shown: String = bytes.iter().take(2000).map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{name}: {why}\nagain: SNAP_SEED={seed} SNAP_FUZZ={name} cargo test mutations_are\n\
         the {} bytes, for fixtures/fuzz/{name}: {kept}\n{shown}",
        bytes.len()
    )
}

/// A file with what is being tried, which is left behind where the process dies of it.
struct Current {
    file: std::fs::File,
    path: std::path::PathBuf,
}

impl Current {
    fn of(target: &Target) -> Self {
        let name = format!("snap-fuzz-{}-dies-of-{}", target.name, std::process::id());
        let path = std::env::temp_dir().join(name);
        Self { file: std::fs::File::create(&path).unwrap(), path }
    }

    fn is(&self, bytes: &[u8]) {
        self.file.write_all_at(bytes, 0).unwrap();
        self.file.set_len(bytes.len() as u64).unwrap();
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
