//! Work on nodes and on any one object of the cluster: read it, cordon, label, drain, remove.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Effects;
use crate::app::terminal;
use crate::clients::kubernetes::{self, drain};
use crate::effect::{RequestId, TaskKey};
use crate::msg::Msg;
use crate::rack::drain::{Consent, End, News};
use crate::rack::node::{NodeName, Uid};
use crate::rack::problem::Subject;

impl Effects {
    pub(super) fn set_unschedulable(
        &self,
        context: &str,
        node: NodeName,
        uid: Uid,
        unschedulable: bool,
    ) {
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

    pub(super) fn plan_drain(&mut self, context: &str, node: NodeName, uid: Uid, is_swap: bool) {
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
            let msg = Msg::DrainPlanned {
                node,
                uid,
                is_swap,
                result,
            };
            let _ = inbox.send(msg).await;
        });
    }

    pub(super) fn drain(
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
                let begun = News::Begun {
                    node,
                    context,
                    is_swap,
                };
                let _ = out.send(begun).await;
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

    pub(super) fn remove_node(&self, context: String, node: NodeName, uid: Uid) {
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

    pub(super) fn read_yaml(&mut self, request: RequestId, context: &str, object: Subject) {
        let (target, inbox) = (self.target_in(context), self.inbox.clone());
        self.read(TaskKey::Yaml, async move {
            terminal::crash_if_asked("task");
            let read =
                async { kubernetes::yaml(&kubernetes::connect(&target).await?, &object).await };
            let result = read.await.map_err(|error| error.problem());
            let _ = inbox.send(Msg::YamlRead { request, result }).await;
        });
    }

    pub(super) fn describe(&mut self, request: RequestId, context: &str, object: Subject) {
        let (target, inbox) = (self.target_in(context), self.inbox.clone());
        self.read(TaskKey::Yaml, async move {
            let read =
                async { kubernetes::describe(&kubernetes::connect(&target).await?, &object).await };
            let result = read.await.map_err(|error| error.problem());
            let _ = inbox.send(Msg::YamlRead { request, result }).await;
        });
    }

    pub(super) fn set_label(
        &self,
        context: &str,
        node: NodeName,
        uid: Uid,
        key: String,
        value: Option<String>,
    ) {
        let target = self.target_in(context);
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

    pub(super) fn cancel_drain(&self, uid: &Uid) {
        if let Some(cancel) = self.drains.get(uid) {
            cancel.cancel();
        }
    }

    pub(super) fn remove_password(&self, context: &str, node: NodeName) {
        let target = self.target_in(context);
        let done = format!("the password of node {node} is removed: a new board may take the name");
        let not_done = format!("the password of node {node} was not removed");
        self.report(done, not_done, async move {
            let connection = kubernetes::connect(&target).await?;
            kubernetes::remove::password(&connection, &node).await
        });
    }
}
