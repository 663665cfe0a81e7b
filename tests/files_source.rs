//! Walking real trees. The tests run as root or not; those that need root say so.

use crate::files_memory::{self as memory, Earlier, Problems, Snapshot};
use crate::files_tree as tree;
use jiff::{SignedDuration, Timestamp};
use snapstore::files::{FilesSource, RuleSettings, Rules, SourceOptions, UnchangedCache};
use snapstore::model::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder of things to back up, beside a cache folder.
struct World {
    folder: tempfile::TempDir,
    problems: Arc<Problems>,
    rules: RuleSettings,
    one_file_system: bool,
    /// How far after now the backup is said to begin, so that fresh files count as settled.
    later: SignedDuration,
}

impl World {
    fn new() -> Self {
        Self::in_folder(tempfile::tempdir().unwrap())
    }

    fn in_folder(folder: tempfile::TempDir) -> Self {
        fs::create_dir(folder.path().join("cache")).unwrap();
        fs::create_dir(folder.path().join("tree")).unwrap();
        Self {
            folder,
            problems: Problems::new(),
            rules: RuleSettings::default(),
            one_file_system: false,
            later: SignedDuration::from_secs(10),
        }
    }

    fn tree(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    fn write(&self, path: &str, content: &str) -> PathBuf {
        let path = self.tree().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn cache(&self, paths: &[PathBuf]) -> UnchangedCache {
        UnchangedCache::open(&self.folder.path().join("cache"), paths)
    }

    fn source(&self, paths: &[PathBuf]) -> FilesSource {
        let begun = Timestamp::now() + self.later;
        let options = SourceOptions { begun, one_file_system: self.one_file_system };
        let rules = Rules::new(&self.rules).unwrap();
        let cache = Some(self.cache(paths));
        FilesSource::new(paths, rules, cache, options, self.problems.clone()).unwrap()
    }

    /// One backup of `paths`, after `earlier`.
    fn backup_of(&self, paths: &[PathBuf], earlier: Option<&Snapshot>) -> Snapshot {
        let mut source = self.source(paths);
        let snapshot = Snapshot::take(&mut source, &mut Earlier::new(earlier));
        source.recording().unwrap().commit(SessionId::new([1; 16])).unwrap();
        snapshot
    }

    fn backup(&self, earlier: Option<&Snapshot>) -> Snapshot {
        self.backup_of(&[self.tree()], earlier)
    }

    fn without_cache(&self) -> Snapshot {
        let one_file_system = self.one_file_system;
        let options = SourceOptions { begun: Timestamp::now(), one_file_system };
        let (rules, monitor) = (Rules::new(&self.rules).unwrap(), self.problems.clone());
        let source = FilesSource::new(&[self.tree()], rules, None, options, monitor);
        Snapshot::take(&mut source.unwrap(), &mut Earlier::new(None))
    }

    /// The path of `name`, which is in the tree, in a snapshot.
    fn path(&self, name: &str) -> EntryPath {
        let path = self.tree().join(name);
        EntryPath::parse_lenient(path.as_os_str().as_encoded_bytes()).unwrap()
    }

    fn entry<'a>(&self, snapshot: &'a Snapshot, name: &str) -> &'a Entry {
        snapshot.by_path()[&self.path(name)]
    }

    /// The tree itself, without its ancestors, which others change.
    fn below(&self, snapshot: &Snapshot) -> BTreeMap<EntryPath, Entry> {
        let entries = snapshot.by_path().into_iter();
        let entries = entries.filter(|(path, _)| path.starts_with(&self.path(".")));
        entries.map(|(path, entry)| (path, entry.clone())).collect()
    }

    /// The paths below the tree.
    fn paths(&self, snapshot: &Snapshot) -> Vec<String> {
        let prefix = format!("{}/", self.tree().display()).split_off(1);
        let paths = snapshot.paths();
        paths.iter().filter_map(|path| Some(path.strip_prefix(&prefix)?.to_owned())).collect()
    }
}

#[test]
fn a_second_backup_of_the_same_tree_reads_nothing() {
    let world = World::new();
    for name in ["a", "b/c", "b/d/e"] {
        world.write(name, name);
    }
    let first = world.backup(None);
    assert_eq!(world.paths(&first), ["a", "b", "b/c", "b/d", "b/d/e"]);
    assert_eq!((first.streamed, first.known, first.recorded), (3, 0, 0));
    let second = world.backup(Some(&first));
    assert_eq!((second.streamed, second.recorded), (0, 3));
    assert!(second.unchanged_directories >= 3);
    assert_eq!(world.below(&first), world.below(&second));
}

