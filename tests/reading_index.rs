//! Readers take the index as the local cache has it, without proof; what they read they prove.

use crate::support::World;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

fn world() -> World {
    let mut world = World::new();
    world.set("SNAP_REPOSITORY", "repository");
    world.snap(["init", "-q"]).success();
    for number in 0..300 {
        world.write(format!("bot/{number}"), format!("{number}").repeat(40));
    }
    world.snap(["backup", "bot"]).success();
    // A writer merges what it finds into the cache.
    world.write("bot/more", "more");
    world.snap(["backup", "bot"]).success();
    world
}

/// The merged index of the only repository.
fn cached(world: &World) -> PathBuf {
    let found = files_below(world.home());
    let is_index = |path: &&PathBuf| path.file_name().is_some_and(|name| name == "index");
    found.iter().find(is_index).unwrap().clone()
}

fn files_below(folder: PathBuf) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files_below(path)),
            false => found.push(path),
        }
    }
    found
}

#[test]
fn a_cache_with_wrong_lines_hides_nothing() {
    let world = world();
    let cache = cached(&world);
    let size = std::fs::metadata(&cache).unwrap().len();
    // Ids, pack numbers and places, all over the lines.
    let file = std::fs::OpenOptions::new().write(true).open(&cache).unwrap();
    for at in (size - 12_000..size).step_by(37) {
        file.write_all_at(&[0xff], at).unwrap();
    }
    drop(file);
    for number in 0..2 {
        let target = format!("back{number}");
        world.snap(["restore", "latest", "--target", &target]).success();
        assert_eq!(files_below(world.path(target)).len(), 301);
    }
    world.snap(["backup", "bot"]).success();
    world.snap(["check", "--read-data"]).success();
}

/// What others wrote since is found, and the cache is left to those who write.
#[test]
fn what_is_newer_than_the_cache_is_found() {
    let world = world();
    world.write("bot/new", "what is new");
    world.snap(["backup", "bot"]).success();
    let before = std::fs::read(cached(&world)).unwrap();
    let told = world.snap(["dump", "latest", &world.path("bot/new").display().to_string()]);
    assert_eq!(told.stdout, "what is new");
    assert!(std::fs::read(cached(&world)).unwrap() == before);
    // Packs go, and their blobs lie elsewhere.
    std::fs::remove_dir_all(world.path("bot")).unwrap();
    world.write("bot/299", "299".repeat(40));
    world.snap(["backup", "bot"]).success();
    world.snap(["ls", "latest"]).success();
    world.snap(["prune", "--yes", "--keep-last", "1"]).success();
    world.snap(["restore", "latest", "--target", "back"]).success();
}
