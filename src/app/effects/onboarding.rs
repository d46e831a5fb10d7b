//! Effects of onboarding: orders carried out one after the other for each board, and what a wish leaves open found out.
//!
//! A board's journal is on the disk before the order that follows it; when it cannot be, nothing more is done.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::app::effects::Effects;
use crate::clients::onboard::depot::{Depot, Given, Sources};
use crate::clients::onboard::shelf::{Files, Shelf};
use crate::clients::onboard::{News, Tools, carry_out, folder, prepare, survey};
use crate::effect::TaskKey;
use crate::msg::Msg;
use crate::rack::onboard::critical;
use crate::rack::onboard::machine::{Event, Failure, Order};
use crate::rack::onboard::wish::{Asked, Wish};
use crate::rack::problem::Problem;

/// How long a board may take from its start to Ready.
const PATIENCE: Duration = Duration::from_secs(600);
/// Lines that travel together.
const BATCH: usize = 64;

/// What onboarding needs, made when the first board asks for it.
#[derive(Default)]
pub(super) struct Onboarding {
    /// Where journals and downloads are kept.
    places: Option<(PathBuf, PathBuf)>,
    shared: Option<Arc<Shared>>,
}

struct Shared {
    tools: Tools,
    shelf: Shelf,
    /// By host; a board's files are held from its first journal on.
    files: Mutex<HashMap<String, Arc<Files>>>,
}

impl Effects {
    /// Where journals of onboarding (below the state folder) and downloads are kept.
    #[must_use]
    pub fn onboarding_in(mut self, state: &Path, cache: &Path) -> Effects {
        self.onboarding.places = Some((folder(state), cache.join("k3s")));
        self
    }

    fn onboarding(&mut self) -> Arc<Shared> {
        if let Some(shared) = &self.onboarding.shared {
            return Arc::clone(shared);
        }
        let places = self.onboarding.places.clone();
        let (kept, cache) = places.unwrap_or_else(|| {
            let folder = std::env::temp_dir().join("bramble-onboard");
            (folder.clone(), folder)
        });
        let depot = Depot::new(cache, Sources::default(), Given::default());
        let shared = Arc::new(Shared {
            tools: Tools::new(self.ssh(), depot, kept.clone(), PATIENCE),
            shelf: Shelf::new(kept),
            files: Mutex::default(),
        });
        self.onboarding.shared = Some(Arc::clone(&shared));
        shared
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
                let Some(event) = shared.carry_out(&wish, order, &inbox).await else {
                    continue;
                };
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
                        critical(
                            &wish.host,
                            format!("the journal of {} cannot be kept", wish.host),
                        )
                        .why(error.to_string())
                        .next("make room in the state folder, then try again")
                    })
                });
                kept.err().map(|problem| Event::Failed(failure(problem)))
            }
            Order::Survey { after } => {
                sleep(after).await;
                Some(match survey(&self.tools, wish).await {
                    Ok(survey) => Event::Surveyed(Box::new(survey)),
                    Err(failure) => Event::Failed(failure),
                })
            }
            Order::Do { step, after } => {
                sleep(after).await;
                let (tx, rx) = mpsc::channel(BATCH);
                let doing = async {
                    let done = carry_out(&self.tools, wish, &step, &tx).await;
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

    #[expect(clippy::result_large_err, reason = "it is rare and shown at once")]
    fn files(&self, host: &str) -> Result<Arc<Files>, Problem> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(files) = files.get(host) {
            return Ok(Arc::clone(files));
        }
        let opened = Arc::new(self.shelf.open(host)?);
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
