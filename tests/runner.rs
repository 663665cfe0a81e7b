//! All integration tests are one binary: one link, and shared support.

mod cli_errors;
mod cli_json;
mod cli_terminal;
mod damage;
mod files_changing;
mod files_memory;
mod files_random;
mod files_source;
mod files_target;
mod files_tree;
mod files_world;
mod fixtures;
mod in_place;
mod kill_rounds;
mod known_answers;
mod manifest;
mod protocol_model;
mod protocol_order;
mod simulated_world;
mod storage_conformance;
mod support;
mod tidy;
mod transcripts;
mod unchanged;
