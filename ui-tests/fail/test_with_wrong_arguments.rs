#[casty::test(virtual)]
async fn unknown() {}

#[casty::test]
fn not_async() {}

fn main() {}
