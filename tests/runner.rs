//! All integration tests are one binary: one link, and shared support.

mod storage_conformance;
mod tidy;
