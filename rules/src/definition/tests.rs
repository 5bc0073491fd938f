//! Tests of reading a pack.
