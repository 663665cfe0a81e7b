//! All integration tests are one binary: one link, and shared support.

mod protocol_model;
mod tidy;
