//! Carries out effects: one short arm each. The only place outside the simulator that starts background tasks, and the
//! only one that uses `clients`.
//!
//! Invariant: the inbox is bounded, so tasks wait and the loop never does. A reading task is replaced by the next of
//! its key; a writing one runs to its end. A task's panic becomes a message.

mod boards;

use std::collections::HashMap;
use std::future::Future;

use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::app::terminal;
use crate::clients::kubernetes::{self, Target, Wants, drain};
use crate::clients::probe;
use crate::clients::ssh;
use crate::effect::{Effect, RequestId, TaskKey};
use crate::msg::{Generation, Msg};
use crate::rack::drain::{Consent, End, News};
use crate::rack::facts::Fact;
use crate::rack::node::{NodeName, Uid};
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::service::ServiceName;
use crate::rack::vip;

/// Messages on their way to the loop.
const INBOX: usize = 1_024;

/// The running background work.
pub struct Effects {
    target: Target,
    wants: watch::Sender<Wants>,
    inbox: mpsc::Sender<Msg>,
    reading: HashMap<TaskKey, AbortHandle>,
    /// What is probed, and for which context.
    probing: Option<(Generation, watch::Sender<Vec<vip::probe::Target>>)>,
    /// How to stop the drains that were started, by the UID of their node.
    drains: HashMap<Uid, CancellationToken>,
    sessions: boards::Sessions,
}

impl Effects {
    /// `target` says where the kubeconfig is. The receiver is the loop's inbox.
    pub fn new(target: Target) -> (Effects, mpsc::Receiver<Msg>) {
        let (inbox, receiver) = mpsc::channel(INBOX);
        let (wants, _) = watch::channel(Wants::default());
        (
            Effects {
                target,
                wants,
                inbox,
                reading: HashMap::new(),
                probing: None,
                drains: HashMap::new(),
                sessions: boards::Sessions::new(ssh::Settings::of_user()),
            },
            receiver,
        )
    }

    /// Starts what `effect` asks for and returns at once. Effects of the terminal are the loop's and do nothing here.
    pub fn run(&mut self, effect: Effect) {
        match effect {
            Effect::Follow {
                generation,
                context,
            } => self.follow(generation, context),
            Effect::WantMetrics(metrics) => {
                self.wants.send_if_modified(|wants| {
                    std::mem::replace(&mut wants.metrics, metrics) != metrics
                });
            }
            Effect::FollowFleet => self.follow_fleet(),
            Effect::Stop(key) => {
                if let Some(task) = self.reading.remove(&key) {
                    task.abort();
                }
            }
            Effect::ReadYaml {
                request,
                context,
                object,
            } => self.read_yaml(request, &context, object),
            Effect::SetUnschedulable {
                context,
                node,
                uid,
                unschedulable,
            } => {
                self.set_unschedulable(&context, node, uid, unschedulable);
            }
            Effect::SetLabel {
                context,
                node,
                uid,
                key,
                value,
            } => {
                let target = self.target_in(&context);
                let done = match &value {
                    Some(value) => format!("node {node} has the label {key}={value}"),
                    None => format!("node {node} has no label {key} any more"),
                };
                let not_done = format!("the label {key} of node {node} was not changed");
                self.report(done, not_done, async move {
                    let connection = kubernetes::connect(&target).await?;
                    kubernetes::label(&connection, &node, &uid, &key, value.as_deref()).await
                });
            }
            Effect::Probe {
                generation,
                targets,
            } => self.probe(generation, targets),
            Effect::CheckUrl(url) => self.check(url),
            Effect::ChangeService {
                context,
                service,
                uid,
                change,
            } => self.change_service(&context, service, uid, change),
            Effect::Expose { context, exposure } => self.expose(&context, exposure),
            Effect::WatchBoards {
                generation,
                boards,
                is_deep,
            } => self.watch_boards(generation, boards, is_deep),
            Effect::AnswerSsh { request, answer } => self.answer_ssh(request, answer),
            Effect::PlanDrain { context, node, uid } => self.plan_drain(&context, node, uid),
            Effect::Drain {
                context,
                node,
                uid,
                consent,
                is_swap,
            } => self.drain((context, node, uid), consent, is_swap),
            Effect::Board { node, to, deed } => self.act_on_board(node, to, deed),
            Effect::ReadJournal {
                request,
                node,
                to,
                journal,
            } => self.read_journal(request, node, to, journal),
            Effect::StopJournal => self.stop(TaskKey::Journal),
            Effect::CancelDrain(uid) => {
                if let Some(cancel) = self.drains.get(&uid) {
                    cancel.cancel();
                }
            }
            Effect::RemoveNode { context, node, uid } => self.remove_node(context, node, uid),
            Effect::RemovePassword { context, node } => {
                let target = self.target_in(&context);
                let done = format!(
                    "the password of node {node} is removed: a new board may take the name"
                );
                let not_done = format!("the password of node {node} was not removed");
                self.report(done, not_done, async move {
                    let connection = kubernetes::connect(&target).await?;
                    kubernetes::remove::password(&connection, &node).await
                });
            }
            Effect::Copy(_) | Effect::Repaint | Effect::Suspend | Effect::Quit => {}
        }
    }

