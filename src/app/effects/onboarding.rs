//! Effects of onboarding: orders carried out one after the other for each board, and what a wish leaves open found out.
//!
//! A board's journal is on the disk before the order that follows it; when it cannot be, nothing more is done. Leaving
//! ends the wait for a step at once: the board carries its step to the end, and the journal says where to go on.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::app::effects::Effects;
use crate::clients::onboard::depot::{Depot, Given, Sources};
use crate::clients::onboard::shelf::{Files, Shelf};
use crate::clients::onboard::{News, Tools, carry_out, folder, prepare, survey};
use crate::effect::TaskKey;
use crate::msg::Msg;
use crate::rack::onboard::machine::{Event, Failure, Order};
use crate::rack::onboard::warning;
use crate::rack::onboard::wish::{Asked, Wish};
use crate::rack::problem::Problem;

/// How long a board may take from its start to Ready.
const PATIENCE: Duration = Duration::from_secs(600);
/// Lines that travel together.
const BATCH: usize = 64;

/// Where onboarding gets k3s from, and keeps it.
#[derive(Debug, Clone, Default)]
pub struct Supplies {
    /// For downloads; unset: beside our other files.
    pub cache: Option<PathBuf>,
    pub sources: Sources,
    pub given: Given,
}

/// What onboarding needs, made when the first board asks for it.
#[derive(Default)]
pub(super) struct Onboarding {
    supplies: Supplies,
    shared: Option<Arc<Shared>>,
    leaving: CancellationToken,
}

impl Onboarding {
    /// Nothing more is waited for.
    pub(super) fn leave(&self) {
        self.leaving.cancel();
    }
}

struct Shared {
    tools: Tools,
    shelf: Shelf,
    /// By host; a board's files are held from its first journal on.
    files: Mutex<HashMap<String, Arc<Files>>>,
    leaving: CancellationToken,
}

impl Effects {
    /// In place of k3s's own addresses.
    #[must_use]
    pub fn with_supplies(mut self, supplies: Supplies) -> Effects {
        self.onboarding.supplies = supplies;
        self
    }

    /// The directory for state: notes for undo lie in it too.
    fn state(&self) -> &Path {
        self.notes.parent().unwrap_or(Path::new(""))
    }

    fn onboarding(&mut self) -> Arc<Shared> {
        if let Some(shared) = &self.onboarding.shared {
            return Arc::clone(shared);
        }
        let Supplies {
            cache,
            sources,
            given,
        } = self.onboarding.supplies.clone();
        let cache = cache.unwrap_or_else(|| self.state().join("k3s"));
        let depot = Depot::new(cache, sources, given);
        let shared = Arc::new(Shared {
            shelf: Shelf::new(folder(self.state())),
            tools: Tools::new(self.ssh(), depot, PATIENCE),
            files: Mutex::default(),
            leaving: self.onboarding.leaving.clone(),
        });
        self.onboarding.shared = Some(Arc::clone(&shared));
        shared
    }

    pub(super) fn read_onboarding(&mut self) {
        let (journals, inbox) = (Shelf::new(folder(self.state())), self.inbox.clone());
        self.read(TaskKey::CutOff, async move {
            if let Ok((journals, problems)) = spawn_blocking(move || journals.journals()).await {
                let _ = inbox.send(Msg::OnboardFound(journals, problems)).await;
            }
        });
    }

    pub(super) fn prepare_onboarding(&mut self, asked: Asked) {
        let (shared, inbox) = (self.onboarding(), self.inbox.clone());
        self.read(TaskKey::Prepare, async move {
            let result = prepare(&shared.tools, &asked).await;
            let _ = inbox.send(Msg::OnboardWished(result)).await;
        });
    }

    pub(super) fn onboard(&mut self, wish: Wish, orders: Vec<Order>) {
        let (shared, inbox) = (self.onboarding(), self.inbox.clone());
        self.write(TaskKey::Onboard, async move {
            for order in orders {
                let event = tokio::select! { biased;
                    () = shared.leaving.cancelled() => return,
                    event = shared.carry_out(&wish, order, &inbox) => event,
                };
                let Some(event) = event else { continue };
                let is_failure = matches!(event, Event::Failed(_));
                let _ = inbox.send(told(&wish.host, event)).await;
                if is_failure {
                    return;
                }
            }
        });
    }

    /// The person has decided: the machine of the board hears of it.
    pub(super) fn steer_onboarding(&self, host: String, event: Box<Event>) {
        let inbox = self.inbox.clone();
        self.write(TaskKey::Onboard, async move {
            let _ = inbox.send(Msg::Onboard { host, event }).await;
        });
    }
}

fn told(host: &str, event: Event) -> Msg {
    Msg::Onboard {
        host: host.to_owned(),
        event: Box::new(event),
    }
}

impl Shared {
    /// `None`: nothing is to be told of it.
    async fn carry_out(
        &self,
        wish: &Wish,
        order: Order,
        inbox: &mpsc::Sender<Msg>,
    ) -> Option<Event> {
        match order {
            Order::Keep(journal) => {
                let kept = self.files(&wish.host).and_then(|files| {
                    files.keep(&journal).map_err(|error| {
                        let what = format!("the journal of {} cannot be kept", wish.host);
                        Box::new(
                            warning(&wish.host, what)
                                .why(error.to_string())
                                .next("make room in the state folder, then try again"),
                        )
                    })
                });
                kept.err().map(|problem| Event::Failed(failure(*problem)))
            }
            Order::Survey { after } => {
                sleep(after).await;
                Some(match Box::pin(survey(&self.tools, wish)).await {
                    Ok(survey) => Event::Surveyed(Box::new(survey)),
                    Err(failure) => Event::Failed(failure),
                })
            }
            Order::Do { step, after } => {
                sleep(after).await;
                let (tx, rx) = mpsc::channel(BATCH);
                let doing = async {
                    let done = Box::pin(carry_out(&self.tools, wish, &step, &tx)).await;
                    drop(tx);
                    done
                };
                let (done, ()) = tokio::join!(doing, self.forward(&wish.host, rx, inbox));
                Some(match done {
                    Ok((changed, note)) => Event::Done { changed, note },
                    Err(failure) => Event::Failed(failure),
                })
            }
        }
    }

    async fn forward(&self, host: &str, mut news: mpsc::Receiver<News>, inbox: &mpsc::Sender<Msg>) {
        let mut batch = Vec::new();
        while news.recv_many(&mut batch, BATCH).await > 0 {
            let mut lines = Vec::new();
            for news in batch.drain(..) {
                match news {
                    News::Line(line) => lines.push(line),
                    News::Note(note) => _ = inbox.send(told(host, Event::Note(note))).await,
                }
            }
            if lines.is_empty() {
                continue;
            }
            if let Ok(files) = self.files(host) {
                // The run goes on without a transcript.
                let _ = files.tell(&lines);
            }
            let host = host.to_owned();
            let _ = inbox.send(Msg::OnboardLines { host, lines }).await;
        }
    }

    fn files(&self, host: &str) -> Result<Arc<Files>, Box<Problem>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(files) = files.get(host) {
            return Ok(Arc::clone(files));
        }
        let opened = Arc::new(self.shelf.open(host).map_err(Box::new)?);
        files.insert(host.to_owned(), Arc::clone(&opened));
        Ok(opened)
    }
}

fn failure(problem: Problem) -> Failure {
    Failure {
        problem,
        is_transient: false,
        fix: None,
    }
}
