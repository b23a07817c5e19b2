//! The examples with actors by id, as a whole: `chat_room`, `scheduler` and `bank`.

mod common;

use std::collections::BTreeSet;

use common::play;

#[test]
fn the_room_goes_on_elsewhere_with_its_members_and_its_history() {
    let said = play("chat_room", &[]);
    let lines: Vec<&str> = said.lines().collect();
    let [before, after, members, history @ ..] = &lines[..] else { panic!("{said}") };
    let place = |line: &str| line.strip_prefix("\"general\" is on ").map(str::to_owned);
    assert!(place(before).is_some() && place(after).is_some() && before != after, "{said}");
    assert_eq!(*members, "members: ada, edsger, grace");
    let posts = ["ada", "grace", "edsger"].map(|who| format!("{who}: hello, {who} here"));
    assert_eq!(history, posts, "{said}");
}

#[test]
fn each_job_is_done_once_and_the_scheduler_goes_on_when_its_node_goes() {
    let said = play("scheduler", &[]);
    let done = said.lines().find_map(|line| line.strip_prefix("done: ")).unwrap_or_else(|| panic!("{said}"));
    let jobs: Vec<&str> = done.split(", ").collect();
    let all = BTreeSet::from(["backup", "clean up", "report", "rest"]);
    assert_eq!((jobs.len(), jobs.into_iter().collect::<BTreeSet<_>>()), (4, all), "{said}");
    assert!(said.contains("rest on two\n"), "{said}");
}

#[test]
fn there_is_as_much_money_as_before_when_a_node_has_gone_and_come_back() {
    let said = play("bank", &[]);
    assert_eq!((said.matches("three has gone\n").count(), said.matches("three is back\n").count()), (2, 2), "{said}");
    let balances: Vec<u64> = said.lines().filter_map(|line| line.split_once(" has ")?.1.parse().ok()).collect();
    assert_eq!((balances.len(), balances.iter().sum::<u64>()), (4, 400), "{said}");
    assert!(said.contains("; 400 in all\n"), "{said}");
}
