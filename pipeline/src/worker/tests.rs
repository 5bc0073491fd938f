//! The worker over a log in memory.
