//! What tests need and products don't. A dev-dependency only.

pub mod census;
pub mod command;
pub mod editor;
pub mod lag;
pub mod lsp;
pub mod noise;
pub mod project;
pub mod python;
pub mod recorder;
pub mod scene;
#[cfg(unix)]
pub mod sshd;
