//! Owns the two kinds of TCP port, so that a local one is never handed where a remote one belongs.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! port {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u16);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

port!(
    /// A TCP port on this machine.
    LocalPort
);
port!(
    /// A TCP port on the machine of a target.
    RemotePort
);
