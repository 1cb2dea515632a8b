//! Owns the Debug Adapter Protocol as this product needs it: the framing and a small client.

mod client;
pub(crate) mod envelope;
pub mod frames;

pub use client::{Breakpoint, Client, ClientError, Frame, Variable};
