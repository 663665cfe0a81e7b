//! Runs a command under `ptrace`, counts the calls of all its threads that change a disk, and does
//! harm at one of them.
//!
//! The child asks to be traced and installs the filter before it becomes the command. So it stops
//! once it has, and the supervisor sets its options before the first instruction runs.

use super::calls::{Call, find};
use super::filter;
use super::tracee::{is_on_disk, place};
use libc::{c_int, c_long, pid_t, user_regs_struct};
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// No command of these takes this long.
const HANGING: Duration = Duration::from_secs(60);

/// What happens at one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    Nothing,
    /// The process is killed, and the call is not made.
    KillBefore,
    /// The call is made, then the process is killed.
    KillAfter,
    /// The call is not made, and ends with this error.
    Error(i32),
}

/// What became of a command.
#[derive(Debug, Default)]
pub struct Run {
    /// Calls that change a disk, of all threads.
    pub calls: u64,
    /// Each of them.
    pub trace: Vec<String>,
    /// Where the harm was done, if the command came so far.
    pub struck: Option<String>,
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    pub hung: bool,
    pub stdout: String,
    pub stderr: String,
}

struct Supervisor {
    leader: pid_t,
    harm: Harm,
    /// The number of the call at which it is done, from 1.
    at: u64,
    run: Run,
    is_begun: bool,
}

/// Runs a command to its end. An error means that this machine does not allow to trace.
pub fn supervise(command: &mut Command, harm: Harm, at: u64) -> io::Result<Run> {
    let mut child = spawn(command)?;
    let leader = child.id() as pid_t;
    let (ended, end) = mpsc::channel();
    let watchdog = std::thread::spawn(move || kill_if_hanging(leader, &end));
    let mut supervisor = Supervisor { leader, harm, at, run: Run::default(), is_begun: false };
    supervisor.follow();
    let _ = ended.send(());
    let mut run = supervisor.run;
    run.hung = watchdog.join().unwrap();
    (run.stdout, run.stderr) = collect(&mut child);
    Ok(run)
}

fn spawn(command: &mut Command) -> io::Result<Child> {
    let mut program = filter::program();
    let prepare = move || {
        let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
        // SAFETY: system calls with valid arguments, and nothing else, as it must be after a fork.
        unsafe {
            check(libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0))?;
            check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0).into())?;
            let mode = libc::SECCOMP_MODE_FILTER;
            check(libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const filter).into())
        }
    };
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    // SAFETY: see above.
    unsafe { command.pre_exec(prepare) };
    command.spawn()
}

fn check(result: c_long) -> io::Result<()> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Whether it did hang.
fn kill_if_hanging(process: pid_t, end: &mpsc::Receiver<()>) -> bool {
    let hangs = end.recv_timeout(HANGING) == Err(mpsc::RecvTimeoutError::Timeout);
    if hangs {
        kill(process);
    }
    hangs
}

fn kill(process: pid_t) {
    // SAFETY: a system call with plain arguments. Who was not waited for keeps its number.
    unsafe { libc::kill(process, libc::SIGKILL) };
}

/// What was printed: little, so it is still in the pipes.
fn collect(child: &mut Child) -> (String, String) {
    let mut texts = (Vec::new(), Vec::new());
    child.stdout.take().unwrap().read_to_end(&mut texts.0).unwrap();
    child.stderr.take().unwrap().read_to_end(&mut texts.1).unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(texts.0), text(texts.1))
}

impl Supervisor {
    /// Until nobody is left.
    fn follow(&mut self) {
        while let Some((thread, status)) = wait() {
            if libc::WIFSTOPPED(status) {
                self.stopped(thread, status);
            } else if thread == self.leader {
                self.run.code = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
            }
        }
    }

