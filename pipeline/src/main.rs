//! The binary `tollgate`: hands the command line to [`pipeline::cli`].

fn main() {}
