//! The example `cluster` as a whole, with a node killed that follows, and with the one that leads.

use std::{env, path::PathBuf, process::Command};

#[test]
fn the_rest_go_on_when_a_follower_is_killed() {
    let said = play(&[]);
    assert!(said.ends_with("done\n"), "{said}");
}

#[test]
fn the_rest_go_on_when_the_leader_is_killed() {
    let said = play(&["--kill-leader"]);
    assert!(said.contains("is killed; it leads") && said.ends_with("done\n"), "{said}");
}

#[test]
fn an_unknown_option_is_refused() {
    let status = Command::new(example()).arg("--kill-all").status().unwrap();
    assert_eq!(status.code(), Some(2));
}

fn play(args: &[&str]) -> String {
    let output = Command::new(example()).args(args).output().unwrap();
    let (said, problem) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{problem}");
    said.into_owned()
}

/// `cargo test` builds the examples beside the tests, unless it is told to build one test alone.
fn example() -> PathBuf {
    let tests = env::current_exe().unwrap();
    let path = tests.ancestors().nth(2).unwrap().join("examples").join(format!("cluster{}", env::consts::EXE_SUFFIX));
    assert!(path.exists(), "run `cargo build -p casty-examples --example cluster` first: there is no {}", path.display());
    path
}
