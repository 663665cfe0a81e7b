//! Who this process is, and whether another one of this machine still runs.

use crate::format::ProcessIdentity;
use crate::repo::Undecided;
use std::fs;
use std::os::unix::fs::MetadataExt;

/// The identity of this process; zeros for what the system does not tell.
pub fn process_identity() -> ProcessIdentity {
    let process = std::process::id();
    ProcessIdentity {
        machine: machine(),
        boot: boot(),
        namespace: namespace(),
        process,
        started: started(process).unwrap_or(0),
    }
}

/// Whether the process that announced a session is gone for sure: it ran on this machine, and
/// either the machine was booted since, or there is no such process any more. Processes of
/// other machines, or of other PID namespaces, are not known to be dead.
pub fn is_dead_process(session: &Undecided) -> bool {
    let Some(announcement) = &session.announcement else { return false };
    let (there, here) = (&announcement.process, process_identity());
    if there.machine == [0; 32] || there.machine != here.machine {
        return false;
    }
    if there.boot != here.boot {
        return there.boot != [0; 16] && here.boot != [0; 16];
    }
    there.namespace == here.namespace
        && there.namespace != 0
        && there.started != 0
        && fs::exists("/proc/self").unwrap_or(false)
        && started(there.process) != Some(there.started)
}

/// BLAKE3 of the machine id, so that it does not appear in repositories.
fn machine() -> [u8; 32] {
    let id = fs::read("/etc/machine-id")
        .or_else(|_| fs::read("/var/lib/dbus/machine-id"))
        .or_else(|_| fs::read("/sys/class/dmi/id/product_uuid"))
        .or_else(|_| fs::read("/proc/sys/kernel/hostname"));
    match id {
        Ok(id) if !id.is_empty() => *blake3::hash(&id).as_bytes(),
        _ => [0; 32],
    }
}

fn boot() -> [u8; 16] {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    u128::from_str_radix(&digits, 16).map(u128::to_be_bytes).unwrap_or_default()
}

fn namespace() -> u64 {
    fs::metadata("/proc/self/ns/pid").map(|metadata| metadata.ino()).unwrap_or(0)
}

/// When a process started, in clock ticks after boot: field 22 of `/proc/<pid>/stat`, counted
/// after the command's closing parenthesis. `None` if there is no such process, or it has ended.
fn started(process: u32) -> Option<u64> {
    let stat = fs::read(format!("/proc/{process}/stat")).ok()?;
    let after = stat.iter().rposition(|byte| *byte == b')')?;
    let fields = String::from_utf8_lossy(stat.get(after + 1..)?).into_owned();
    let mut fields = fields.split_whitespace();
    let ended = matches!(fields.next()?, "Z" | "X" | "x");
    if ended { None } else { fields.nth(18)?.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_the_same_each_time() {
        let identity = process_identity();
        assert_eq!(identity, process_identity());
        assert!(identity.started > 0);
        assert_eq!(started(identity.process), Some(identity.started));
    }

    #[test]
    fn a_process_that_ended_is_gone() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        assert_eq!(started(child.id()), None);
    }
}
