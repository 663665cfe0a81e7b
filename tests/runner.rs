//! All integration tests are one binary: one link, and shared support.

mod files_memory;
mod files_source;
mod known_answers;
mod manifest;
mod storage_conformance;
mod support;
mod tidy;
mod transcripts;
