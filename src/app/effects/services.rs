//! Work on Services: change and expose them, and ask their addresses whether anybody answers.

use tokio::sync::{mpsc, watch};

use super::Effects;
use crate::clients::kubernetes;
use crate::clients::probe;
use crate::effect::TaskKey;
use crate::msg::{Generation, Msg};
use crate::rack::node::Uid;
use crate::rack::service::ServiceName;
use crate::rack::vip;

impl Effects {
    pub(super) fn change_service(
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

    pub(super) fn expose(&self, context: &str, exposure: vip::wish::Exposure) {
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
    pub(super) fn probe(&mut self, generation: Generation, targets: Vec<vip::probe::Target>) {
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

    pub(super) fn check(&mut self, url: String) {
        let inbox = self.inbox.clone();
        self.read(TaskKey::Check, async move {
            let msg = match probe::status(&url).await {
                Ok(words) => Msg::info(words),
                Err(error) => Msg::warn(error.to_string()),
            };
            let _ = inbox.send(msg).await;
        });
    }
}
