//! The system calls that change a disk, and where each one does it.

use libc::c_long;

/// A system call that can change what is on a disk.
pub struct Call {
    pub number: c_long,
    pub name: &'static str,
    pub when: When,
    pub place: Place,
}

/// Which of its uses count, as far as the arguments tell; the number of an argument comes first.
#[derive(Clone, Copy)]
pub enum When {
    Always,
    /// Not to standard input, output and error.
    AboveStandard(u32),
    /// One of these bits is set.
    AnyOf(u32, u32),
    /// It is one of two values.
    OneOf(u32, [u32; 2]),
}

/// Which arguments say where something changes.
#[derive(Clone, Copy)]
pub enum Place {
    Descriptor(usize),
    Path(usize),
    /// A descriptor of a folder and a path from there.
    Below(usize, usize),
    TwoPaths(usize, usize),
    /// Twice folder and path.
    TwoBelow([usize; 4]),
    Nowhere,
}

const fn call(number: c_long, name: &'static str, when: When, place: Place) -> Call {
    Call { number, name, when, place }
}

const WRITES: u32 = (libc::O_CREAT | libc::O_TRUNC) as u32;
/// `FS_IOC_SETFLAGS` and `FICLONE`.
const CHANGES: [u32; 2] = [0x4008_6602, 0x4004_9409];

use Place::{Below, Descriptor, Nowhere, Path, TwoBelow, TwoPaths};
use When::{AboveStandard, Always, AnyOf, OneOf};

pub const CALLS: &[Call] = &[
    call(libc::SYS_write, "write", AboveStandard(0), Descriptor(0)),
    call(libc::SYS_pwrite64, "pwrite64", Always, Descriptor(0)),
    call(libc::SYS_writev, "writev", AboveStandard(0), Descriptor(0)),
    call(libc::SYS_pwritev, "pwritev", Always, Descriptor(0)),
    call(libc::SYS_pwritev2, "pwritev2", Always, Descriptor(0)),
    call(libc::SYS_copy_file_range, "copy_file_range", Always, Descriptor(2)),
    call(libc::SYS_sendfile, "sendfile", Always, Descriptor(0)),
    call(libc::SYS_splice, "splice", Always, Descriptor(2)),
    call(libc::SYS_ftruncate, "ftruncate", Always, Descriptor(0)),
    call(libc::SYS_truncate, "truncate", Always, Path(0)),
    call(libc::SYS_fallocate, "fallocate", Always, Descriptor(0)),
    call(libc::SYS_msync, "msync", Always, Nowhere),
    call(libc::SYS_fsync, "fsync", Always, Descriptor(0)),
    call(libc::SYS_fdatasync, "fdatasync", Always, Descriptor(0)),
    call(libc::SYS_sync_file_range, "sync_file_range", Always, Descriptor(0)),
    call(libc::SYS_syncfs, "syncfs", Always, Descriptor(0)),
    call(libc::SYS_open, "open", AnyOf(1, WRITES), Path(0)),
    call(libc::SYS_creat, "creat", Always, Path(0)),
    call(libc::SYS_openat, "openat", AnyOf(2, WRITES), Below(0, 1)),
    call(libc::SYS_openat2, "openat2", Always, Below(0, 1)),
    call(libc::SYS_mkdir, "mkdir", Always, Path(0)),
    call(libc::SYS_mkdirat, "mkdirat", Always, Below(0, 1)),
    call(libc::SYS_mknod, "mknod", Always, Path(0)),
    call(libc::SYS_mknodat, "mknodat", Always, Below(0, 1)),
    call(libc::SYS_rmdir, "rmdir", Always, Path(0)),
    call(libc::SYS_unlink, "unlink", Always, Path(0)),
    call(libc::SYS_unlinkat, "unlinkat", Always, Below(0, 1)),
    call(libc::SYS_link, "link", Always, TwoPaths(0, 1)),
    call(libc::SYS_linkat, "linkat", Always, TwoBelow([0, 1, 2, 3])),
    call(libc::SYS_symlink, "symlink", Always, TwoPaths(0, 1)),
    call(libc::SYS_symlinkat, "symlinkat", Always, Below(1, 2)),
    call(libc::SYS_rename, "rename", Always, TwoPaths(0, 1)),
    call(libc::SYS_renameat, "renameat", Always, TwoBelow([0, 1, 2, 3])),
    call(libc::SYS_renameat2, "renameat2", Always, TwoBelow([0, 1, 2, 3])),
    call(libc::SYS_chmod, "chmod", Always, Path(0)),
    call(libc::SYS_fchmod, "fchmod", Always, Descriptor(0)),
    call(libc::SYS_fchmodat, "fchmodat", Always, Below(0, 1)),
    call(libc::SYS_fchmodat2, "fchmodat2", Always, Below(0, 1)),
    call(libc::SYS_chown, "chown", Always, Path(0)),
    call(libc::SYS_lchown, "lchown", Always, Path(0)),
    call(libc::SYS_fchown, "fchown", Always, Descriptor(0)),
    call(libc::SYS_fchownat, "fchownat", Always, Below(0, 1)),
    call(libc::SYS_utimensat, "utimensat", Always, Below(0, 1)),
    call(libc::SYS_setxattr, "setxattr", Always, Path(0)),
    call(libc::SYS_lsetxattr, "lsetxattr", Always, Path(0)),
    call(libc::SYS_fsetxattr, "fsetxattr", Always, Descriptor(0)),
    call(libc::SYS_removexattr, "removexattr", Always, Path(0)),
    call(libc::SYS_lremovexattr, "lremovexattr", Always, Path(0)),
    call(libc::SYS_fremovexattr, "fremovexattr", Always, Descriptor(0)),
    call(libc::SYS_ioctl, "ioctl", OneOf(1, CHANGES), Descriptor(0)),
];

pub fn find(number: u64) -> Option<&'static Call> {
    CALLS.iter().find(|call| call.number as u64 == number)
}
