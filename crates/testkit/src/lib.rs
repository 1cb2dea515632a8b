//! What tests need and products don't. A dev-dependency only.

pub mod lag;
pub mod project;
pub mod sshd;
