#![deny(warnings, clippy::pedantic)]

/// Does nothing.
#[allow(clippy::needless_return)]
#[casty::main]
async fn main() {
    return;
}

#[casty::test]
async fn nothing() -> Result<(), std::num::ParseIntError> {
    "1".parse::<u8>().map(drop)
}

#[casty::test(virtual_time)]
#[should_panic(expected = "as it should")]
async fn panics(_: casty::ActorSystem) {
    panic!("as it should");
}