fn attribute<'a>(entry: &'a Entry, name: &str) -> Option<&'a AttributeValue> {
    let mut attributes = entry.metadata.attributes.iter();
    Some(&attributes.find(|attribute| attribute.name == name.as_bytes())?.value)
}

#[test]
fn everything_is_seen_as_it_is() {
    for folder in tree::folders() {
        let world = World::in_folder(folder);
        tree::make_everything(&world.tree());
        let snapshot = world.backup(None);
        let entry = |name: &str| world.entry(&snapshot, name);

        let plain = entry("plain");
        assert_eq!(plain.metadata.modified, FileTime::new(1_234_567_890, 123_456_789).unwrap());
        let Kind::File(file) = &plain.kind else { panic!() };
        assert_eq!(snapshot.content(file), b"plain content");
        assert_eq!(file.reading, Reading::Steady);
        assert_eq!(entry("empty").metadata.modified, FileTime::new(-1, 999_999_999).unwrap());
        assert_eq!(entry("modes").metadata.mode, 0o4751);
        assert_eq!(entry("empty-directory").metadata.mode, 0o1701);
        assert_eq!(entry("link").kind, Kind::Symlink { target: b"plain".to_vec() });
        assert_eq!(entry("dangling").kind, Kind::Symlink { target: b"/no\xffwhere/../x".to_vec() });
        assert_eq!(entry("fifo").kind, Kind::Fifo);
        assert_eq!(entry("socket").kind, Kind::Socket);
        for (name, first) in
            [("hard-1", "directory/hard-3"), ("hard-2", "directory/hard-3"), ("fifo-2", "fifo")]
        {
            assert_eq!(entry(name).link_group, Some(world.path(first)), "{name}");
        }
        assert_eq!(entry("dangling-2").link_group, Some(world.path("dangling")));
        assert_eq!(plain.link_group, None);
        let names = world.paths(&snapshot);
        assert!(names.contains(&"n".repeat(255)));
        assert!(names.contains(&r"not \xff utf-8 \n \u{1b}[2J".to_owned()));
        assert!(world.problems.0.lock().unwrap().is_empty());
    }
}

#[test]
fn attributes_and_flags_are_seen() {
    for folder in tree::folders() {
        let world = World::in_folder(folder);
        tree::make_everything(&world.tree());
        let snapshot = world.backup(None);
        // Not every file system has every attribute: what can be read must have been.
        for (path, name) in [
            ("plain", "user.note"),
            ("plain", "user.empty"),
            ("directory/below/file", "user.large"),
            ("directory/below/file", "security.capability"),
            ("directory", "system.posix_acl_default"),
            ("hard-1", "system.posix_acl_access"),
            ("link", "trusted.note"),
            ("fifo", "trusted.note"),
        ] {
            let entry = world.entry(&snapshot, path);
            let value = tree::attribute(&world.tree().join(path), name);
            let value = value.map(AttributeValue::Inline);
            assert_eq!(attribute(entry, name), value.as_ref(), "{path} {name}");
        }
        let directory = std::fs::File::open(world.tree().join("directory")).unwrap();
        if let Ok(flags) = rustix::fs::ioctl_getflags(&directory) {
            let seen = world.entry(&snapshot, "directory").metadata.flags;
            assert_eq!(seen, InodeFlags::from_raw(flags.bits()));
            assert_eq!(seen.raw() & InodeFlags::NODUMP, InodeFlags::NODUMP);
        }
    }
}

#[test]
fn owners_come_with_their_names() {
    if !tree::is_root() {
        return;
    }
    let world = World::new();
    let path = world.write("mine", "");
    std::os::unix::fs::chown(&path, Some(0), Some(54_321)).unwrap();
    let snapshot = world.backup(None);
    let metadata = &world.entry(&snapshot, "mine").metadata;
    assert_eq!((metadata.user, metadata.user_name.as_str()), (0, "root"));
    assert_eq!((metadata.group, metadata.group_name.as_str()), (54_321, ""));
}

#[test]
fn holes_are_not_read() {
    for folder in tree::folders() {
        let world = World::in_folder(folder);
        let step = 1 << 20;
        tree::make_sparse(
            &world.tree().join("sparse"),
            1 << 40,
            &[(step, &[7; 8192]), (5 * step, b"x")],
        );
        let snapshot = world.backup(None);
        let Kind::File(file) = &world.entry(&snapshot, "sparse").kind else { panic!() };
        assert!(file.chunks.length().unwrap() < step, "only the data");
        let data: Vec<_> = data_extents(file.size, &file.holes).collect();
        assert!(data.iter().any(|extent| extent.offset <= step));
        assert!(data.iter().any(|extent| extent.offset <= 5 * step));
        for hole in &file.holes {
            assert_eq!(hole.offset % 4096, 0);
            assert!(hole.length % 4096 == 0 || hole.offset + hole.length == file.size);
        }
    }
}

