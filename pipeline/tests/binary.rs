//! The binary starts. That there is a test like this makes `cargo test --workspace` build it for the scenarios in
//! `tests/`, which run it.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::process::Command;

#[test]
fn it_says_its_name_and_version() {
    let done = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .arg("--version")
        .output()
        .unwrap();
    assert!(done.status.success());
    assert_eq!(
        String::from_utf8(done.stdout).unwrap(),
        concat!("tollgate ", env!("CARGO_PKG_VERSION"), "\n")
    );
}
