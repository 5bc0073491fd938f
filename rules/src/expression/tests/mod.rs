//! Tests of the expression engine, by theme.

