//! Whole clusters on simulated time and network.

mod forming;
