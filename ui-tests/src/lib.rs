//! What must compile, in `pass/`, and what must not, in `fail/`, each beside the text that a user gets to read.
//!
//! The texts are those of one compiler, the one that the pipeline uses. After a change that is meant, write them anew with
//! `TRYBUILD=overwrite cargo test -p casty-ui-tests` and read what has changed as somebody who is new to casty would.
