//! Stories across crates, and the checks of the whole checkout.
//!
//! Owns what no single crate can test: the borders between crates (`tidy`), and what benches
//! (`bench`) and the stories in `tests/` share. Never part of the product.

pub mod bench;
pub mod tidy;
