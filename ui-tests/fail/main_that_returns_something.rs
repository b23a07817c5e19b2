#[casty::main]
async fn main() -> u64 {
    3
}
