//! Effects on GitLab servers: following pipelines, and doing something to a job.

use futures::future::join_all;
use tokio::sync::{mpsc, watch};

use crate::app::effects::Effects;
use crate::clients::gitlab::{self, Settings};
use crate::effect::TaskKey;
use crate::msg::Msg;
use crate::rack::pipeline::state::{JobRef, Looking};
use crate::rack::pipeline::{Job, JobId, Order};

/// News that wait to be taken in; those who bring more wait.
const FEED: usize = 16;

/// The GitLab servers, and what somebody looks at there.
#[derive(Default)]
pub(super) struct Following {
    pub(super) settings: Vec<Settings>,
    looking: Option<watch::Sender<Looking>>,
}

impl Effects {
    /// The GitLab servers of the user's settings.
    #[must_use]
    pub fn with_gitlabs(mut self, settings: Vec<Settings>) -> Effects {
        self.builds.settings = settings;
        self
    }

    /// The first look begins to follow every GitLab; later ones only say what is wanted.
    pub(super) fn look_at_builds(&mut self, looking: Looking) {
        if let Some(sender) = &self.builds.looking {
            sender.send_modify(|at| {
                let acted = at.acted;
                *at = Looking { acted, ..looking };
            });
            return;
        }
        let (sender, receiver) = watch::channel(looking);
        self.builds.looking = Some(sender);
        let (news, mut heard) = mpsc::channel(FEED);
        let follow = (self.builds.settings.clone().into_iter())
            .map(|settings| gitlab::follow(settings, receiver.clone(), news.clone()));
        let follow = join_all(follow.collect::<Vec<_>>());
        drop(news);
        let inbox = self.inbox.clone();
        self.read(TaskKey::Builds, async move {
            let forward = async {
                while let Some(news) = heard.recv().await {
                    let _ = inbox.send(Msg::Builds(news)).await;
                }
            };
            tokio::join!(follow, forward);
        });
    }

    pub(super) fn act_on_job(&self, at: &JobRef, job: Job, order: Order) {
        let of = |settings: &&Settings| *settings.name == *at.project.instance;
        let Some(settings) = self.builds.settings.iter().find(of).cloned() else {
            return;
        };
        let project = at.project.project;
        let (inbox, looking) = (self.inbox.clone(), self.builds.looking.clone());
        self.write(TaskKey::Write, async move {
            let acted = async {
                let gitlab = gitlab::connect(&settings).await?;
                gitlab.act(project, &job, &order).await
            };
            let result = match acted.await {
                Ok(id) => Ok(done(&job, &order, id)),
                Err(error) => Err(error.problem()),
            };
            let _ = inbox.send(Msg::Written { result }).await;
            if let Some(looking) = looking {
                looking.send_modify(|at| at.acted += 1);
            }
        });
    }
}

fn done(job: &Job, order: &Order, id: JobId) -> String {
    let name = job.named();
    match order {
        Order::Retry => format!("{name} runs again as #{id}"),
        Order::Cancel => format!("{name} is asked to stop"),
        Order::Play(_) => format!("{name} is started"),
    }
}
