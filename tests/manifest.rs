//! The tools that other tests believe: `manifest` must see every difference, and `torture_tree`
//! must make what it says.

use crate::support::{Output, World};

/// A small tree `a` with a bit of everything, and `b`, its copy.
fn world_with_copies() -> World {
    let world = World::new();
    shell(
        &world,
        "mkdir -p a/sub a/empty; printf content > a/file; printf content > a/sub/twin;
        ln a/file a/sub/link; ln -s file a/symlink; mkfifo a/fifo;
        truncate -s 1M a/sparse; printf end >> a/sparse;
        find a -exec touch -h -d @1500000000 {} +; cp -a a b",
    );
    world
}

fn shell(world: &World, script: &str) {
    let status = world.command("sh").args(["-ec", script]).status().unwrap();
    assert!(status.success(), "{script}");
}

#[test]
fn a_copy_is_the_same() {
    let world = world_with_copies();
    assert_eq!(world.manifest(["a", "b"]).success(), "same, 9 entries\n");
}

#[test]
fn every_difference_is_seen() {
    for (change, difference) in [
        ("printf Content > b/file; touch -r a/file b/file", "file: sha256 "),
        ("printf x >> b/file; touch -r a/file b/file", "file: size 7 -> 8; "),
        ("chmod 4755 b/file", "file: mode 0644 -> 4755\n"),
        ("touch -h -d @5.000000001 b/symlink", "symlink: mtime "),
        ("touch -d @5.000000001 b/empty", " -> 5000000001\n"),
        ("ln -sfn twin b/symlink; touch -hr a/symlink b/symlink", "symlink: target file -> twin\n"),
        ("rm b/fifo; touch -r a b", "fifo: only in the first (fifo)\n"),
        ("touch b/more; touch -r a b", "more: only in the second (file)\n"),
        ("rm b/fifo; touch -r a/fifo b/fifo; touch -r a b", "fifo: type fifo -> file; "),
        (
            "rm b/sub/link; cp -p b/file b/sub/link; touch -r a/sub b/sub",
            "sub/link: link file -> -\n",
        ),
        ("ln -f b/file b/sub/twin; touch -r a/sub b/sub", "sub/twin: link - -> file\n"),
        ("cp -p --sparse=never a/sparse b/sparse", "sparse: holes 0+1048576 -> -\n"),
        (
            "python3 -c \"import os; os.setxattr('b/file', 'user.x', b'a')\"",
            "file: user.x - -> 0x61\n",
        ),
        (
            "mv b/empty \"b/$(printf 'x\\377\\n.')\"; touch -r a b",
            "x\\xff\\x0a.: only in the second",
        ),
    ] {
        let world = world_with_copies();
        shell(&world, change);
        let Output { stdout, code, .. } = world.manifest(["a", "b"]);
        assert!(stdout.contains(difference), "{change}: {stdout}");
        assert_eq!(code, 1, "{change}");
    }
}

#[test]
fn what_should_not_matter_does_not() {
    let world = world_with_copies();
    shell(
        &world,
        "cat b/file > /dev/null; touch -d @5 b; chmod 600 b/file; dd if=/dev/zero of=b/sparse \
        conv=notrunc bs=4096 count=1 status=none; touch -r a/sparse b/sparse",
    );
    let options = ["--no-root", "--no-holes", "--ignore", "mode", "a", "b"];
    assert_eq!(world.manifest(options).success(), "same, 8 entries\n");
}

#[test]
fn a_torture_tree_is_made_twice_the_same_and_removed() {
    let mut world = World::new();
    for tree in ["a", "b"] {
        world.torture(["--names", "300", "--depth", "1500", "--big", "1", tree]).success();
    }
    world.manifest(["--ignore", "mtime", "a", "b"]).success();
    let lines = world.manifest(["a"]).success();
    for part in ["\tholes=0+1099511627776\n", "\tmtime=-1\t", "\\xff", "\tlink=links/a_fifo\n"] {
        assert!(lines.contains(part), "{part}");
    }
    world.torture(["--clean", "a"]).success();
    assert!(!world.path("a").exists());
    let here = world.here();
    drop(world);
    assert!(!here.exists());
}