    /// The target of one request: the context that was on the screen when it was made.
    fn target_in(&self, context: &str) -> Target {
        Target {
            context: Some(context.to_owned()),
            ..self.target.clone()
        }
    }

    fn follow(&mut self, generation: Generation, context: Option<String>) {
        if context.is_some() {
            self.target.context = context;
        }
        let (facts, receiver) = mpsc::channel(INBOX);
        let follow = kubernetes::follow(self.target.clone(), self.wants.subscribe(), facts);
        let forward = forward(generation, receiver, self.inbox.clone());
        self.read(TaskKey::Follow, async {
            tokio::join!(follow, forward);
        });
    }

    fn follow_fleet(&mut self) {
        let (facts, mut receiver) = mpsc::channel(INBOX);
        let follow = kubernetes::follow_fleet(self.target.clone(), facts);
        let inbox = self.inbox.clone();
        self.read(TaskKey::Fleet, async move {
            let forward = async {
                while let Some(fact) = receiver.recv().await {
                    if inbox.send(Msg::Fleet(fact)).await.is_err() {
                        return;
                    }
                }
            };
            tokio::join!(follow, forward);
        });
    }

    fn read_yaml(&mut self, request: RequestId, context: &str, object: Subject) {
        let (target, inbox) = (self.target_in(context), self.inbox.clone());
        self.read(TaskKey::Yaml, async move {
            terminal::crash_if_asked("task");
            let read =
                async { kubernetes::yaml(&kubernetes::connect(&target).await?, &object).await };
            let result = read.await.map_err(|error| error.problem());
            let _ = inbox.send(Msg::YamlRead { request, result }).await;
        });
    }

    fn change_service(
        &self,
        context: &str,
        service: ServiceName,
        uid: Uid,
        change: serde_json::Value,
    ) {
        let target = self.target_in(context);
        let done = format!("service {service} is changed; MetalLB answers in its events");
        let not_done = format!("service {service} was not changed");
        self.report(done, not_done, async move {
            let connection = kubernetes::connect(&target).await?;
            kubernetes::services::change(&connection, &service, &uid, &change).await
        });
    }

    fn expose(&self, context: &str, exposure: vip::wish::Exposure) {
        let target = self.target_in(context);
        let (deployment, name) = (&exposure.deployment, &exposure.name);
        let done = format!("deployment {deployment} is exposed as service {name}");
        let not_done = format!("deployment {deployment} was not exposed");
        self.report(done, not_done, async move {
            let connection = kubernetes::connect(&target).await?;
            kubernetes::services::expose(&connection, &exposure).await
        });
    }

    /// Probes these ports from now on. What runs for this context goes on with them, so that its pace is kept.
    fn probe(&mut self, generation: Generation, targets: Vec<vip::probe::Target>) {
        if let Some((of, sender)) = &self.probing
            && *of == generation
        {
            let _ = sender.send(targets);
            return;
        }
        let (sender, receiver) = watch::channel(targets);
        self.probing = Some((generation, sender));
        let (out, mut outcomes) = mpsc::channel(64);
        let inbox = self.inbox.clone();
        self.read(TaskKey::Probe, async move {
            let forward = async {
                while let Some((target, outcome)) = outcomes.recv().await {
                    let msg = Msg::Probed {
                        generation,
                        target,
                        outcome,
                    };
                    let _ = inbox.send(msg).await;
                }
            };
            tokio::join!(probe::follow(receiver, probe::PACE, out), forward);
        });
    }

    fn check(&mut self, url: String) {
        let inbox = self.inbox.clone();
        self.read(TaskKey::Check, async move {
            let msg = match probe::status(&url).await {
                Ok(words) => Msg::info(words),
                Err(error) => Msg::warn(error.to_string()),
            };
            let _ = inbox.send(msg).await;
        });
    }

    fn set_unschedulable(&self, context: &str, node: NodeName, uid: Uid, unschedulable: bool) {
        let target = self.target_in(context);
        let (done, not_done) = if unschedulable {
            ("is cordoned", "was not cordoned")
        } else {
            ("takes pods again", "was not uncordoned")
        };
        let (done, not_done) = (
            format!("node {node} {done}"),
            format!("node {node} {not_done}"),
        );
        self.report(done, not_done, async move {
            let connection = kubernetes::connect(&target).await?;
            kubernetes::cordon(&connection, &node, &uid, unschedulable).await
        });
    }

