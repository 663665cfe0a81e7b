//! Restores in place and their rollbacks: what was there before comes back exactly, also after
//! `kill -9` at any moment.

use crate::support::{Chance, World, run, torture_time};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A world with a repository, and its tree `bot`.
fn world() -> World {
    let mut world = World::new();
    world.write("key", format!("snap-key-1 {}\n", "5a".repeat(32)));
    world.set("SNAP_REPOSITORY", "repository");
    world.set("SNAP_KEY_FILE", "key");
    world.snap(["init"]).success();
    world
}

fn manifest(world: &World) -> String {
    world.manifest(["bot"]).success()
}

fn restore<'a>(world: &World, more: &[&'a str]) -> String {
    let fixed: [&'a str; 6] = ["restore", "latest", "--conflict", "overwrite", "--yes", "bot"];
    world.snap(fixed.iter().chain(more)).success()
}

fn rollback(world: &World) -> String {
    world.snap(["rollback", "--yes"]).success()
}

/// Folders of 100 files, with links of both kinds, modes, and names that are not text.
fn make_tree(world: &World, files: usize) {
    for number in 0..files {
        let name = format!("bot/d{}/f{number}", number / 100);
        world.write(&name, format!("{number} ").repeat(1 + number % 300));
        if number % 50 == 0 {
            fs::hard_link(world.path(&name), world.path(format!("{name}-linked"))).unwrap();
            symlink("f1", world.path(format!("{name}-symbolic"))).unwrap();
        }
    }
    world.write("bot/kind/file", "a file");
    world.write("bot/kind/folder/below/file", "in a folder");
    world.write("bot/gone/below/file", "all of this goes");
    fs::create_dir(world.path("bot/empty")).unwrap();
    world.write(OsStr::from_bytes(b"bot/ new\nline \xff\x1b"), "odd");
}

/// Some change, some go, some are new; kinds and links change.
fn change_tree(world: &World, files: usize) {
    let path = |name: &str| world.path(format!("bot/{name}"));
    for number in 0..files {
        let name = format!("d{}/f{number}", number / 100);
        match number % 11 {
            0 => fs::write(path(&name), format!("changed {number}")).unwrap(),
            1 => fs::remove_file(path(&name)).unwrap(),
            2 => fs::write(path(&format!("{name}-new")), "new").unwrap(),
            3 => fs::set_permissions(path(&name), fs::Permissions::from_mode(0o600)).unwrap(),
            _ => {}
        }
        if number % 100 == 0 {
            fs::remove_file(path(&format!("{name}-linked"))).unwrap();
            // It is linked to another file now.
            let other = path(&name).with_file_name(format!("f{}", number + 4));
            fs::hard_link(other, path(&format!("{name}-linked"))).unwrap();
        }
    }
    fs::remove_file(path("kind/file")).unwrap();
    world.write("bot/kind/file/now/a/folder", "with a file");
    fs::remove_dir_all(path("kind/folder")).unwrap();
    fs::write(path("kind/folder"), "now a file").unwrap();
    fs::remove_dir_all(path("gone")).unwrap();
    fs::remove_dir(path("empty")).unwrap();
    world.write("bot/added/below/file", "was not there");
    fs::set_permissions(path("d0"), fs::Permissions::from_mode(0o750)).unwrap();
}

#[test]
fn a_rollback_gives_back_what_was_there_exactly() {
    let world = world();
    make_tree(&world, 300);
    let saved = manifest(&world);
    world.snap(["backup", "bot"]).success();
    change_tree(&world, 300);
    let before = manifest(&world);
    for more in [&["--delete"][..], &[]] {
        restore(&world, more);
        if !more.is_empty() {
            assert_eq!(manifest(&world), saved);
        }
        rollback(&world);
        assert_eq!(manifest(&world), before, "{more:?}");
    }
    // A rollback can be rolled back, and that again.
    restore(&world, &["--delete"]);
    rollback(&world);
    let listed = world.snap(["rollback", "--list", "--json"]).success();
    let last: serde_json::Value = serde_json::from_str(listed.lines().last().unwrap()).unwrap();
    assert_eq!(last["kind"], "rollback");
    world.snap(["rollback", "--yes", last["id"].as_str().unwrap()]).success();
    assert_eq!(manifest(&world), saved);
    rollback(&world);
    assert_eq!(manifest(&world), before);
    world.snap(["check", "--read-data"]).success();
}

#[test]
fn a_restore_of_which_nothing_is_left_hides_none_before_it() {
    let world = world();
    world.write("bot/a", "one");
    world.snap(["backup", "bot"]).success();
    world.write("bot/a", "of two words");
    let before = manifest(&world);
    restore(&world, &[]);
    world.write("bot/a", "three");
    let shell = |script| run(world.command("sh").args(["-c", script])).success();
    shell("cp -a bot saved");
    restore(&world, &[]);
    shell("cp -a saved/a bot/a && touch -r saved bot");
    let said = rollback(&world);
    assert!(said.contains("nothing is left to undo of restore"), "{said}");
    assert_eq!(manifest(&world), before);
    // It would bring back what was between the two.
    assert_eq!(world.snap(["rollback", "--yes"]).code, 5);
    assert_eq!(manifest(&world), before);
}

#[test]
fn other_strategies_keep_what_they_keep_and_are_undone() {
    let world = world();
    make_tree(&world, 100);
    world.snap(["backup", "bot"]).success();
    change_tree(&world, 100);
    let before = manifest(&world);
    for strategy in ["skip", "newest"] {
        let arguments = ["restore", "latest", "--conflict", strategy, "--yes", "bot"];
        world.snap(arguments).success();
        assert_eq!(fs::read_to_string(world.path("bot/d0/f0")).unwrap(), "changed 0");
        assert!(world.path("bot/d0/f1").exists() && world.path("bot/gone/below/file").exists());
        rollback(&world);
        assert_eq!(manifest(&world), before, "{strategy}");
    }
}

#[test]
fn one_file_comes_back_and_its_folder_is_as_it_was_after_the_rollback() {
    let world = world();
    make_tree(&world, 20);
    world.snap(["backup", "bot"]).success();
    world.write("bot/d0/f3", "changed");
    fs::remove_file(world.path("bot/d0/f4")).unwrap();
    let before = manifest(&world);
    let arguments = ["--conflict", "overwrite", "--yes", "bot/d0/f3", "bot/d0/f4"];
    world.snap(["restore", "latest"].iter().chain(&arguments)).success();
    assert!(fs::read_to_string(world.path("bot/d0/f3")).unwrap().starts_with("3 3 "));
    assert!(world.path("bot/d0/f4").exists());
    rollback(&world);
    assert_eq!(manifest(&world), before);
}

#[test]
fn what_was_changed_after_the_restore_is_kept_by_the_rollback() {
    let world = world();
    make_tree(&world, 20);
    world.snap(["backup", "bot"]).success();
    fs::remove_dir_all(world.path("bot/gone")).unwrap();
    let before = manifest(&world);
    restore(&world, &[]);
    world.write("bot/gone/below/file", "changed since");
    world.write("bot/gone/mine", "nobody's business");
    let plan = world.snap(["rollback", "--dry-run"]).success();
    assert!(plan.contains("1 thing that the restore made was changed since"), "{plan}");
    rollback(&world);
    // What the restore did not make stays, with its folder.
    assert!(world.path("bot/gone/mine").exists());
    assert!(!world.path("bot/gone/below").exists());
    world.snap(["restore", &newest_safety(&world), "--target", "out"]).success();
    let kept = world.path("out").join(world.path("bot/gone/below/file").strip_prefix("/").unwrap());
    assert_eq!(fs::read_to_string(kept).unwrap(), "changed since");
    fs::remove_dir_all(world.path("bot/gone")).unwrap();
    let again = world.manifest(["bot"]).success();
    assert_eq!(again.lines().count(), before.lines().count());
}

#[test]
fn the_repository_is_never_in_the_way() {
    let mut world = world();
    fs::create_dir_all(world.path("bot/other")).unwrap();
    world.write("bot/store", "a file in the place of a folder");
    // Taken while the repository was elsewhere.
    world.snap(["backup", "bot"]).success();
    fs::remove_file(world.path("bot/store")).unwrap();
    fs::create_dir(world.path("bot/store")).unwrap();
    fs::rename(world.path("repository"), world.path("bot/store/repository")).unwrap();
    world.set("SNAP_REPOSITORY", "bot/store/repository");
    world.write("bot/other/new", "goes");
    let arguments = ["restore", "latest", "--conflict", "overwrite", "--yes", "--delete"];
    let output = world.snap(arguments);
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(output.stderr.contains("it holds the repository"), "{}", output.stderr);
    assert!(!world.path("bot/other/new").exists());
    assert!(world.path("bot/store/repository/snap.json").exists());
    // It came to its end: the next one is another one, and is undone by itself.
    world.write("bot/other/later", "goes");
    assert_eq!(world.snap(arguments).code, 1);
    rollback(&world);
    assert!(world.path("bot/other/later").exists() && !world.path("bot/other/new").exists());
    rollback(&world);
    assert!(world.path("bot/other/new").exists());
    world.snap(["check"]).success();
}

#[test]
fn a_link_that_was_planted_in_the_path_is_not_followed() {
    let world = world();
    world.write("bot/data/prices.json", "1");
    world.write("elsewhere/prices.json", "untouched");
    world.snap(["backup", "bot"]).success();
    fs::remove_dir_all(world.path("bot/data")).unwrap();
    symlink("../elsewhere", world.path("bot/data")).unwrap();
    let before = manifest(&world);
    restore(&world, &[]);
    assert_eq!(fs::read_to_string(world.path("elsewhere/prices.json")).unwrap(), "untouched");
    assert!(!world.path("bot/data").is_symlink());
    rollback(&world);
    assert_eq!(manifest(&world), before);
    assert_eq!(fs::read_to_string(world.path("elsewhere/prices.json")).unwrap(), "untouched");
}

#[test]
fn folders_that_cannot_be_written_are_no_obstacle() {
    let world = world();
    world.write("bot/locked/file", "1");
    let lock = |mode| fs::Permissions::from_mode(mode);
    fs::set_permissions(world.path("bot/locked"), lock(0o555)).unwrap();
    world.snap(["backup", "bot"]).success();
    fs::set_permissions(world.path("bot/locked"), lock(0o755)).unwrap();
    fs::remove_dir_all(world.path("bot/locked")).unwrap();
    let before = manifest(&world);
    restore(&world, &["--no-ownership", "--verify"]);
    assert_eq!(fs::read_to_string(world.path("bot/locked/file")).unwrap(), "1");
    rollback(&world);
    assert_eq!(manifest(&world), before);
}

#[test]
fn without_a_word_nothing_is_changed() {
    let world = world();
    world.write("bot/file", "1");
    world.snap(["backup", "bot"]).success();
    world.write("bot/file", "2");
    for more in [&["--yes"][..], &["--conflict", "skip"], &[]] {
        let output = world.snap(["restore", "latest"].iter().chain(more));
        assert_eq!(output.code, 2, "{more:?}");
        assert!(output.stderr.contains("--dry-run"), "{}", output.stderr);
    }
    assert_eq!(world.snap(["rollback"]).code, 2);
    assert_eq!(world.snap(["rollback", "--yes"]).code, 5);
    assert_eq!(fs::read_to_string(world.path("bot/file")).unwrap(), "2");
    // Where no safety snapshot can be stored, nothing is changed.
    fs::remove_dir_all(world.path("repository/packs")).unwrap();
    fs::write(world.path("repository/packs"), "in the way").unwrap();
    let output = world.snap(["restore", "latest", "--conflict", "overwrite", "--yes"]);
    assert_ne!(output.code, 0);
    assert_eq!(fs::read_to_string(world.path("bot/file")).unwrap(), "2");
}

#[test]
fn safety_snapshots_are_for_rollbacks_only() {
    let world = world();
    world.write("bot/file", "1");
    world.snap(["backup", "bot"]).success();
    world.write("bot/file", "2");
    restore(&world, &[]);
    let latest = world.snap(["restore", "latest", "--target", "out", "--json"]).success();
    assert!(latest.lines().next().unwrap().contains("\"kind\":\"backup\""), "{latest}");
    // Young ones stay, whatever the rules say.
    world.write("bot/file", "3");
    world.snap(["backup", "bot"]).success();
    world.snap(["prune", "--keep-last", "1", "--yes"]).success();
    let listed = world.snap(["snapshots"]).success();
    assert!(!listed.contains("(safety)") && listed.contains("1 snapshot\n"), "{listed}");
    let listed = world.snap(["snapshots", "--all"]).success();
    assert!(listed.contains("(safety)") && listed.contains("2 snapshots"), "{listed}");
    rollback(&world);
    assert_eq!(fs::read_to_string(world.path("bot/file")).unwrap(), "2");
}

/// What a backup did not take is not missing from it.
#[test]
fn what_backups_leave_out_is_not_deleted() {
    let mut world = world();
    let profile = "[profile.default]\nsources = [\"bot\"]\nexclude = [\"logs\"]\n\
                   exclude-caches = true\nexclude-larger-than = \"1k\"\n";
    world.write("snap.toml", profile);
    world.set("SNAP_CONFIG", "snap.toml");
    world.write("bot/file", "1");
    world.write("bot/part/.snapignore", "*.tmp");
    world.write("bot/cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55");
    world.snap(["backup"]).success();
    for spared in ["logs/today", "cache/thing", "part/x.tmp", "part/large"] {
        world.write(format!("bot/{spared}"), "1".repeat(2000));
    }
    for extra in ["extra/a", "extra/b", "part/y"] {
        world.write(format!("bot/{extra}"), "1");
    }
    let delete = ["restore", "latest", "bot", "--delete"];
    let counts = |more: &[&str]| {
        let output = world.snap(delete.iter().chain(more)).success();
        let line = output.lines().last().unwrap();
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["files_deleted"].clone()
    };
    assert_eq!(counts(&["--json", "--dry-run"]), 2);
    assert_eq!(counts(&["--json", "--conflict", "skip", "--yes"]), 2);
    for spared in ["logs/today", "cache/thing", "part/x.tmp", "part/large"] {
        assert!(world.path(format!("bot/{spared}")).exists(), "{spared}");
    }
    assert!(!world.path("bot/extra").exists() && !world.path("bot/part/y").exists());
    let again = world.snap(delete.iter().chain(&["--conflict", "skip", "--yes"])).success();
    assert!(again.contains("4 entries not deleted"), "{again}");
}

/// The folder of the notes of what is not finished.
fn notes(world: &World) -> PathBuf {
    let repositories = fs::read_dir(world.home().join(".local/state/snap/restores")).unwrap();
    repositories.map(|folder| folder.unwrap().path()).next().unwrap()
}

fn noted(world: &World) -> usize {
    fs::read_dir(notes(world)).unwrap().count()
}

/// The safety snapshot of the newest restore or rollback.
fn newest_safety(world: &World) -> String {
    let listed = world.snap(["rollback", "--list", "--json"]).success();
    let last: serde_json::Value = serde_json::from_str(listed.lines().last().unwrap()).unwrap();
    last["id"].as_str().unwrap().to_owned()
}

/// As if the newest one had been killed just before its end.
fn cut_off(world: &World) -> String {
    let safety = newest_safety(world);
    note_again(world, &safety);
    safety
}

fn note_again(world: &World, safety: &str) {
    fs::write(notes(world).join(safety), "").unwrap();
}

/// `bot` with a file and a folder in the snapshot, where the folder is a file now.
fn world_with_a_file_for_a_folder() -> World {
    let world = world();
    world.write("bot/c", "c");
    world.write("bot/d/a", "a");
    world.write("bot/d/below/b", "b");
    world.snap(["backup", "bot"]).success();
    fs::remove_dir_all(world.path("bot/d")).unwrap();
    world.write("bot/d", "x");
    world
}

#[test]
fn what_was_made_in_the_place_of_a_file_and_edited_since_is_kept() {
    let world = world_with_a_file_for_a_folder();
    restore(&world, &[]);
    cut_off(&world);
    world.write("bot/d/a", "edited");
    world.write("bot/d/below/mine", "new");
    let edited = world.manifest(["bot/d"]).success();
    restore(&world, &["--delete"]);
    assert_eq!(fs::read_to_string(world.path("bot/d/a")).unwrap(), "a");
    assert!(!world.path("bot/d/below/mine").exists());
    assert_eq!(noted(&world), 0);
    rollback(&world);
    assert_eq!(world.manifest(["bot/d"]).success(), edited);
}

#[test]
fn what_was_made_in_the_place_of_a_file_is_undone_with_the_run_that_was_cut_off() {
    let world = world_with_a_file_for_a_folder();
    let before = manifest(&world);
    restore(&world, &[]);
    let restored = manifest(&world);
    cut_off(&world);
    fs::remove_dir_all(world.path("bot/d/below")).unwrap();
    restore(&world, &[]);
    assert_eq!(manifest(&world), restored);
    rollback(&world);
    assert_eq!(manifest(&world), before);
}

#[test]
fn metadata_that_was_changed_since_is_kept() {
    let world = world();
    world.write("bot/file", "1");
    world.write("bot/folder/file", "1");
    let mode = |path: &str, mode| {
        fs::set_permissions(world.path(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    world.snap(["backup", "bot"]).success();
    mode("bot/file", 0o600);
    mode("bot/folder", 0o750);
    restore(&world, &[]);
    cut_off(&world);
    mode("bot/file", 0o640);
    mode("bot/folder", 0o711);
    let changed = manifest(&world);
    restore(&world, &[]);
    assert_ne!(manifest(&world), changed);
    rollback(&world);
    assert_eq!(manifest(&world), changed);
}

#[test]
fn one_that_ends_ends_all_that_it_went_on_with() {
    let world = world();
    world.write("bot/file", "1");
    world.write("bot/other", "1");
    world.snap(["backup", "bot"]).success();
    for undoes in [false, true] {
        world.write("bot/file", "before");
        world.write("bot/other", "before");
        let before = manifest(&world);
        restore(&world, &[]);
        let first = cut_off(&world);
        fs::remove_file(world.path("bot/other")).unwrap();
        restore(&world, &[]);
        cut_off(&world);
        note_again(&world, &first);
        if !undoes {
            fs::remove_file(world.path("bot/other")).unwrap();
            restore(&world, &[]);
            assert_eq!(noted(&world), 0);
        }
        rollback(&world);
        assert_eq!(noted(&world), 0);
        assert_eq!(manifest(&world), before);
    }
}

#[test]
fn nothing_older_than_another_restore_is_gone_on_with() {
    let world = world();
    world.write("bot/file", "1");
    world.snap(["backup", "bot"]).success();
    let first = world.snap(["snapshots", "--json"]).success();
    let first: serde_json::Value = serde_json::from_str(first.lines().next().unwrap()).unwrap();
    let first = first["id"].as_str().unwrap();
    world.write("bot/file", "22");
    world.snap(["backup", "bot"]).success();
    world.write("bot/file", "before");
    let arguments = ["--conflict", "overwrite", "--yes", "bot"];
    let restore_first = || world.snap(["restore", first].iter().chain(&arguments)).success();
    restore_first();
    let cut = cut_off(&world);
    // Also where the note is as if nothing had come after.
    for is_noted_again in [false, true] {
        restore(&world, &[]);
        assert_eq!(fs::read_to_string(world.path("bot/file")).unwrap(), "22");
        if is_noted_again {
            note_again(&world, &cut);
        } else {
            assert_eq!(noted(&world), 1);
        }
        restore_first();
        assert_eq!(noted(&world), 0);
        rollback(&world);
        assert_eq!(fs::read_to_string(world.path("bot/file")).unwrap(), "22");
        note_again(&world, &cut);
    }
}

#[test]
fn links_between_things_that_are_no_files_come_back() {
    let world = world();
    world.write("bot/a", "aa");
    symlink("a", world.path("bot/l")).unwrap();
    // Two that do not even differ in time are taken as what is wanted, linked or not.
    for (name, time) in [("bot/p", "2025-01-01"), ("bot/q", "2025-01-02")] {
        assert!(world.command("mkfifo").arg(name).status().unwrap().success());
        assert!(world.command("touch").args(["-d", time, name]).status().unwrap().success());
    }
    world.write("bot/other", "is linked in the snapshot");
    symlink("other", world.path("bot/s")).unwrap();
    fs::hard_link(world.path("bot/s"), world.path("bot/t")).unwrap();
    let saved = manifest(&world);
    world.snap(["backup", "bot"]).success();
    let link_anew = |from: &str, to: &str| {
        fs::remove_file(world.path(to)).unwrap();
        fs::hard_link(world.path(from), world.path(to)).unwrap();
    };
    link_anew("bot/l", "bot/a");
    link_anew("bot/p", "bot/q");
    fs::remove_file(world.path("bot/t")).unwrap();
    symlink("other", world.path("bot/t")).unwrap();
    let before = manifest(&world);
    for _ in 0..2 {
        restore(&world, &["--delete"]);
        assert_eq!(manifest(&world), saved);
        rollback(&world);
        assert_eq!(manifest(&world), before);
    }
}

/// Killed at any moment, a restore can be run again or rolled back, and a rollback too.
#[test]
fn a_restore_that_is_killed_ends_right() {
    let torture = std::env::var_os("SNAP_TORTURE_SECONDS").is_some();
    let (files, least) = if torture { (10_000, 20) } else { (1_000, 3) };
    let world = world();
    make_tree(&world, files);
    let saved = manifest(&world);
    world.snap(["backup", "bot"]).success();
    change_tree(&world, files);
    let before = manifest(&world);
    let begun = Instant::now();
    restore(&world, &["--delete"]);
    let usual = begun.elapsed();
    rollback(&world);
    assert_eq!(manifest(&world), before);
    let mut chance = Chance::of_this_run();
    let seed = chance.seed();
    let end = Instant::now() + torture_time();
    let mut rounds = 0;
    while rounds < least || Instant::now() < end {
        rounds += 1;
        let moment = usual.mul_f64(chance.fraction());
        let about = format!("seed {seed}, round {rounds}, killed after {moment:?}");
        let was_killed = kill_after(start(&world, &RESTORE), moment);
        if rounds % 2 == 0 || !was_killed {
            if rounds % 4 == 0 {
                kill_after(start(&world, &RESTORE), usual.mul_f64(chance.fraction()));
            }
            restore(&world, &["--delete"]);
            assert_eq!(manifest(&world), saved, "{about}: restored");
        }
        if rounds % 3 == 0 {
            kill_after(start(&world, &ROLLBACK), usual.mul_f64(chance.fraction()));
        }
        let output = world.snap(ROLLBACK);
        // It was killed before there was anything to undo.
        assert!(matches!(output.code, 0 | 5), "{about}: {}", output.stderr);
        assert_eq!(manifest(&world), before, "{about}: rolled back");
    }
    world.snap(["check"]).success();
    println!("seed {seed}: {rounds} rounds");
}

const RESTORE: [&str; 7] =
    ["restore", "latest", "--conflict", "overwrite", "--yes", "--delete", "bot"];
const ROLLBACK: [&str; 2] = ["rollback", "--yes"];

fn start(world: &World, arguments: &[&str]) -> Child {
    let mut command = world.command(env!("CARGO_BIN_EXE_snap"));
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Whether it was still running.
fn kill_after(mut child: Child, patience: Duration) -> bool {
    std::thread::sleep(patience);
    let was_running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    was_running
}

/// As `/srv` is above the folder of somebody who is not root.
#[test]
fn a_folder_above_that_is_somebody_elses_is_no_failure() {
    const NOBODY: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        return eprintln!("NOT RUN: only root can be somebody else");
    }
    let world = world();
    world.write("bot/config.py", "PORT = 8000");
    fs::set_permissions(world.root(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut chown = world.command("chown");
    chown.args(["-R", "65534:65534", "key", "repository", "bot"]).arg(world.home());
    run(&mut chown).success();
    let does = |arguments: &[&str]| {
        let mut command = world.command(env!("CARGO_BIN_EXE_snap"));
        run(command.args(arguments).uid(NOBODY).gid(NOBODY)).success()
    };
    does(&["backup", "bot"]);
    fs::write(world.path("bot/config.py"), "broken").unwrap();
    does(&["restore", "latest", "--conflict", "overwrite", "--yes"]);
    // Time goes by in the folder above.
    world.write("other", "");
    does(&["rollback", "--yes"]);
    assert_eq!(fs::read_to_string(world.path("bot/config.py")).unwrap(), "broken");
}
