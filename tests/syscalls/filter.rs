//! A seccomp filter by which only the calls of the table stop for the supervisor: the others run
//! at full speed.

use super::calls::{CALLS, Call, When};
use libc::{BPF_ABS, BPF_JEQ, BPF_JGT, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W};
use libc::{SECCOMP_RET_ALLOW, SECCOMP_RET_TRACE, sock_filter};

/// Where `struct seccomp_data` has the number of the call, and its arguments.
const NUMBER: u32 = 0;
const ARGUMENTS: u32 = 16;

pub fn program() -> Vec<sock_filter> {
    let mut program = vec![load(NUMBER)];
    for call in CALLS {
        let block = block(call);
        program.push(jump(BPF_JEQ, call.number as u32, 0, block.len() as u8));
        program.extend(block);
    }
    program.push(result(SECCOMP_RET_ALLOW));
    program
}

/// What is done when it is this call: each way through ends with an answer.
fn block(call: &Call) -> Vec<sock_filter> {
    let (trace, allow) = (result(SECCOMP_RET_TRACE), result(SECCOMP_RET_ALLOW));
    match call.when {
        When::Always => vec![trace],
        When::AboveStandard(argument) => {
            vec![load_argument(argument), jump(BPF_JGT, 2, 0, 1), trace, allow]
        }
        When::AnyOf(argument, bits) => {
            vec![load_argument(argument), jump(BPF_JSET, bits, 0, 1), trace, allow]
        }
        When::OneOf(argument, [one, other]) => vec![
            load_argument(argument),
            jump(BPF_JEQ, one, 1, 0),
            jump(BPF_JEQ, other, 0, 1),
            trace,
            allow,
        ],
    }
}

/// The lower half is enough: flags, descriptors and requests have 32 bits.
fn load_argument(number: u32) -> sock_filter {
    load(ARGUMENTS + 8 * number)
}

fn load(offset: u32) -> sock_filter {
    instruction(BPF_LD | BPF_W | BPF_ABS, 0, 0, offset)
}

fn jump(condition: u32, value: u32, yes: u8, no: u8) -> sock_filter {
    instruction(BPF_JMP | condition | BPF_K, yes, no, value)
}

fn result(value: u32) -> sock_filter {
    instruction(BPF_RET | BPF_K, 0, 0, value)
}

fn instruction(code: u32, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code: code as u16, jt, jf, k }
}
