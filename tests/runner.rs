//! All integration tests are one binary: one link, and shared support.

mod manifest;
mod support;
mod tidy;
mod transcripts;
