//! Carries out effects: one short arm each. The only place outside the simulator that starts background tasks, and the
//! only one that uses `clients`.
//!
//! Invariant: the inbox is bounded, so tasks wait and the loop never does. A reading task is replaced by the next of
//! its key; a writing one runs to its end, also when the program is left: [`Effects::finish`] waits for it. A task's panic
//! becomes a message.

mod backups;
mod boards;
mod feeds;
mod images;
mod kubeconfig;
mod nodes;
mod onboarding;
mod pipelines;
mod pools;
mod pull_secrets;
mod services;
mod storage;
mod workloads;

pub use onboarding::Supplies;

use std::collections::HashMap;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clients::drafts::keeper;
use crate::clients::kubeconfig_files::Places;
use crate::clients::kubernetes::{self, Target, Wants};
use crate::clients::ssh;
use crate::effect::{Effect, RequestId, TaskKey};
use crate::msg::{Generation, Msg};
use crate::rack::facts::Fact;
use crate::rack::node::Uid;
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::ssh::Destination;
use crate::rack::vip;

/// Messages on their way to the loop.
const INBOX: usize = 1_024;
/// How long leaving waits for changes that have begun: a server that does not answer must not hold the terminal.
pub const LAST_CHANGE: Duration = Duration::from_secs(30);

/// The running background work.
pub struct Effects {
    target: Target,
    wants: watch::Sender<Wants>,
    inbox: mpsc::Sender<Msg>,
    reading: HashMap<TaskKey, AbortHandle>,
    /// The tasks that change something: they are counted, and nothing aborts them.
    writing: TaskTracker,
    /// What is probed, and for which context.
    probing: Option<(Generation, watch::Sender<Vec<vip::probe::Target>>)>,
    /// How to stop the drains that were started, by the UID of their node.
    drains: HashMap<Uid, CancellationToken>,
    /// Where drafts and the history are, if they are kept, and who keeps them.
    keeping: Option<pools::Keeping>,
    /// Where notes for undoing changes of the kubeconfig are kept.
    notes: PathBuf,
    sessions: boards::Sessions,
    builds: pipelines::Following,
    onboarding: onboarding::Onboarding,
}

impl Effects {
    /// `places` says where the kubeconfig is and where notes for undo are kept. The receiver is the loop's inbox.
    pub fn new(places: Places) -> (Effects, mpsc::Receiver<Msg>) {
        let Places { target, notes } = places;
        let (inbox, receiver) = mpsc::channel(INBOX);
        let (wants, _) = watch::channel(Wants::default());
        (
            Effects {
                target,
                wants,
                inbox,
                reading: HashMap::new(),
                writing: TaskTracker::new(),
                probing: None,
                drains: HashMap::new(),
                keeping: None,
                notes,
                sessions: boards::Sessions::new(ssh::Settings::of_user()),
                builds: pipelines::Following::default(),
                onboarding: onboarding::Onboarding::default(),
            },
            receiver,
        )
    }

