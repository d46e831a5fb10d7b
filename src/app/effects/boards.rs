//! Effects on boards: watching them, doing something to them, and the questions their connections ask.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};

use crate::app::effects::Effects;
use crate::clients::board;
use crate::clients::ssh::{self, Ssh};
use crate::effect::{RequestId, TaskKey};
use crate::msg::{Generation, Msg};
use crate::rack::board::{Deed, Reading};
use crate::rack::node::NodeName;
use crate::rack::problem::Problem;
use crate::rack::ssh::{Answer, Destination};

/// All sessions, and the questions that wait for the person.
pub(super) struct Sessions {
    pub(super) settings: ssh::Settings,
    ssh: Option<Ssh>,
    asked: Asked,
}

/// What the person has not answered yet.
type Asked = Arc<Mutex<HashMap<RequestId, oneshot::Sender<Answer>>>>;

impl Sessions {
    pub(super) fn new(settings: ssh::Settings) -> Sessions {
        Sessions {
            settings,
            ssh: None,
            asked: Arc::default(),
        }
    }

    /// Every connection that waits for an answer is told no.
    pub(super) fn decline_all(&self) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.clear();
    }
}

/// Asks the person for a connection, and takes the question back when the connection ends first.
async fn pass_on(request: RequestId, ask: ssh::Ask, asked: &Asked, inbox: &mpsc::Sender<Msg>) {
    let ssh::Ask {
        question,
        mut answer,
    } = ask;
    let (given, from_person) = oneshot::channel();
    let all = || asked.lock().unwrap_or_else(PoisonError::into_inner);
    all().insert(request, given);
    let _ = inbox.send(Msg::SshAsks { request, question }).await;
    tokio::select! { biased;
        given = from_person => {
            if let Ok(given) = given {
                // It may have ended at this moment.
                let _ = answer.send(given);
            }
        }
        () = answer.closed() => {
            all().remove(&request);
            let _ = inbox.send(Msg::SshAskEnded { request }).await;
        }
    }
}

impl Effects {
    /// In place of the person's own configuration of ssh.
    #[must_use]
    pub fn with_ssh(mut self, settings: ssh::Settings) -> Effects {
        self.sessions = Sessions::new(settings);
        self
    }

    /// The sessions; made when the first is needed.
    pub(super) fn ssh(&mut self) -> Ssh {
        if let Some(ssh) = &self.sessions.ssh {
            return ssh.clone();
        }
        let (asks, mut asking) = mpsc::channel::<ssh::Ask>(16);
        let ssh = Ssh::new(self.sessions.settings.clone(), asks);
        self.sessions.ssh = Some(ssh.clone());
        let (asked, inbox) = (Arc::clone(&self.sessions.asked), self.inbox.clone());
        self.read(TaskKey::SshAsks, async move {
            let (mut next, mut open) = (0, FuturesUnordered::new());
            loop {
                tokio::select! {
                    ask = asking.recv() => {
                        let Some(ask) = ask else { break };
                        next += 1;
                        open.push(pass_on(RequestId(next), ask, &asked, &inbox));
                    }
                    Some(()) = open.next() => {}
                }
            }
        });
        ssh
    }

    pub(super) fn answer_ssh(&self, request: RequestId, answer: Answer) {
        let mut asked = self
            .sessions
            .asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = asked.remove(&request) {
            // The connection may have ended meanwhile.
            let _ = waiting.send(answer);
        }
    }

    pub(super) fn act_on_board(
        &mut self,
        context: String,
        node: NodeName,
        to: Destination,
        deed: Deed,
    ) {
        let (ssh, inbox) = (self.ssh(), self.inbox.clone());
        self.write(TaskKey::Write, async move {
            let result = board::act(&ssh, &node, &to, &deed).await;
            let msg = Msg::BoardDone {
                context,
                node,
                deed,
                result,
            };
            let _ = inbox.send(msg).await;
        });
    }

    pub(super) fn watch_boards(
        &mut self,
        generation: Generation,
        boards: Vec<(NodeName, Destination)>,
        is_deep: bool,
    ) {
        if boards.is_empty() {
            return self.stop(TaskKey::Boards);
        }
        let (ssh, inbox) = (self.ssh(), self.inbox.clone());
        self.read(TaskKey::Boards, async move {
            let (out, mut answers) = mpsc::channel::<(NodeName, Result<Reading, Problem>)>(16);
            let forward = async {
                while let Some((node, result)) = answers.recv().await {
                    let msg = Msg::BoardAnswered {
                        generation,
                        node,
                        result: result.map(Box::new),
                    };
                    if inbox.send(msg).await.is_err() {
                        return;
                    }
                }
            };
            tokio::join!(board::follow(&ssh, &boards, is_deep, &out), forward);
        });
    }
}

#[cfg(test)]
mod tests;
