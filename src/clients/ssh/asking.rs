//! Questions to the person, as data: what is asked, and where the answer goes. This module knows no screen.

use tokio::sync::{mpsc, oneshot};

use super::Error;
use crate::rack::secret::Secret;
use crate::rack::ssh::{Answer, Question};

/// A question and the way back for its answer. Dropping the way back declines.
#[derive(Debug)]
pub struct Ask {
    pub question: Question,
    pub answer: oneshot::Sender<Answer>,
}

/// Asks on behalf of one destination.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    asks: mpsc::Sender<Ask>,
    /// `BatchMode`: everything is declined at once.
    is_batch: bool,
}

impl Asker {
    pub(super) fn new(asks: mpsc::Sender<Ask>) -> Self {
        Self {
            asks,
            is_batch: false,
        }
    }

    pub(super) fn in_batch_mode(&self, is_batch: bool) -> Self {
        Self {
            asks: self.asks.clone(),
            is_batch,
        }
    }

    /// Waits for the answer for as long as the person takes.
    pub(super) async fn ask(&self, question: Question) -> Answer {
        if self.is_batch {
            return Answer::No;
        }
        let (answer, answered) = oneshot::channel();
        if self.asks.send(Ask { question, answer }).await.is_err() {
            return Answer::No;
        }
        answered.await.unwrap_or(Answer::No)
    }

    /// A question that is answered with one secret; `None` when it is declined.
    pub(super) async fn secret(&self, question: Question) -> Option<Secret> {
        match self.ask(question).await {
            Answer::Secret(secret) => Some(secret),
            Answer::Secrets(secrets) => secrets.into_iter().next(),
            Answer::Yes | Answer::No => None,
        }
    }
}

pub(super) fn declined(at: &str, what: impl Into<String>) -> Error {
    Error::Declined {
        at: at.to_owned(),
        what: what.into(),
    }
}
