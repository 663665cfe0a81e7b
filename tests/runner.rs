//! All integration tests are one binary: one link, and shared support.

mod damage;
mod files_changing;
mod files_memory;
mod files_source;
mod files_tree;
mod manifest;
mod storage_conformance;
mod support;
mod tidy;
mod transcripts;
