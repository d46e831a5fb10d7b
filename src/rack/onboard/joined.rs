//! When a board has joined: its unit is active, its Node is seen, its Lease was renewed while we looked, it is Ready,
//! and the system pods on it run. Each alone is not enough: a kubelet that crash-loops has a Node too.

/// What was seen so far, from the board over SSH and from the API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is seen or not, in any order"
)]
pub struct Seen {
    /// `ActiveState` of the unit.
    pub unit: String,
    /// `SubState`, as `auto-restart`.
    pub sub: String,
    pub restarts: u32,
    pub has_node: bool,
    pub is_ready: bool,
    /// The cloud provider has not looked at it yet.
    pub is_uninitialised: bool,
    /// Two different renewals were seen.
    pub is_beating: bool,
    /// Of the namespace kube-system on this Node.
    pub pods: u32,
    pub pods_running: u32,
    /// Why the API could not be asked, the last time it could not.
    pub silent: Option<String>,
}

impl Seen {
    pub fn is_joined(&self) -> bool {
        self.waits_for().is_none()
    }

    /// What is missing, the first of the row.
    pub fn waits_for(&self) -> Option<String> {
        if self.unit != "active" {
            let sub = if self.sub.is_empty() {
                String::new()
            } else {
                format!(" ({})", self.sub)
            };
            return Some(format!(
                "the unit to be active, it is {}{sub}",
                if self.unit.is_empty() {
                    "?"
                } else {
                    &self.unit
                }
            ));
        }
        if let Some(why) = &self.silent {
            return Some(format!("an answer of the cluster: {why}"));
        }
        if !self.has_node {
            return Some("the node to register".to_owned());
        }
        if !self.is_beating {
            return Some("the first heartbeats".to_owned());
        }
        if !self.is_ready {
            return Some("the node to be Ready".to_owned());
        }
        if self.is_uninitialised {
            return Some("the cloud controller to initialise the node".to_owned());
        }
        if self.pods_running < self.pods {
            return Some(format!(
                "system pods: {} of {} run",
                self.pods_running, self.pods
            ));
        }
        None
    }

    /// As far as it got, for a run that ends without having joined.
    pub fn known(&self) -> Vec<String> {
        let yes = |is: bool| if is { "yes" } else { "no" };
        let mut lines = vec![format!(
            "unit {} ({}), {} restarts",
            self.unit, self.sub, self.restarts
        )];
        match &self.silent {
            Some(why) => lines.push(format!("the cluster did not answer: {why}")),
            None => lines.push(format!(
                "node seen: {}; heartbeat: {}; Ready: {}; system pods {}/{}",
                yes(self.has_node),
                yes(self.is_beating),
                yes(self.is_ready),
                self.pods_running,
                self.pods
            )),
        }
        lines
    }
}
