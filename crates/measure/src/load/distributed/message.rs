use serde::{Deserialize, Serialize};
use weighbridge_experiment::load::{LoadPlan, LoadRecord};

use crate::load::LoadSnapshot;

/// Version of what is said. Another one is refused.
pub(super) const VERSION: u32 = 1;

/// Which of several equal shares of a load: every `of`-th user or request from `index` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// From 0.
    pub index: u32,
    /// How many there are.
    pub of: u32,
}

impl Default for Share {
    fn default() -> Self {
        Self { index: 0, of: 1 }
    }
}

/// What coordinator and workers say to each other, in this order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum Message {
    /// Worker: lets itself in.
    Hello {
        /// Version of the protocol.
        version: u32,
        /// The secret that both were given.
        token: String,
        /// What the worker is called in notes.
        name: String,
    },
    /// Coordinator: the worker is taken.
    Welcome,
    /// Coordinator: it is not.
    Refused {
        /// Why.
        reason: String,
    },
    /// Coordinator: begin now.
    Start {
        /// The whole load.
        plan: Box<LoadPlan>,
        /// The worker's part of it.
        share: Share,
    },
    /// Coordinator: end now, and tell what there is.
    Stop,
    /// Worker: twice a second, that it is alive.
    Alive,
    /// Worker: once a second, how far it is.
    Progress {
        /// Its own part.
        snapshot: LoadSnapshot,
    },
    /// Worker: its part is done.
    Done {
        /// What was measured.
        record: Box<LoadRecord>,
    },
    /// Worker: it could not begin.
    Failed {
        /// Why.
        reason: String,
    },
}
