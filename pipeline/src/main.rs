//! The binary `tollgate`: hands the command line to [`pipeline::cli`].

use std::process::ExitCode;

/// The engine allocates in bursts from one thread and frees from the same; mimalloc suits that and stays small.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    pipeline::cli::main()
}
