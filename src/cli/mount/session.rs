//! From mounting to unmounting.

use super::filesystem::SnapshotFilesystem;
use super::point::MountPoint;
use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::text::{readable, shell_word};
use fuser::{BackgroundSession, Config, MountOption, Session, SessionACL};
use signal_hook::consts::SIGHUP;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const DEVICE: &str = "/dev/fuse";

/// Threads that answer the kernel.
const THREADS: usize = 8;

/// How often it is looked whether the user wants to leave.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// So much longer the kernel may take to say that the end has come.
const PATIENCE: Duration = Duration::from_secs(5);

const WITHOUT: &str = "`snap browse` and `snap restore` work without FUSE";

/// A mounted file system.
pub struct Mounted {
    session: BackgroundSession,
    path: PathBuf,
    hung_up: Arc<AtomicBool>,
}

impl Mounted {
    pub fn new(
        filesystem: SnapshotFilesystem,
        point: &MountPoint,
        allow_other: bool,
    ) -> Result<Self, Failure> {
        check_device()?;
        let config = configuration(allow_other);
        let session = Session::new(filesystem, &point.path, &config).and_then(Session::spawn);
        match session {
            Ok(session) => {
                Ok(Self { session, path: point.path.clone(), hung_up: watch_terminal() })
            }
            Err(error) => Err(explain(&error, &point.path, allow_other)),
        }
    }

    /// Waits until somebody unmounts it, or the user asks to stop; then it is unmounted.
    pub fn wait(self, context: &Context) -> Result<(), Failure> {
        while !self.session.guard.is_finished() {
            if context.stop.is_asked() || self.hung_up.load(Ordering::Relaxed) {
                return self.leave(context);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let shown = readable(self.path.as_os_str().as_bytes());
        ended(self.session.join(), &shown)
    }

    /// Where something in it is still in use it is taken out of the tree; whoever uses it finds
    /// that it is gone.
    fn leave(self, context: &Context) -> Result<(), Failure> {
        let shown = readable(self.path.as_os_str().as_bytes());
        let Self { session, path, .. } = self;
        // Joining would wait for all who use it, for ever.
        let (done, ending) = std::sync::mpsc::channel();
        std::thread::spawn(move || done.send(session.umount_and_join()));
        match ending.recv_timeout(PATIENCE) {
            Ok(Ok(())) => context.output.say(format!("unmounted {shown}")),
            Ok(Err(_)) | Err(_) => {
                if !detach(&path) {
                    let word = shell_word(path.as_os_str());
                    return Err(Failure::new(Code::Failed, format!("cannot unmount {shown}"))
                        .hint(format!("leave it everywhere, then `umount {word}`")));
                }
                context.output.note(&shown, "it was still in use, and is unmounted all the same");
                Ok(())
            }
        }
    }
}

/// Becomes true when the terminal is closed: a process that just died would leave a dead mount.
/// Under `nohup` it stays.
fn watch_terminal() -> Arc<AtomicBool> {
    let hung_up = Arc::new(AtomicBool::new(false));
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    if ignored & 1 == 0 {
        // Where it is not allowed the mount is left dead, and the next one says what to do.
        let _ = signal_hook::flag::register(SIGHUP, Arc::clone(&hung_up));
    }
    hung_up
}

fn ended(result: io::Result<()>, shown: &str) -> Result<(), Failure> {
    result.map_err(|error| {
        Failure::new(Code::Failed, format!("the mount at {shown} has ended")).because(error)
    })
}

fn configuration(allow_other: bool) -> Config {
    let mut config = Config::default();
    config.mount_options = vec![
        MountOption::FSName("snap".to_owned()),
        MountOption::Subtype("snap".to_owned()),
        MountOption::RO,
        MountOption::NoDev,
        MountOption::NoSuid,
        MountOption::NoAtime,
    ];
    config.n_threads = Some(THREADS);
    if allow_other {
        // Modes and owners count as they would on any disk. Alone one may look at everything.
        config.mount_options.push(MountOption::DefaultPermissions);
        config.acl = SessionACL::All;
    }
    config
}

/// Says what is missing before anything is tried.
fn check_device() -> Result<(), Failure> {
    let Err(error) = OpenOptions::new().read(true).write(true).open(DEVICE) else {
        return Ok(());
    };
    let failure = |message: String| Failure::new(Code::Failed, message);
    Err(match error.kind() {
        io::ErrorKind::NotFound => {
            failure(format!("this machine has no FUSE: no {DEVICE}")).hint(format!(
                "`modprobe fuse` as root; a container needs --device {DEVICE} --cap-add \
                 SYS_ADMIN; {WITHOUT}"
            ))
        }
        io::ErrorKind::PermissionDenied => failure(format!("you may not use {DEVICE}"))
            .hint(format!("ask for the group that may, or run it as root; {WITHOUT}")),
        _ => failure(format!("cannot open {DEVICE}")).because(error).hint(WITHOUT),
    })
}

fn explain(error: &io::Error, path: &Path, allow_other: bool) -> Failure {
    let shown = readable(path.as_os_str().as_bytes());
    let failure = Failure::new(Code::Failed, format!("cannot mount in {shown}"));
    let text = error.to_string();
    match error.kind() {
        io::ErrorKind::NotFound if rustix::process::geteuid().is_root() => failure
            .because("root may not mount here")
            .hint(format!("a container needs --cap-add SYS_ADMIN; {WITHOUT}")),
        // Without root's rights fusermount3 mounts, and that is what was not found.
        io::ErrorKind::NotFound => failure
            .because("fusermount3 is not installed")
            .hint(format!("install it (package fuse3), or run snap as root; {WITHOUT}")),
        _ if allow_other && text.contains("user_allow_other") => {
            failure.because(readable(text.trim().as_bytes())).hint(
                "root writes the line user_allow_other into /etc/fuse.conf; or do without \
                   --allow-other",
            )
        }
        _ => failure
            .because(readable(text.trim().as_bytes()))
            .hint(format!("a container needs --cap-add SYS_ADMIN; {WITHOUT}")),
    }
}

/// Takes it out of the tree though it is in use.
fn detach(path: &Path) -> bool {
    let run = |program: &str, flags: &[&str]| {
        let mut command = Command::new(program);
        command.args(flags).arg("--").arg(path);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    run("umount", &["-l"]) || run("fusermount3", &["-u", "-z"])
}
