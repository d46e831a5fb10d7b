//! Logs for the viewer: reading them, whatever kind of thing writes, and writing what was read to a file.

use tokio::sync::mpsc;

use crate::app::effects::Effects;
use crate::clients::export;
use crate::clients::kubernetes::{self, Target};
use crate::effect::TaskKey;
use crate::msg::Msg;
use crate::rack::log::feed::{FeedId, FeedNews, Origin, PodLogs, short_pod_name};
use crate::rack::log::pattern::sequence;
use crate::rack::log::{ContainerRef, LogNews, LogQuery, NamePattern};
use crate::rack::problem::{Problem, Severity, Subject};
use crate::ui::ansi;

/// News on their way to the loop: the reader waits when it is behind.
const AHEAD: usize = 32;

impl Effects {
    /// Reads until it is stopped by its key, or has ended by itself.
    pub(super) fn open_feed(&mut self, feed: FeedId, origin: Origin) {
        let (out, mut news) = mpsc::channel(AHEAD);
        let inbox = self.inbox.clone();
        let reading = match origin {
            Origin::Pods(logs) => pods(self.target_in(&logs.context), logs, out),
        };
        self.read(TaskKey::Feed(feed), async move {
            let forward = async {
                while let Some(news) = news.recv().await {
                    if inbox.send(Msg::Feed { feed, news }).await.is_err() {
                        return;
                    }
                }
            };
            tokio::join!(reading, forward);
        });
    }

    /// After whatever is in the inbox already.
    pub(super) fn go_on_with_logs(&self) {
        if let Err(mpsc::error::TrySendError::Full(msg)) = self.inbox.try_send(Msg::GoOnWithLogs) {
            let inbox = self.inbox.clone();
            tokio::spawn(async move {
                let _ = inbox.send(msg).await;
            });
        }
    }

    pub(super) fn save_logs(&self, file: String, lines: Vec<u8>, with_colours: bool) {
        let inbox = self.inbox.clone();
        self.write(TaskKey::Write, async move {
            let saving = tokio::task::spawn_blocking(move || {
                let text = ansi::harmless(&lines, sequence, with_colours);
                export::write_new(&file, text.as_bytes())
            });
            let Ok(result) = saving.await else { return };
            let result = result.map_err(|error| {
                Problem::new(
                    Severity::Warning,
                    Subject::Program,
                    "the logs were not saved",
                )
                .why(error.to_string())
            });
            let _ = inbox.send(Msg::Written { result }).await;
        });
    }
}

/// Logs of pods as news of a feed.
async fn pods(target: Target, logs: PodLogs, out: mpsc::Sender<FeedNews>) {
    let trouble = |error: kubernetes::Error| FeedNews::Trouble(Box::new(error.problem()));
    let query = match placed(&target, logs).await {
        Ok(query) => query,
        Err(error) => return drop(out.send(trouble(error)).await),
    };
    let connection = match kubernetes::connect(&target).await {
        Ok(connection) => connection,
        Err(error) => return drop(out.send(trouble(error)).await),
    };
    let (tell, mut heard) = mpsc::channel(AHEAD);
    let forward = async {
        while let Some(news) = heard.recv().await {
            if out.send(translated(news)).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(kubernetes::read_logs(connection, query, tell), forward);
}

/// The query with its namespace, and with the labels of the workload it names.
async fn placed(target: &Target, logs: PodLogs) -> Result<LogQuery, kubernetes::Error> {
    let mut query = logs.query;
    if logs.is_at_home {
        query.namespace = Some(kubernetes::namespace(target).await?);
    }
    if let Some((kind, name)) = logs.workload {
        if matches!(&*kind, "pod" | "pods" | "po") {
            query.pods = NamePattern::exactly(&name);
        } else {
            let connection = kubernetes::connect(target).await?;
            let namespace = query.namespace.as_deref().unwrap_or("default");
            let labels = kubernetes::pod_labels(&connection, namespace, &kind, &name).await?;
            let both = [labels, query.labels];
            let both: Vec<String> = both.into_iter().filter(|it| !it.is_empty()).collect();
            query.labels = both.join(",");
        }
    }
    Ok(query)
}

fn translated(news: LogNews) -> FeedNews {
    match news {
        LogNews::Source(source, container) => {
            let ContainerRef {
                namespace,
                pod,
                container,
            } = container;
            FeedNews::Source {
                source,
                name: format!("{namespace}/{pod} ({container})"),
                short: short_pod_name(&pod),
            }
        }
        LogNews::State(source, state) => FeedNews::State(source, state),
        LogNews::Lines(lines) => FeedNews::Lines(lines),
        LogNews::Pods(problem) => FeedNews::Trouble(problem),
        LogNews::LeftOut(it) => FeedNews::Trouble(Box::new(
            Problem::new(
                Severity::Warning,
                Subject::Program,
                format!("{}/{} ({}) is left out", it.namespace, it.pod, it.container),
            )
            .why("more containers match than are read at the same time")
            .next("say more exactly which: :logs deploy/NAME, -l LABELS, -c CONTAINER"),
        )),
    }
}