#[test]
fn any_change_is_found() {
    type Change = (&'static str, fn(&World));
    let changes: [Change; 7] = [
        ("content", |world| drop(world.write("d/file", "Content"))),
        ("mode", |world| {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            fs::set_permissions(world.tree().join("d/file"), mode).unwrap();
        }),
        ("attribute", |world| {
            tree::set_attribute(&world.tree().join("d/file"), "user.new", b"1");
        }),
        ("new name", |world| drop(world.write("d/another", ""))),
        ("name gone", |world| fs::remove_file(world.tree().join("d/other")).unwrap()),
        ("kind", |world| {
            fs::remove_file(world.tree().join("d/other")).unwrap();
            fs::create_dir(world.tree().join("d/other")).unwrap();
        }),
        ("other inode", |world| {
            let path = world.tree().join("d/file");
            let modified = fs::metadata(&path).unwrap().modified().unwrap();
            fs::remove_file(&path).unwrap();
            fs::write(&path, "content").unwrap();
            fs::File::open(&path).unwrap().set_modified(modified).unwrap();
        }),
    ];
    for (what, change) in changes {
        let world = World::new();
        world.write("d/file", "content");
        world.write("d/other", "other");
        world.write("e/same", "same");
        let first = world.backup(None);
        change(&world);
        let second = world.backup(Some(&first));
        assert_eq!(world.below(&second), world.below(&world.without_cache()), "{what}");
        assert!(second.recorded >= 1, "{what}: the rest was not read");
        assert_ne!(world.below(&first), world.below(&second), "{what}");
    }
}

#[test]
fn entries_changed_shortly_before_the_backup_are_read_again() {
    let mut world = World::new();
    world.later = SignedDuration::ZERO;
    world.write("fresh", "1");
    let old = world.write("old", "2");
    tree::set_modified(&old, 1_000_000, 0);
    let first = world.backup(None);
    let second = world.backup(Some(&first));
    // The old one's ctime is fresh too.
    assert_eq!((second.streamed, second.known), (2, 2));
}

#[test]
fn what_the_repository_lost_is_read_again() {
    let world = World::new();
    world.write("a", "1");
    world.write("b", "2");
    let first = world.backup(None);
    let mut earlier = Earlier::new(Some(&first));
    earlier.lost.push(world.path("a"));
    let second = Snapshot::take(&mut world.source(&[world.tree()]), &mut earlier);
    assert_eq!((second.streamed, second.known, second.recorded), (1, 1, 1));
}

#[test]
fn spoiled_entries_are_read_again() {
    let world = World::new();
    world.write("d/a", "1");
    world.write("d/b", "2");
    let mut source = world.source(&[world.tree()]);
    let first = Snapshot::take(&mut source, &mut Earlier::new(None));
    let recording = source.recording().unwrap();
    recording.spoil(&world.path("d/a"));
    recording.commit(SessionId::new([1; 16])).unwrap();
    let second = world.backup(Some(&first));
    assert_eq!((second.streamed, second.recorded), (1, 1));
    let third = world.backup(Some(&second));
    assert_eq!((third.streamed, third.recorded), (0, 2));
}

#[test]
fn hard_links_keep_together_when_a_directory_is_renamed() {
    let world = World::new();
    let first_path = world.write("a/x", "one inode");
    fs::create_dir(world.tree().join("b")).unwrap();
    fs::hard_link(first_path, world.tree().join("b/x")).unwrap();
    let first = world.backup(None);
    assert_eq!(world.entry(&first, "b/x").link_group, Some(world.path("a/x")));
    fs::rename(world.tree().join("a"), world.tree().join("c")).unwrap();
    let second = world.backup(Some(&first));
    for name in ["b/x", "c/x"] {
        assert_eq!(world.entry(&second, name).link_group, Some(world.path("b/x")));
    }
}

#[test]
fn several_sources_are_one_walk() {
    let world = World::new();
    for name in ["a/x", "a/y/z", "b/x", "c/x", "file", "other"] {
        world.write(name, name);
    }
    std::os::unix::fs::symlink("a", world.tree().join("link")).unwrap();
    let at = |name: &str| world.tree().join(name);
    let paths = [at("c"), at("file"), at("link"), at("a/y"), at("c"), at("missing")];
    let snapshot = world.backup_of(&paths, None);
    let expected = ["a", "a/x", "a/y", "a/y/z", "c", "c/x", "file"];
    assert_eq!(world.paths(&snapshot), expected);
    assert_eq!(world.problems.of(ProblemKind::Unreadable).len(), 1, "the missing one");
    assert_eq!(world.source(&paths).roots()[2].path, world.path("a"));
    let missing = [at("missing")];
    let options = SourceOptions { begun: Timestamp::now(), one_file_system: false };
    assert!(
        FilesSource::new(&missing, Rules::default(), None, options, world.problems.clone())
            .is_err()
    );
}

#[test]
fn ancestors_have_their_own_metadata_and_no_other_children() {
    let world = World::new();
    world.write("up/in/x", "");
    world.write("up/not", "");
    tree::set_modified(&world.tree().join("up"), 5, 6);
    let snapshot = world.backup_of(&[world.tree().join("up/in")], None);
    assert_eq!(world.paths(&snapshot), ["up", "up/in", "up/in/x"]);
    let up = &world.entry(&snapshot, "up").metadata;
    assert_eq!(up.modified, FileTime::new(5, 6).unwrap());
    assert_eq!(u32::from(snapshot.entry("tmp").unwrap().metadata.mode), mode(Path::new("/tmp")));
}

fn mode(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions()) & 0o7777
}

