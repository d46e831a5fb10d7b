//! Work on pods and on what makes them: delete one, make all anew, ask for more or fewer.

use jiff::Timestamp;

use crate::app::effects::Effects;
use crate::clients::kubernetes;
use crate::effect::TaskKey;
use crate::msg::{Generation, Msg};
use crate::rack::node::Uid;
use crate::rack::pod::{Maker, PodName};
use crate::rack::workload::WorkloadRef;

impl Effects {
    /// Who may not list them is told nothing: their pods are shown all the same.
    pub(super) fn list_idle(&mut self, generation: Generation, context: &str) {
        let (target, inbox) = (self.target_in(context), self.inbox.clone());
        self.read(TaskKey::Idle, async move {
            let listing =
                async { kubernetes::idle_workloads(&kubernetes::connect(&target).await?).await };
            if let Ok(workloads) = listing.await {
                let msg = Msg::IdleListed {
                    generation,
                    workloads,
                };
                let _ = inbox.send(msg).await;
            }
        });
    }

    pub(super) fn delete_pod(&self, context: &str, pod: PodName, uid: Uid) {
        let target = self.target_in(context);
        let done = format!("pod {pod} is asked to end");
        let not_done = format!("pod {pod} was not deleted");
        self.report(done, not_done, async move {
            let connection = kubernetes::connect(&target).await?;
            kubernetes::delete_pod(&connection, &pod, &uid).await
        });
    }

    pub(super) fn restart_workload(&self, context: &str, workload: WorkloadRef, maker: Maker) {
        let target = self.target_in(context);
        let done = format!("{workload} makes its pods anew");
        let not_done = format!("{workload} was not restarted");
        self.report(done, not_done, async move {
            let connection = kubernetes::connect(&target).await?;
            kubernetes::restart(&connection, &workload, &maker, Timestamp::now()).await
        });
    }

    pub(super) fn scale_workload(
        &self,
        context: &str,
        workload: WorkloadRef,
        maker: Maker,
        replicas: u32,
    ) {
        let target = self.target_in(context);
        let done = format!("{workload} is asked for {replicas} pods");
        let not_done = format!("{workload} was not scaled");
        self.report(done, not_done, async move {
            let connection = kubernetes::connect(&target).await?;
            kubernetes::scale(&connection, &workload, &maker, replicas).await
        });
    }
}