    /// Starts what `effect` asks for and returns at once. Effects of the terminal are the loop's and do nothing here.
    #[allow(
        clippy::too_many_lines,
        reason = "one short arm for each effect: the list of what the program can do"
    )]
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
            Effect::RehearseRestore(wish) => self.rehearse_restore(wish),
            Effect::Restore { wish, plan } => self.restore(wish, plan),
            Effect::ReadBackups => self.read_backups(),
            Effect::ListIdle {
                generation,
                context,
            } => self.list_idle(generation, &context),
            Effect::LookAtBuilds(looking) => self.look_at_builds(looking),
            Effect::ActOnJob { at, seen, order } => self.act_on_job(&at, *seen, order),
            Effect::PreviewChange { request, asked } => self.preview_change(request, asked),
            Effect::ReadLastChange { request } => self.read_last_change(request),
            Effect::ChangeKubeconfig { order, unlock } => self.change_kubeconfig(order, unlock),
            Effect::Stop(key) => self.stop(key),
            Effect::ReadYaml {
                request,
                context,
                object,
            } => self.read_yaml(request, &context, object),
            Effect::Describe {
                request,
                context,
                object,
            } => self.describe(request, &context, object),
            Effect::ReadImages {
                request,
                context,
                wish,
            } => self.read_images(request, context, wish),
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
            } => self.set_label(&context, node, uid, key, value),
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
            Effect::Board {
                context,
                node,
                to,
                deed,
            } => self.act_on_board(context, node, to, deed),
            Effect::PlanDrain {
                context,
                node,
                uid,
                is_swap,
            } => self.plan_drain(&context, node, uid, is_swap),
            Effect::Drain {
                context,
                node,
                uid,
                consent,
                is_swap,
            } => self.drain((context, node, uid), consent, is_swap),
            Effect::CancelDrain(uid) => self.cancel_drain(&uid),
            Effect::CreateClaim {
                context,
                claim,
                body,
            } => self.create_claim(&context, claim, body),
            Effect::LookAtNfs {
                context,
                servers,
                board,
            } => self.look_at_nfs(context, servers, board),
            Effect::TrySetup { context, manifest } => self.try_setup(context, manifest),
            Effect::SetUp {
                context,
                manifest,
                setup,
            } => self.set_up(context, manifest, setup),
            Effect::ChangeClaim {
                context,
                claim,
                uid,
                change,
            } => self.change_claim(&context, claim, uid, change),
            Effect::RemoveNode { context, node, uid } => self.remove_node(context, node, uid),
            Effect::RemovePassword { context, node } => self.remove_password(&context, node),
            Effect::PrepareOnboarding(asked) => self.prepare_onboarding(*asked),
            Effect::Onboard { wish, orders } => self.onboard(*wish, orders),
            Effect::SteerOnboarding { host, event } => self.steer_onboarding(host, event),
            Effect::ReadOnboarding => self.read_onboarding(),
            Effect::ReadDraft(key) => self.read_draft(key),
            Effect::KeepDraft(draft) => self.order(keeper::Order::Keep(Box::new(draft))),
            Effect::DropDraft(key) => self.order(keeper::Order::Drop(key)),
            Effect::ChangePools {
                form,
                changes,
                record,
            } => self.change_pools(form, changes, record),
            Effect::MakePullSecret { context, wanted } => self.make_pull_secret(&context, *wanted),
            Effect::PlanScaffold { folder, form } => self.plan_scaffold(folder, form),
            Effect::WriteScaffold(plan) => self.write_scaffold(plan),
            Effect::ReadManifest(file) => self.read_manifest(file),
            Effect::Install { manifest, record } => self.install(manifest, record),
            Effect::DeletePod { context, pod, uid } => self.delete_pod(&context, pod, uid),
            Effect::RestartWorkload {
                context,
                workload,
                maker,
            } => self.restart_workload(&context, workload, maker),
            Effect::ScaleWorkload {
                context,
                workload,
                maker,
                replicas,
            } => self.scale_workload(&context, workload, maker, replicas),
            Effect::OpenFeed { feed, origin } => self.open_feed(feed, origin),
            Effect::GoOnWithLogs => self.go_on_with_logs(),
            Effect::SaveLogs {
                file,
                lines,
                with_colours,
            } => self.save_logs(file, lines, with_colours),
            Effect::ResolveHost { request, to } => self.resolve_host(request, to),
            Effect::Shell(_)
            | Effect::Page(_)
            | Effect::Exec { .. }
            | Effect::Copy(_)
            | Effect::Repaint
            | Effect::Suspend
            | Effect::Quit => {}
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

    fn resolve_host(&mut self, request: RequestId, to: Destination) {
        let (settings, inbox) = (self.sessions.settings.clone(), self.inbox.clone());
        self.read(TaskKey::Yaml, async move {
            let resolved = ssh::resolve(&settings, &to).await;
            let result = match resolved {
                Ok(resolved) => Ok(resolved.page()),
                Err(error) => Err(error.problem(Subject::Program)),
            };
            let _ = inbox.send(Msg::YamlRead { request, result }).await;
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
        self.watch_over(key, self.writing.spawn(work));
    }

    /// Leaves: stops what reads and what drains, and waits until every change has run to its end and every draft is on
    /// the disk, for [`LAST_CHANGE`] at most. Nobody takes messages any more, and nobody answers what a connection asks.
    pub async fn finish(mut self, inbox: mpsc::Receiver<Msg>) {
        // Writing tasks tell how it went; a full inbox that nobody empties would hold them.
        drop(inbox);
        self.reading.drain().for_each(|(_, task)| task.abort());
        self.drains.values().for_each(CancellationToken::cancel);
        self.sessions.decline_all();
        self.onboarding.leave();
        self.writing.close();
        let drafts = pools::last_drafts(self.keeping.take());
        let (changes, ()) = tokio::join!(timeout(LAST_CHANGE, self.writing.wait()), drafts);
        if changes.is_err() {
            tracing::warn!(left = self.writing.len(), "left in the middle of changes");
        }
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

#[cfg(test)]
mod tests;
