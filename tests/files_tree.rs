//! Trees with everything that Linux file systems have, made for tests.

use rustix::fs::{CWD, FileType, Mode, XattrFlags};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Folders on different file systems, as far as this machine has them.
pub fn folders() -> Vec<tempfile::TempDir> {
    let bases = [std::env::temp_dir(), PathBuf::from("/dev/shm")];
    bases.iter().filter_map(|base| tempfile::tempdir_in(base).ok()).collect()
}

/// A folder for many or deep things: in memory, if this machine has such a place.
pub fn fast_folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// An ACL as the kernel stores it: owner rw, user 1 r, group r, mask r, others none.
pub const ACL: &[u8] = b"\x02\0\0\0\
    \x01\0\x06\0\xff\xff\xff\xff\
    \x02\0\x04\0\x01\0\0\0\
    \x04\0\x04\0\xff\xff\xff\xff\
    \x10\0\x04\0\xff\xff\xff\xff\
    \x20\0\0\0\xff\xff\xff\xff";

/// `cap_net_bind_service=ep` as the kernel stores it.
pub const CAPABILITY: &[u8] = b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

pub fn set_attribute(path: &Path, name: &str, value: &[u8]) -> bool {
    rustix::fs::lsetxattr(path, name, value, XattrFlags::empty()).is_ok()
}

pub fn attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 65536];
    let length = rustix::fs::lgetxattr(path, name, &mut value[..]).ok()?;
    value.truncate(length);
    Some(value)
}

