//! What tests need and products don't. A dev-dependency only.

pub mod census;
pub mod command;
pub mod lag;
pub mod lsp;
pub mod project;
#[cfg(unix)]
pub mod sshd;
