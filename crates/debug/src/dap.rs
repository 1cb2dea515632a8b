//! Owns the Debug Adapter Protocol as this product needs it: the framing and a small client.

pub mod frames;
