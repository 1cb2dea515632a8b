//! Floor 2: keeps a remote folder equal to a local one, in one direction.
//!
//! Owns what must change on the remote, in which order, and the record of what is ours there. Never
//! starts a connection (it is handed a [`remora_agent::Link`]) and never words anything for the user.

mod anchor;
mod batch;
mod case;
mod compare;
mod delta;
mod error;
mod event;
mod explain;
mod fetch;
mod index;
mod large;
mod links;
mod look;
mod memory;
mod mirror;
mod modes;
mod notice;
mod pack;
mod place;
mod plan;
mod push;
mod queue;
mod record;
mod replace;
mod rules;
mod scan;
mod spelling;
mod state;
mod survey;
mod task;
mod trash;
mod watch;

pub use error::MirrorError;
pub use explain::{Why, explain_path};
pub use fetch::read_there;
pub use links::LeftLink;
pub use memory::keep_few_pools;
pub use mirror::{Config, Mirror, Tell, start, start_telling};
pub use notice::{
    Barrier, Blocked, Change, HeldFiles, LargeFiles, Notice, PATHS_NAMED, PATHS_WAITING, Phase, PlannedChange,
    Progress, RemovalLimits, Status,
};
pub use place::relative_path;
pub use rules::Rule;
pub use trash::{Restore, list_trash, restore};