    fn plan_drain(&mut self, context: &str, node: NodeName, uid: Uid) {
        let (target, inbox) = (self.target_in(context), self.inbox.clone());
        self.read(TaskKey::PlanDrain, async move {
            let plan = async {
                let connection = kubernetes::connect(&target).await?;
                drain::plan(&connection, &node, &uid).await
            };
            let result = plan.await.map_err(|error| {
                let mut problem = error.problem();
                problem.what = format!("node {node} is not drained: {}", problem.what);
                problem
            });
            let _ = inbox.send(Msg::DrainPlanned { node, uid, result }).await;
        });
    }

    fn drain(
        &mut self,
        (context, node, uid): (String, NodeName, Uid),
        consent: Consent,
        is_swap: bool,
    ) {
        let (target, inbox) = (self.target_in(&context), self.inbox.clone());
        let cancel = CancellationToken::new();
        self.drains.insert(uid.clone(), cancel.clone());
        let order = drain::Order {
            node: node.clone(),
            uid: uid.clone(),
            consent,
            retry: drain::RETRY,
        };
        let (out, mut told) = mpsc::channel(64);
        let forward = async move {
            while let Some(news) = told.recv().await {
                let uid = uid.clone();
                let _ = inbox.send(Msg::Drain { uid, news }).await;
            }
        };
        self.write(TaskKey::Drain, async move {
            let work = async move {
                let _ = out
                    .send(News::Begun {
                        node,
                        context,
                        is_swap,
                    })
                    .await;
                match kubernetes::connect(&target).await {
                    Ok(connection) => drain::drain(&connection, &order, &cancel, &out).await,
                    Err(error) => {
                        let _ = out.send(News::Ended(End::Failed(error.problem()))).await;
                    }
                }
            };
            tokio::join!(work, forward);
        });
    }

    fn remove_node(&self, context: String, node: NodeName, uid: Uid) {
        let (target, inbox) = (self.target_in(&context), self.inbox.clone());
        self.write(TaskKey::Write, async move {
            let remove = async {
                let connection = kubernetes::connect(&target).await?;
                kubernetes::remove::node(&connection, &node, &uid).await
            };
            let result = remove.await.map_err(|error| {
                let mut problem = error.problem();
                problem.what = format!("node {node} was not removed: {}", problem.what);
                problem
            });
            let msg = Msg::NodeRemoved {
                context,
                node,
                result,
            };
            let _ = inbox.send(msg).await;
        });
    }

    /// Starts a write and reports how it ended, in one of two sentences.
    fn report(
        &self,
        done: String,
        not_done: String,
        write: impl Future<Output = Result<(), kubernetes::Error>> + Send + 'static,
    ) {
        let inbox = self.inbox.clone();
        self.write(TaskKey::Write, async move {
            let result = match write.await {
                Ok(()) => Ok(done),
                Err(error) => {
                    let mut problem = error.problem();
                    problem.what = format!("{not_done}: {}", problem.what);
                    Err(problem)
                }
            };
            let _ = inbox.send(Msg::Written { result }).await;
        });
    }

    /// Starts a reading task in place of the one before under the same key.
    fn read(&mut self, key: TaskKey, work: impl Future<Output = ()> + Send + 'static) {
        let task = tokio::spawn(work);
        let handle = task.abort_handle();
        self.watch_over(key, task);
        if let Some(before) = self.reading.insert(key, handle) {
            before.abort();
        }
    }

    /// Ends a reading task.
    fn stop(&mut self, key: TaskKey) {
        if let Some(task) = self.reading.remove(&key) {
            task.abort();
        }
    }

    /// Starts a task that changes something: nothing aborts it.
    fn write(&self, key: TaskKey, work: impl Future<Output = ()> + Send + 'static) {
        self.watch_over(key, tokio::spawn(work));
    }

    /// Tells the loop when a task panics.
    fn watch_over(&self, key: TaskKey, task: JoinHandle<()>) {
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            if let Err(error) = task.await
                && error.is_panic()
            {
                let problem = Problem::new(
                    Severity::Critical,
                    Subject::Program,
                    "a background task of bramble failed",
                )
                .why("this is a mistake in bramble; the log says more")
                .next("ctrl-l keeps the screen; restart bramble if data stays old");
                let _ = inbox.send(Msg::TaskFailed(key, problem)).await;
            }
        });
    }
}

impl Drop for Effects {
    fn drop(&mut self) {
        for task in self.reading.values() {
            task.abort();
        }
    }
}

/// Turns facts into messages until either side ends.
async fn forward(
    generation: Generation,
    mut facts: mpsc::Receiver<Fact>,
    inbox: mpsc::Sender<Msg>,
) {
    while let Some(fact) = facts.recv().await {
        if inbox.send(Msg::Fact { generation, fact }).await.is_err() {
            return;
        }
    }
}