    fn stopped(&mut self, thread: pid_t, status: c_int) {
        let signal = libc::WSTOPSIG(status);
        match status >> 16 {
            libc::PTRACE_EVENT_SECCOMP => self.at_call(thread),
            0 if signal == libc::SIGTRAP | 0x80 => {
                // The call at which it was to be killed was made.
                kill(self.leader);
                resume(thread, 0);
            }
            0 if signal == libc::SIGTRAP && !self.is_begun => {
                self.is_begun = true;
                set_options(thread);
                resume(thread, 0);
            }
            // Threads begin with a stop of their own.
            0 if signal != libc::SIGSTOP => resume(thread, signal),
            _ => resume(thread, 0),
        }
    }

    fn at_call(&mut self, thread: pid_t) {
        let Some(mut registers) = registers(thread) else { return resume(thread, 0) };
        let call = find(registers.orig_rax).filter(|call| is_on_disk(thread, call, &registers));
        let Some(call) = call else { return resume(thread, 0) };
        self.count(thread, call, &registers);
        if self.run.calls != self.at {
            return resume(thread, 0);
        }
        self.run.struck = self.run.trace.last().cloned();
        match self.harm {
            Harm::Nothing => resume(thread, 0),
            Harm::KillBefore => {
                kill(self.leader);
                resume(thread, 0);
            }
            Harm::KillAfter => resume_to_end_of_call(thread),
            Harm::Error(errno) => {
                registers.orig_rax = u64::MAX;
                registers.rax = (-i64::from(errno)) as u64;
                set_registers(thread, &registers);
                resume(thread, 0);
            }
        }
    }

    fn count(&mut self, thread: pid_t, call: &Call, registers: &user_regs_struct) {
        self.run.calls += 1;
        let number = self.run.calls;
        let place = place(thread, call, registers);
        self.run.trace.push(format!("{number} [{thread}] {} {place}", call.name));
    }
}

/// The next report of this thread's tracees; those of other tests' threads are left to them.
fn wait() -> Option<(pid_t, c_int)> {
    let mut status = 0;
    loop {
        // SAFETY: a system call with a valid place for its answer.
        let found = unsafe { libc::waitpid(-1, &mut status, libc::__WALL | libc::__WNOTHREAD) };
        match found {
            -1 if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            -1 => return None,
            thread => return Some((thread, status)),
        }
    }
}

fn set_options(thread: pid_t) {
    let options = libc::PTRACE_O_TRACESECCOMP
        | libc::PTRACE_O_TRACESYSGOOD
        | libc::PTRACE_O_TRACECLONE
        | libc::PTRACE_O_TRACEFORK
        | libc::PTRACE_O_TRACEVFORK
        | libc::PTRACE_O_TRACEEXEC
        | libc::PTRACE_O_EXITKILL;
    // SAFETY: a system call with plain arguments.
    let set = unsafe { libc::ptrace(libc::PTRACE_SETOPTIONS, thread, 0, options) };
    assert_eq!(set, 0, "the options of ptrace: {}", io::Error::last_os_error());
}

/// One that was killed meanwhile is not there any more.
fn resume(thread: pid_t, signal: c_int) {
    // SAFETY: a system call with plain arguments.
    unsafe { libc::ptrace(libc::PTRACE_CONT, thread, 0, c_long::from(signal)) };
}

fn resume_to_end_of_call(thread: pid_t) {
    // SAFETY: a system call with plain arguments.
    unsafe { libc::ptrace(libc::PTRACE_SYSCALL, thread, 0, 0 as c_long) };
}

fn registers(thread: pid_t) -> Option<user_regs_struct> {
    let mut registers = std::mem::MaybeUninit::<user_regs_struct>::uninit();
    // SAFETY: the kernel fills all of it, or says that it did not.
    unsafe {
        let done = libc::ptrace(libc::PTRACE_GETREGS, thread, 0, registers.as_mut_ptr());
        (done == 0).then(|| registers.assume_init())
    }
}

fn set_registers(thread: pid_t, registers: &user_regs_struct) {
    // SAFETY: the kernel only reads it.
    let done = unsafe { libc::ptrace(libc::PTRACE_SETREGS, thread, 0, registers) };
    assert_eq!(done, 0, "an error for thread {thread}: {}", io::Error::last_os_error());
}
