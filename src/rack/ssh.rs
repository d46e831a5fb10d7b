//! SSH as far as it can be decided without a network: where to go, what a host key is worth, what must be asked of the
//! person, and how OpenSSH's files are read.
//!
//! Invariant: no I/O. Files come in as text, answers go out as values; `clients::ssh` does the rest.

pub mod config;
pub mod known_hosts;
pub mod pattern;
pub mod resolved;

mod destination;
mod host_key;
mod question;
mod tokens;

pub use destination::Destination;
pub use host_key::{ChangedKey, HostKey, KnownAt};
pub use question::{Answer, Prompt, Question};