#[test]
fn patterns_leave_things_out() {
    let mut world = World::new();
    for name in ["a.log", "b.LOG", "d/c.log", "d/keep.log", "tmp/x", "d/tmp", "e/big", "e/f/g"] {
        world.write(name, &"x".repeat(if name == "e/big" { 101 } else { 100 }));
    }
    let list = world.folder.path().join("list");
    fs::write(&list, "# what nobody needs\n\ntmp/\n").unwrap();
    world.rules = RuleSettings {
        exclude: vec![
            "*.log".into(),
            "!keep.log".into(),
            format!("{}/e/f", world.tree().display()),
        ],
        exclude_ignoring_case: vec!["b.log".into()],
        exclude_files: vec![list],
        exclude_larger_than: Some(100),
        ..RuleSettings::default()
    };
    let snapshot = world.backup(None);
    assert_eq!(world.paths(&snapshot), ["d", "d/keep.log", "d/tmp", "e"]);
}

#[test]
fn marked_directories_keep_only_their_marker() {
    let mut world = World::new();
    world.write("cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n# mine");
    world.write("cache/x", "");
    world.write("not/CACHEDIR.TAG", "something else");
    world.write("not/x", "");
    world.write("no/.nobackup", "");
    world.write("no/y", "");
    world.write("some/tag", "HEADER and more");
    world.write("some/y", "");
    world.write("none/tag", "HEAD");
    world.write("none/y", "");
    let all = world.paths(&world.without_cache());
    assert_eq!(all.len(), 15);
    world.rules.exclude_caches = true;
    world.rules.exclude_if_present = vec![".nobackup".into(), "tag:HEADER".into()];
    let left = world.paths(&world.without_cache());
    let gone: Vec<_> = all.iter().filter(|path| !left.contains(path)).collect();
    assert_eq!(gone, ["cache/x", "no/y", "some/y"]);
}

#[test]
fn ignore_files_hold_below_their_directory() {
    let mut world = World::new();
    world.write(".snapignore", "*.o\n/only-here\nsub/deep/x\n[z-a]\n");
    world.write("sub/.snapignore", "!special.o\n");
    for name in ["a.o", "only-here", "sub/only-here", "sub/a.o", "sub/special.o", "special.o"] {
        world.write(name, "");
    }
    world.write("sub/deep/x", "");
    world.write("sub/deep/y", "");
    let expected = [
        ".snapignore",
        "sub",
        "sub/.snapignore",
        "sub/deep",
        "sub/deep/y",
        "sub/only-here",
        "sub/special.o",
    ];
    assert_eq!(world.paths(&world.without_cache()), expected);
    assert_eq!(world.problems.of(ProblemKind::Note).len(), 1, "the bad line");
    world.rules.ignore_files = false;
    assert_eq!(world.paths(&world.without_cache()).len(), 12);
}

#[test]
fn what_was_given_is_taken_whatever_the_rules_say() {
    let mut world = World::new();
    world.write("out/in/x", "");
    world.write("out/y", "");
    world.rules.exclude = vec!["out".into(), "in".into()];
    let paths = [world.tree(), world.tree().join("out/in")];
    let snapshot = world.backup_of(&paths, None);
    assert_eq!(world.paths(&snapshot), ["out", "out/in", "out/in/x"]);
}

