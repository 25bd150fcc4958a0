//! A campaign: the slots of a schedule, one after another, whatever happens between them.
//!
//! ```text
//! schedule ─▶ header ─▶ [ next_step ─▶ event ─▶ run of the slot ─▶ event ] … ─▶ over
//! ```
//!
//! What comes next is decided by `weighbridge_experiment::next_step` from records alone, so
//! that a process which takes a campaign up after a reboot decides as the one before it
//! would have. Does not know how a run is conducted: that is a [`Slots`].

mod conduct;
mod lock;
mod slots;
mod time;
mod times;
mod unit;

pub(crate) use conduct::{Progress, Told, conduct};
pub(crate) use lock::Lock;
pub(crate) use slots::RunSlots;
pub(crate) use time::{HostTime, Time};
pub(crate) use times::slot_times;
pub(crate) use unit::unit;
