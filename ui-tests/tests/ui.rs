//! Compiles all that is in `pass/` and `fail/`.

#[test]
fn what_must_compile_does_and_what_must_not_says_why() {
    let tests = trybuild::TestCases::new();
    tests.pass("pass/*.rs");
    tests.compile_fail("fail/*.rs");
}
