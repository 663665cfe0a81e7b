//! All integration tests are one binary: one link, and shared support.

