//! Logs for the viewer: reading them, whatever kind of thing writes, and writing what was read to a file.

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::app::effects::Effects;
use crate::clients::board;
use crate::clients::export;
use crate::clients::kubernetes::{self, Target};
use crate::clients::ssh::{self, Ssh};
use crate::effect::TaskKey;
use crate::msg::Msg;
use crate::rack::board::Journal;
use crate::rack::log::feed::{FeedId, FeedNews, JournalLogs, Origin, PodLogs, short_pod_name};
use crate::rack::log::pattern::sequence;
use crate::rack::log::{
    ContainerRef, LogLine, LogNews, LogQuery, NamePattern, SourceId, SourceState,
};
use crate::rack::problem::{Problem, Severity, Subject};
use crate::ui::ansi;

/// Lines of a board that wait to be taken; older ones are dropped and counted.
const JOURNAL: usize = 4_000;
/// News on their way to the loop: the reader waits when it is behind.
const AHEAD: usize = 32;

impl Effects {
    /// Reads until it is stopped by its key, or has ended by itself.
    pub(super) fn open_feed(&mut self, feed: FeedId, origin: Origin) {
        let (out, mut news) = mpsc::channel(AHEAD);
        let inbox = self.inbox.clone();
        let target = match &origin {
            Origin::Pods(logs) => Some(self.target_in(&logs.context)),
            Origin::Journal(_) => None,
        };
        let ssh = matches!(origin, Origin::Journal(_)).then(|| self.ssh());
        let reading = async move {
            match (origin, target, ssh) {
                (Origin::Pods(logs), Some(target), _) => pods(target, logs, out).await,
                (Origin::Journal(logs), _, Some(ssh)) => journal(&ssh, &logs, out).await,
                _ => {}
            }
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
            if let Some(news) = translated(news)
                && out.send(news).await.is_err()
            {
                return;
            }
        }
    };
    tokio::join!(kubernetes::read_logs(connection, query, tell), forward);
}

/// What a board writes as news of a feed of one source.
async fn journal(ssh: &Ssh, logs: &JournalLogs, out: mpsc::Sender<FeedNews>) {
    let source = SourceId(0);
    let what = match &logs.journal {
        Journal::Unit(unit) => unit.as_str(),
        Journal::PreviousBoot => "the boot before",
        Journal::Kernel => "the kernel",
    };
    let found = FeedNews::Source {
        source,
        name: format!("{} ({what})", logs.node),
        short: logs.node.to_string(),
    };
    let _ = out.send(found).await;
    let (feed, mut lines) = ssh::feed(JOURNAL);
    let forward = async {
        while let Some(batch) = lines.next().await {
            let line = |line: ssh::Line| {
                let (time, text) = stamped(&line.text);
                LogLine {
                    source,
                    time,
                    text: text.as_bytes().into(),
                    cut: 0,
                }
            };
            let lines: Vec<LogLine> = batch.lines.into_iter().map(line).collect();
            let mut news = vec![
                FeedNews::State(source, SourceState::Reading),
                FeedNews::Lines(lines),
            ];
            if batch.dropped > 0 {
                news.push(FeedNews::Lost(source, batch.dropped));
            }
            for news in news {
                if out.send(news).await.is_err() {
                    return;
                }
            }
        }
    };
    let following = board::journal(ssh, &logs.node, &logs.to, &logs.journal, feed);
    let (result, ()) = tokio::join!(following, forward);
    let state = match result {
        Ok(_) if logs.journal == Journal::PreviousBoot => {
            SourceState::Ended("read to its end".to_owned())
        }
        Ok(_) => SourceState::Ended("the board closed it".to_owned()),
        Err(problem) => SourceState::Failing(Box::new(problem)),
    };
    let _ = out.send(FeedNews::State(source, state)).await;
}

/// The time that `journalctl -o short-iso` puts before a line, and the line without it and without the host's name.
fn stamped(line: &str) -> (Option<Timestamp>, &str) {
    let (stamp, rest) = line.split_once(' ').unwrap_or((line, ""));
    match Timestamp::strptime("%Y-%m-%dT%H:%M:%S%z", stamp) {
        Ok(time) => (
            Some(time),
            rest.split_once(' ').map_or(rest, |(_, rest)| rest),
        ),
        Err(_) => (None, line),
    }
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

/// The viewer says by itself that there is no source yet.
fn translated(news: LogNews) -> Option<FeedNews> {
    Some(match news {
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
        LogNews::Nothing { .. } => return None,
        LogNews::LeftOut(it) => FeedNews::Trouble(Box::new(
            Problem::new(
                Severity::Warning,
                Subject::Program,
                format!("{}/{} ({}) is left out", it.namespace, it.pod, it.container),
            )
            .why("more containers match than are read at the same time")
            .next("say more exactly which: :logs deploy/NAME, -l LABELS, -c CONTAINER"),
        )),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_gives_its_time_away_and_keeps_what_is_none() {
        let (time, text) = stamped("2026-11-24T10:00:00+0100 rpi-01 k3s[1]: started");
        assert_eq!(time.unwrap().to_string(), "2026-11-24T09:00:00Z");
        assert_eq!(text, "k3s[1]: started");
        assert_eq!(stamped("-- No entries --"), (None, "-- No entries --"));
        assert_eq!(stamped(""), (None, ""));
    }
}