/// Sets mtime, of a link itself.
pub fn set_modified(path: &Path, seconds: i64, nanoseconds: i64) {
    let time = rustix::fs::Timespec { tv_sec: seconds, tv_nsec: nanoseconds as _ };
    let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
    rustix::fs::utimensat(CWD, path, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

pub fn make_fifo(path: &Path) {
    rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::from_bits_retain(0o640), 0).unwrap();
}

/// Makes `path` of `size` bytes with `data` at these offsets, holes elsewhere.
pub fn make_sparse(path: &Path, size: u64, data: &[(u64, &[u8])]) {
    let file = fs::File::create(path).unwrap();
    file.set_len(size).unwrap();
    for (offset, bytes) in data {
        file.write_all_at(bytes, *offset).unwrap();
    }
}

/// Goes `depth` directories down, each called `d`; returns the deepest, open.
pub fn make_deep(folder: &Path, depth: usize) -> fs::File {
    let mut current = fs::File::open(folder).unwrap();
    for _ in 0..depth {
        rustix::fs::mkdirat(&current, c"d", Mode::from_bits_retain(0o755)).unwrap();
        let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY;
        current = rustix::fs::openat(&current, c"d", flags, Mode::empty()).unwrap().into();
    }
    current
}

/// Removes what [`make_deep`] made, which is too deep for others.
pub fn remove_deep(folder: &Path) {
    let status = std::process::Command::new("rm").arg("-rf").arg(folder.join("d")).status();
    assert!(status.unwrap().success());
}

/// Fills `folder` with one of everything that the file system and the user may have.
pub fn make_everything(folder: &Path) {
    let at = |name: &str| folder.join(name);
    fs::write(at("plain"), "plain content").unwrap();
    fs::write(at("empty"), "").unwrap();
    fs::create_dir(at("empty-directory")).unwrap();
    fs::create_dir_all(at("directory/below")).unwrap();
    fs::write(at("directory/below/file"), vec![b'x'; 200_000]).unwrap();
    fs::write(folder.join(OsStr::from_bytes(b"not \xff utf-8 \n \x1b[2J")), "name").unwrap();
    fs::write(at(&"n".repeat(255)), "long").unwrap();
    fs::write(at("modes"), "").unwrap();
    fs::set_permissions(at("modes"), fs::Permissions::from_mode(0o4751)).unwrap();
    fs::set_permissions(at("empty-directory"), fs::Permissions::from_mode(0o1701)).unwrap();
    make_links(folder);
    make_sparse(&at("sparse"), 10_000_000, &[(0, b"start"), (5_000_000, b"middle")]);
    make_sparse(&at("sparse-end"), 1 << 40, &[(1 << 20, &[1; 8192])]);
    make_sparse(&at("only-hole"), 123_456, &[]);
    make_special(folder);
    make_attributes(folder);
    set_modified(&at("plain"), 1_234_567_890, 123_456_789);
    set_modified(&at("empty"), -1, 999_999_999);
    set_modified(&at("directory"), 981_173_106, 1);
}

fn make_links(folder: &Path) {
    let at = |name: &str| folder.join(name);
    symlink("plain", at("link")).unwrap();
    symlink(OsStr::from_bytes(b"/no\xffwhere/../x"), at("dangling")).unwrap();
    symlink("directory", at("link-to-directory")).unwrap();
    set_modified(&at("link"), 1_000_000_000, 5);
    fs::write(at("hard-1"), "one inode").unwrap();
    fs::hard_link(at("hard-1"), at("hard-2")).unwrap();
    fs::hard_link(at("hard-1"), at("directory/hard-3")).unwrap();
    fs::hard_link(at("dangling"), at("dangling-2")).unwrap();
}

fn make_special(folder: &Path) {
    make_fifo(&folder.join("fifo"));
    fs::hard_link(folder.join("fifo"), folder.join("fifo-2")).unwrap();
    drop(UnixListener::bind(folder.join("socket")));
    if is_root() {
        let device = rustix::fs::makedev(1, 3);
        let mode = Mode::from_bits_retain(0o620);
        let path = folder.join("null");
        rustix::fs::mknodat(CWD, &path, FileType::CharacterDevice, mode, device).unwrap();
        fs::hard_link(path, folder.join("null-2")).unwrap();
        let device = rustix::fs::makedev(259, 70_000);
        let path = folder.join("block");
        rustix::fs::mknodat(CWD, &path, FileType::BlockDevice, mode, device).unwrap();
        std::os::unix::fs::lchown(folder.join("plain"), Some(1), Some(2)).unwrap();
        std::os::unix::fs::lchown(folder.join("link"), Some(3), Some(54_321)).unwrap();
        fs::set_permissions(folder.join("plain"), fs::Permissions::from_mode(0o6755)).unwrap();
    }
}

fn make_attributes(folder: &Path) {
    let at = |name: &str| folder.join(name);
    set_attribute(&at("plain"), "user.note", b"with a \0 in it");
    set_attribute(&at("plain"), "user.empty", b"");
    set_attribute(&at("directory/below/file"), "user.large", &[b'v'; 2000]);
    set_attribute(&at("directory"), "user.note", b"of a directory");
    set_attribute(&at("hard-1"), "system.posix_acl_access", ACL);
    set_attribute(&at("directory"), "system.posix_acl_default", ACL);
    if is_root() {
        set_attribute(&at("directory/below/file"), "security.capability", CAPABILITY);
        set_attribute(&at("link"), "trusted.note", b"of the link itself");
        set_attribute(&at("fifo"), "trusted.note", b"of a fifo");
        set_attribute(&at("null"), "trusted.note", b"of a device");
    }
    set_flags(&at("sparse"), rustix::fs::IFlags::NODUMP);
    set_flags(&at("directory"), rustix::fs::IFlags::NODUMP);
}

pub fn set_flags(path: &Path, flags: rustix::fs::IFlags) -> bool {
    let file = fs::File::open(path).unwrap();
    let Ok(now) = rustix::fs::ioctl_getflags(&file) else { return false };
    rustix::fs::ioctl_setflags(&file, now | flags).is_ok()
}

pub fn clear_flags(path: &Path, flags: rustix::fs::IFlags) {
    let file = fs::File::open(path).unwrap();
    if let Ok(now) = rustix::fs::ioctl_getflags(&file) {
        rustix::fs::ioctl_setflags(&file, now - flags).unwrap();
    }
}

/// Runs `work` on a thread that has nobody's rights.
pub fn as_nobody<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if is_root() {
                let (user, group) =
                    (rustix::fs::Uid::from_raw(65_534), rustix::fs::Gid::from_raw(65_534));
                rustix::thread::set_thread_groups(&[]).unwrap();
                rustix::thread::set_thread_res_gid(group, group, group).unwrap();
                rustix::thread::set_thread_res_uid(user, user, user).unwrap();
            }
            work()
        });
        thread.join().unwrap()
    })
}
