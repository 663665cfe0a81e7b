//! What the calls of a stopped thread are about.

use super::calls::{Call, Place};
use libc::{pid_t, user_regs_struct};
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// Whether a call is about files, and not about a pipe, a socket or a device.
pub fn is_on_disk(thread: pid_t, call: &Call, registers: &user_regs_struct) -> bool {
    let Place::Descriptor(number) = call.place else { return true };
    let descriptor = descriptor_path(argument(registers, number));
    let link = PathBuf::from(format!("/proc/{thread}")).join(descriptor);
    std::fs::metadata(link).is_ok_and(|metadata| metadata.is_file() || metadata.is_dir())
}

/// Where a call changes something, for people.
pub fn place(thread: pid_t, call: &Call, registers: &user_regs_struct) -> String {
    let argument = |number| argument(registers, number);
    let path = |number| text(thread, argument(number)).display().to_string();
    let below = |folder, number| {
        let folder = descriptor(thread, argument(folder));
        folder.join(text(thread, argument(number))).display().to_string()
    };
    match call.place {
        Place::Descriptor(number) => descriptor(thread, argument(number)).display().to_string(),
        Place::Path(number) => path(number),
        Place::Below(folder, number) => below(folder, number),
        Place::TwoPaths(from, to) => format!("{} {}", path(from), path(to)),
        Place::TwoBelow([folder, from, other, to]) => {
            format!("{} {}", below(folder, from), below(other, to))
        }
        Place::Nowhere => String::new(),
    }
}

fn argument(registers: &user_regs_struct, number: usize) -> u64 {
    let user_regs_struct { rdi, rsi, rdx, r10, r8, r9, .. } = *registers;
    [rdi, rsi, rdx, r10, r8, r9][number]
}

fn descriptor(thread: pid_t, number: u64) -> PathBuf {
    let link = PathBuf::from(format!("/proc/{thread}")).join(descriptor_path(number));
    std::fs::read_link(link).unwrap_or_default()
}

/// Below `/proc/<thread>`.
fn descriptor_path(number: u64) -> String {
    match number as i32 {
        libc::AT_FDCWD => "cwd".to_owned(),
        number => format!("fd/{number}"),
    }
}

/// The text at an address of the tracee, as far as it can be read.
fn text(thread: pid_t, address: u64) -> PathBuf {
    let mut bytes = Vec::new();
    if let Ok(memory) = File::open(format!("/proc/{thread}/mem")) {
        let mut byte = [0];
        let next = |at: usize| address.checked_add(at as u64);
        while bytes.len() < libc::PATH_MAX as usize
            && next(bytes.len()).is_some_and(|at| memory.read_exact_at(&mut byte, at).is_ok())
            && byte != [0]
        {
            bytes.extend(byte);
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}
