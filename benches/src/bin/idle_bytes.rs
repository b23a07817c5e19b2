//! Bytes of an idle actor of one contestant, counted by the allocator: `idle_bytes <contestant> [--quick]`.
//!
//! `compare` builds and runs this in a process for each contestant and round. Prints bytes an actor: allocated when fresh and after one message,
//! then the growth of the process for each, fresh and after one message.

use cap::Cap;
use casty_benches::{ALLOCATOR, Allocator, Contestant, Size};

#[global_allocator]
static COUNTED: Cap<Allocator> = Cap::new(ALLOCATOR, usize::MAX);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let Some(contestant) = Contestant::ALL.into_iter().find(|contestant| contestant.name() == name) else {
        eprintln!("usage: idle_bytes <contestant> [--quick]");
        std::process::exit(2);
    };
    let size = if arguments.next().as_deref() == Some("--quick") { Size::QUICK } else { Size::FULL };
    casty_benches::fail_on_any_panic();
    for figure in contestant.measure_idle(|| COUNTED.allocated(), size) {
        println!("{figure}");
    }
    // Taking 200,000 actors down proves nothing here.
    std::process::exit(0);
}
