//! An interactive session is OpenSSH's own `ssh`, given the terminal as it is.
//!
//! Why not a channel of ours: a person at a shell expects their agent forwarding, `~.` and `~C`, their `RequestTTY`,
//! `SendEnv` and `LocalCommand`, and every byte of the terminal untouched. `ssh` has all of it, with no delay of ours
//! between key and echo, and it checks the same `known_hosts`. It costs a second login.

use std::ffi::OsString;

use super::{Settings, resolve};
use crate::rack::ssh::Destination;

/// Program and arguments.
pub(super) fn arguments(settings: &Settings, to: &Destination) -> Option<Vec<OsString>> {
    let program = settings.program.as_ref()?;
    let mut arguments = vec![program.into()];
    arguments.extend(resolve::arguments(settings, to));
    Some(arguments)
}
