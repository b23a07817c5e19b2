use casty::prelude::*;

#[actor(mailbux = 3)]
struct Unknown;

#[actor]
impl Unknown {}

#[actor(mailbox = 3, mailbox = 4)]
struct Repeated;

#[actor]
impl Repeated {}

#[actor(overflow = Fail)]
struct OverflowOfNothing;

#[actor]
impl OverflowOfNothing {}

#[actor(mailbox = 3, overflow = DropAll)]
struct UnknownOverflow;

#[actor]
impl UnknownOverflow {}

#[actor(mailbox = 0)]
struct NoRoom;

#[actor]
impl NoRoom {}

#[actor]
struct OnTheImpl;

#[actor(mailbox = 3)]
impl OnTheImpl {}

fn main() {}
