//! Tests of checking a pack.
