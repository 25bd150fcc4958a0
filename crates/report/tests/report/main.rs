//! The crate from outside: records built in code go in, and what a person or a program would
//! read is checked.

mod benchmarks;
mod campaigns;
mod fixture;
mod look;
mod paper;
mod pictures;
mod promises;
