//! The example `cluster` as a whole, with a node killed that follows, and with the one that leads.

mod common;

use std::process::Command;

use common::{example, play};

#[test]
fn the_rest_go_on_when_a_follower_is_killed() {
    let said = play("cluster", &[]);
    assert!(said.ends_with("done\n"), "{said}");
}

#[test]
fn the_rest_go_on_when_the_leader_is_killed() {
    let said = play("cluster", &["--kill-leader"]);
    assert!(said.contains("is killed; it leads") && said.ends_with("done\n"), "{said}");
}

#[test]
fn an_unknown_option_is_refused() {
    let status = Command::new(example("cluster")).arg("--kill-all").status().unwrap();
    assert_eq!(status.code(), Some(2));
}
