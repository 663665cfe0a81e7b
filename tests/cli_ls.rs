//! Listing what is in a snapshot.

use crate::support::World;

/// Also where each of many files is a source of its own.
#[test]
fn every_source_is_listed_in_order() {
    let mut world = World::new();
    world.set("SNAP_KEY_FILE", "key");
    world.set("SNAP_REPOSITORY", "repository");
    world.snap(["init"]).success();
    let mut names: Vec<String> = (0..40).map(|number| format!("many/file-{number:02}")).collect();
    names.extend(["few/b".to_owned(), "few/a".to_owned(), "single".to_owned()]);
    names.iter().for_each(|name| world.write(name, name));
    world.write("many/not-named", "x");
    world.write("list", names.join("\n"));
    world.snap(["backup", "--files-from", "list"]).success();
    let listed = world.snap(["ls", "latest"]).success();
    let here = format!("{}/", world.here().display());
    let listed: Vec<&str> = listed.lines().filter_map(|line| line.strip_prefix(&here)).collect();
    names.sort();
    assert_eq!(listed, names);
}