#[test]
fn the_root_itself_can_be_given() {
    let mut world = World::new();
    world.write("x", "");
    world.one_file_system = true;
    // All but the way to the tree, or this would be a backup of the machine.
    let tree = world.tree();
    let names: Vec<_> = tree.components().skip(1).map(|c| c.as_os_str().to_owned()).collect();
    world.rules.exclude = vec!["/*".into(), format!("!/{}", names[0].display())];
    world.rules.exclude.push(format!("/{}/*", names[0].display()));
    world.rules.exclude.push(format!("!/{}/{}", names[0].display(), names[1].display()));
    let snapshot = world.backup_of(&["/".into()], None);
    assert!(world.paths(&snapshot).contains(&"x".to_owned()));
    assert!(snapshot.paths().iter().all(|path| path.starts_with("tmp")));
}

/// A tmpfs mounted for as long as this lives.
struct Mount(PathBuf);

impl Mount {
    fn new(path: PathBuf) -> Option<Self> {
        let run =
            std::process::Command::new("mount").args(["-t", "tmpfs", "none"]).arg(&path).output();
        run.is_ok_and(|run| run.status.success()).then_some(Self(path))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn other_file_systems_are_left_out_on_request() {
    let mut world = World::new();
    world.write("x", "");
    fs::create_dir_all(world.tree().join("mounted")).unwrap();
    let Some(_mount) = Mount::new(world.tree().join("mounted")) else { return };
    world.write("mounted/a", "");
    world.write("mounted/b/c", "");
    assert_eq!(world.paths(&world.without_cache()).len(), 5);
    world.one_file_system = true;
    assert_eq!(world.paths(&world.without_cache()), ["mounted", "x"]);
    let paths = [world.tree(), world.tree().join("mounted/b")];
    let snapshot = world.backup_of(&paths, None);
    assert_eq!(world.paths(&snapshot), ["mounted", "mounted/b", "mounted/b/c", "x"]);
}

#[test]
fn ten_thousand_levels_are_walked_with_few_open_files() {
    let world = World::in_folder(tree::fast_folder());
    let depth = 10_000;
    let deepest = tree::make_deep(&world.tree(), depth);
    let flags = rustix::fs::OFlags::CREATE | rustix::fs::OFlags::WRONLY;
    rustix::fs::openat(&deepest, c"file", flags, rustix::fs::Mode::RWXU).unwrap();
    drop(deepest);
    let mut source = world.source(&[world.tree()]);
    let mut streams = Vec::new();
    let (mut entered, mut left) = (0, 0);
    while let Some(step) = source.next(&mut Earlier::new(None)).unwrap() {
        match step {
            Step::Enter { .. } => entered += 1,
            Step::Leave { .. } => left += 1,
            Step::Entry { origin: Origin::Stream { stream, .. }, .. } => streams.push(stream),
            Step::Entry { .. } => {}
        }
    }
    assert!(entered == left && entered > depth);
    assert_eq!(streams[0].begin().unwrap().size, 0);
    tree::remove_deep(&world.tree());
}

#[test]
fn waiting_streams_do_not_use_up_descriptors() {
    let world = World::in_folder(tree::fast_folder());
    for number in 0..1500 {
        world.write(&format!("d{number}/file"), &number.to_string());
    }
    let mut source = world.source(&[world.tree()]);
    let mut streams = Vec::new();
    while let Some(step) = source.next(&mut Earlier::new(None)).unwrap() {
        if let Step::Entry { origin: Origin::Stream { stream, .. }, .. } = step {
            streams.push(stream);
        }
    }
    assert!(fs::read_dir("/proc/self/fd").unwrap().count() < 900);
    for stream in &mut streams {
        let (kind, _) = memory::read(stream.as_mut(), &mut || {}, &mut Default::default()).unwrap();
        assert!(matches!(kind, Kind::File(File { size: 1..=4, .. })));
    }
}

#[test]
fn large_directories_are_walked() {
    let world = World::in_folder(tree::fast_folder());
    for number in 0..30_000 {
        fs::File::create(world.tree().join(number.to_string())).unwrap();
    }
    let first = world.backup(None);
    assert_eq!(first.streamed, 30_000);
    fs::remove_file(world.tree().join("777")).unwrap();
    let second = world.backup(Some(&first));
    assert_eq!((second.streamed, second.recorded), (0, 29_999));
}
