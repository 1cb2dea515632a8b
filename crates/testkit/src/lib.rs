//! What tests need and products don't. A dev-dependency only.

pub mod lag;
pub mod lsp;
pub mod project;
#[cfg(unix)]
pub mod sshd;
