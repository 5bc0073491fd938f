//! Tests of the list of codes.
