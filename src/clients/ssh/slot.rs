//! The place of one host: its connection, the pause after a failure, and what is remembered for the next login.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;
use super::root::Way;
use super::{Error, Route};
use crate::clients::backoff::Backoff;
use crate::rack::secret::Secret;

/// The longest pause between tries that nobody asked for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A login that was refused is not tried again soon: servers count, and lock out.
const AFTER_REFUSAL: Duration = Duration::from_secs(300);

#[derive(Default)]
pub(super) struct Slot {
    /// Held while dialling: whoever comes meanwhile waits for the same connection.
    pub(super) state: tokio::sync::Mutex<State>,
    pub(super) way: tokio::sync::Mutex<Way>,
    pause: Mutex<Pause>,
    /// The hop before it, once it was tried through one.
    behind: Mutex<Option<Route>>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) connection: Option<Arc<Connection>>,
    pub(super) password: Option<Secret>,
}

#[derive(Default)]
struct Pause {
    error: Option<Error>,
    /// `None` with an error: until somebody asks.
    until: Option<Instant>,
    backoff: Option<Backoff>,
}

impl State {
    /// The connection, when it still stands.
    pub(super) fn live(&mut self) -> Option<Arc<Connection>> {
        if self
            .connection
            .as_ref()
            .is_some_and(|connection| connection.is_closed())
        {
            self.connection = None;
        }
        self.connection.clone()
    }
}

impl Slot {
    /// The last failure, while it is too early to try again.
    pub(super) fn is_pausing(&self) -> Option<Error> {
        let pause = self.pause();
        let is_over = pause.until.is_some_and(|until| until <= Instant::now());
        pause.error.clone().filter(|_| !is_over)
    }

    pub(super) fn goes_through(&self, hop: Route) {
        *self.behind.lock().unwrap_or_else(PoisonError::into_inner) = Some(hop);
    }

    pub(super) fn behind(&self) -> Option<Route> {
        self.behind
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn failed(&self, error: &Error) {
        let mut pause = self.pause();
        let backoff = pause.backoff.get_or_insert_with(Backoff::new);
        let wait = if error.is_declined() {
            None
        } else if error.is_transient() {
            Some(backoff.next(LONGEST_PAUSE))
        } else {
            Some(AFTER_REFUSAL)
        };
        pause.until = wait.map(|wait| Instant::now() + wait);
        pause.error = Some(error.clone());
    }

    pub(super) fn succeeded(&self) {
        *self.pause() = Pause::default();
    }

    pub(super) fn retry(&self) {
        self.succeeded();
    }

    /// What is in use at this moment stays until it is not.
    pub(super) fn forget_secrets(&self) {
        if let Ok(mut state) = self.state.try_lock() {
            state.password = None;
        }
        if let Ok(mut way) = self.way.try_lock() {
            *way = Way::Unknown;
        }
    }

    fn pause(&self) -> MutexGuard<'_, Pause> {
        self.pause.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
