//! One file per thing that happens; each decides what follows. Owns no state of its own.

mod breakpoint;
mod configured;
mod debug;
mod examine;
mod file;
mod launch;
mod leave;
mod lines;
mod link;
mod mirror;
mod news;
mod runs;
mod stale;
mod terminal;

pub(crate) use debug::configuration_name;
pub use file::Question;

#[cfg(test)]
mod tests;
