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
mod kill_rounds;
mod known_answers;
mod manifest;
mod mongo_backup;
mod mongo_keys;
mod mongo_writers;
mod protocol_model;
mod protocol_order;
mod simulated_world;
mod storage_conformance;
mod support;
mod tidy;
mod transcripts;
mod unchanged;
