//! Faults that a review found. Each test failed before its fault was mended.

mod contexts;
mod endings;
mod groups;
mod killing;
mod scheduling;
mod supervising;
