//! The ledger on small inputs: balances, bad lines by number, exit codes.

use std::{
    ffi::OsString,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use casty::prelude::*;
use casty_examples::ledger::{Console, execute};

/// One run of the program.
struct Run {
    code: u8,
    out: String,
    err: Vec<String>,
}

async fn run(system: &ActorSystem, args: &[&str]) -> Run {
    let mut out = Vec::new();
    let err = Arc::new(Mutex::new(Vec::new()));
    let console = Console::new(err.clone());
    let code = execute(system, args.iter().map(OsString::from), &mut out, console).await;
    let err = String::from_utf8(err.lock().unwrap().clone()).unwrap();
    let mut err: Vec<_> = err.lines().map(str::to_owned).collect();
    err.sort();
    Run { code, out: String::from_utf8(out).unwrap(), err }
}

impl Run {
    fn last_line(&self) -> &str {
        self.out.lines().next_back().unwrap_or_default()
    }

    fn balances(&self) -> Vec<(&str, &str)> {
        let rows = self.out.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
        rows.map_while(|row| if let [account, balance] = row[..] { Some((account, balance)) } else { None }).collect()
    }
}

/// A file that goes when the test ends.
struct Csv(PathBuf);

impl Csv {
    fn of(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("casty-ledger-{}-{name}.csv", std::process::id()));
        fs::write(&path, bytes).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Csv {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[casty::test]
async fn balances_are_right_and_bad_lines_are_named(system: ActorSystem) {
    let csv = Csv::of(
        "mixed",
        b"account,amount\n\
          alice,100.00\n\
          bob,20.50\n\
          alice,-30.25\n\
          alice\n\
          bob,ten\n\
          \n\
          carol,1.001\n\
          \xFFdave,1.00\n\
          bob,-50.00\n\
          ,7.00\n\
          carol,0.01,extra\n\
          carol,0.10\n",
    );
    let run = run(&system, &[csv.path(), "--all"]).await;
    assert_eq!(run.balances(), [("alice", "69.75"), ("carol", "0.10"), ("bob", "-29.50")]);
    assert_eq!(
        run.err,
        [
            "line 11: there is no account",
            "line 12: the line has 3 field(s) instead of 2",
            "line 5: the line has 1 field(s) instead of 2",
            "line 6: the amount is not a number such as 12.34",
            "line 8: the amount has more than two digits after the point",
            "line 9: the line is not valid UTF-8",
        ]
    );
    assert!(run.out.contains("11 lines (6 bad), 3 accounts"), "{}", run.out);
    assert_eq!(run.last_line(), "sums match: the balances and the good lines both come to 40.35");
    assert_eq!(run.code, 0);
}

#[casty::test]
async fn an_account_that_fails_on_a_line_keeps_its_balance_and_goes_on(system: ActorSystem) {
    let csv = Csv::of(
        "overflow",
        b"account,amount\nrich,92233720368547758.07\nrich,0.01\nrich,0.02\nrich,0.03\nrich,0.04\nrich,0.05\nrich,-0.07\n",
    );
    let run = run(&system, &[csv.path()]).await;
    assert_eq!(run.balances(), [("rich", "92233720368547758.00")]);
    assert_eq!(run.err.len(), 5, "{:?}", run.err);
    for (line, err) in (3..).zip(&run.err) {
        assert!(err.starts_with(&format!("line {line}: ")) && err.contains("too large"), "{err}");
    }
    assert_eq!(run.last_line(), "sums match: the balances and the good lines both come to 92233720368547758.00");
    assert_eq!(run.code, 0);
}

#[casty::test]
async fn a_generated_file_is_the_same_written_or_run(system: ActorSystem) {
    let csv = Csv::of("generated", b"");
    let generate = ["--generate", "20000", "--bad", "50", "--accounts", "30"];
    let written = run(&system, &[&generate[..], &["--out", csv.path()]].concat()).await;
    assert_eq!((written.code, written.out.as_str()), (0, ""));

    let from_file = run(&system, &[csv.path(), "--all"]).await;
    assert_eq!(from_file.err.len(), 50);
    assert_eq!(from_file.code, 0);

    let made_up = run(&system, &[&generate[..], &["--all"]].concat()).await;
    assert_eq!(made_up.balances(), from_file.balances());
    assert_eq!(made_up.err, from_file.err);
    assert_eq!(made_up.last_line(), from_file.last_line());
}

#[casty::test]
async fn an_input_that_cannot_be_used_is_said_so(system: ActorSystem) {
    let empty = Csv::of("empty", b"");
    let headless = Csv::of("headless", b"alice,100.00\n");
    for (args, text) in [
        (&["/nowhere/at/all.csv"][..], "cannot open /nowhere/at/all.csv"),
        (&["/"], "/: reading failed after line 0: Is a directory"),
        (&[empty.path()], "the input is empty"),
        (&[headless.path()], "the first line is \"alice,100.00\" instead of the header"),
        (&["--fast"], "there is no option --fast"),
        (&["--generate", "1", "--out", "/nowhere/at/all.csv"], "cannot write /nowhere/at/all.csv"),
    ] {
        let run = run(&system, args).await;
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{args:?}");
        assert!(run.err.len() == 1 && run.err[0].contains(text), "{args:?}: {:?}", run.err);
    }
}

#[casty::test]
async fn nothing_but_a_header_is_a_ledger_without_accounts(system: ActorSystem) {
    let csv = Csv::of("header", b"account,amount\n");
    let run = run(&system, &[csv.path()]).await;
    assert_eq!(run.last_line(), "sums match: the balances and the good lines both come to 0.00");
    assert_eq!((run.code, run.err.len()), (0, 0));
}

#[casty::test]
async fn help_is_printed_where_it_is_asked_for(system: ActorSystem) {
    let run = run(&system, &["--help"]).await;
    assert!(run.out.contains("usage: ledger"));
    assert_eq!((run.code, run.err.len()), (0, 0));
}
