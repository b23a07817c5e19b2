//! The examples as programs that are run.

use std::{env, path::PathBuf, process::Command};

/// Runs an example to its end, which is a good one. Returns what it has said.
pub(crate) fn play(name: &str, args: &[&str]) -> String {
    let output = Command::new(example(name)).args(args).output().unwrap();
    let (said, problem) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{problem}");
    said.into_owned()
}

/// `cargo test` builds the examples beside the tests, unless it is told to build one test alone.
pub(crate) fn example(name: &str) -> PathBuf {
    let tests = env::current_exe().unwrap();
    let path = tests.ancestors().nth(2).unwrap().join("examples").join(format!("{name}{}", env::consts::EXE_SUFFIX));
    assert!(path.exists(), "run `cargo build -p casty-examples --example {name}` first: there is no {}", path.display());
    path
}
