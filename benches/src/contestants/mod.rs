//! Who is compared, a file each.

mod actix;
mod casty;
mod kameo;
mod ractor;
mod raw;

use std::fmt;

use crate::framework::Framework;
use crate::idle::{self, Live};
use crate::scenario::{self, Report, Scenario, Size};

/// Who is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contestant {
    /// casty.
    Casty,
    /// tokio without a framework: an unbounded `mpsc`, a `oneshot` for answers, a task an actor.
    Raw,
    /// kameo.
    Kameo,
    /// ractor.
    Ractor,
    /// actix over two arbiters.
    Actix,
    /// actix within one thread.
    ActixOneThread,
}

impl Contestant {
    /// All of them, in the table's order.
    pub const ALL: [Self; 6] = [Self::Casty, Self::Raw, Self::Kameo, Self::Ractor, Self::Actix, Self::ActixOneThread];

    /// The name in the table and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Casty => "casty",
            Self::Raw => "raw",
            Self::Kameo => "kameo",
            Self::Ractor => "ractor",
            Self::Actix => "actix",
            Self::ActixOneThread => "actix-1",
        }
    }

    /// Runs a scenario other than [`Scenario::Idle`] in this process.
    pub fn measure(self, scenario: Scenario, size: Size) -> Report {
        self.visit(Speed { scenario, size })
    }

    /// Runs [`Scenario::Idle`] in this process, whose allocator tells what is `live`.
    pub fn measure_idle(self, live: Live, size: Size) -> Report {
        self.visit(Idle { live, size })
    }

    fn visit(self, visitor: impl Visitor) -> Report {
        match self {
            Self::Casty => visitor.visit::<casty::Casty>(),
            Self::Raw => visitor.visit::<raw::Raw>(),
            Self::Kameo => visitor.visit::<kameo::Kameo>(),
            Self::Ractor => visitor.visit::<ractor::Ractor>(),
            Self::Actix => visitor.visit::<actix::Actix<2>>(),
            Self::ActixOneThread => visitor.visit::<actix::Actix<1>>(),
        }
    }
}

impl fmt::Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something to do with the type behind a [`Contestant`].
trait Visitor {
    fn visit<F: Framework>(self) -> Report;
}

struct Speed {
    scenario: Scenario,
    size: Size,
}

impl Visitor for Speed {
    fn visit<F: Framework>(self) -> Report {
        scenario::measure::<F>(self.scenario, self.size)
    }
}

struct Idle {
    live: Live,
    size: Size,
}

impl Visitor for Idle {
    fn visit<F: Framework>(self) -> Report {
        idle::measure::<F>(self.live, self.size)
    }
}
