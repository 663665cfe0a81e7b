//! `snap version`

use super::code::Code;
use super::context::Context;
use super::error::Failure;
use serde::Serialize;

/// The program and its version, as snapshots name it.
pub const PROGRAM: &str = concat!("snap ", env!("CARGO_PKG_VERSION"));

#[derive(Serialize)]
struct VersionMessage {
    version: &'static str,
    repository_format: u32,
    os: &'static str,
    arch: &'static str,
}

pub fn run(context: &Context) -> Result<Code, Failure> {
    let message = VersionMessage {
        version: env!("CARGO_PKG_VERSION"),
        repository_format: crate::format::VERSION,
        os: std::env::consts::OS,
        arch: std::env::consts::ARCH,
    };
    context.output.object("version", &message)?;
    let VersionMessage { repository_format, os, arch, .. } = message;
    context
        .output
        .line(format!("{PROGRAM}, repository format {repository_format}, {os} on {arch}"))?;
    Ok(Code::Done)
}
