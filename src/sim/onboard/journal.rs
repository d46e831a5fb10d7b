//! The unit of a board that joins, and what k3s writes meanwhile.

use super::{CA, OTHER_CA, Trouble};
use crate::sim::board::Said;
use crate::sim::world::World;

impl World {
    /// The state of the unit and its journal so far, as the one script that looks at both prints them.
    pub(super) fn unit_and_journal(&self, name: &str) -> Said {
        let Some(card) = self.cards.get(name) else {
            return Said::Text(
                "ActiveState=inactive\nSubState=dead\nNRestarts=0\n-- journal\n-- end\n".to_owned(),
                0,
            );
        };
        let is_node = card
            .node
            .as_deref()
            .is_some_and(|node| self.machines.contains_key(node));
        let (state, sub) = match (is_node, card.started) {
            (true, _) => ("active", "running"),
            (false, Some(_)) => ("activating", "start"),
            (false, None) => ("inactive", "dead"),
        };
        let unit = card.unit.unwrap_or("k3s-agent");
        let version = card.binary.as_deref().unwrap_or("?");
        let mut lines = vec![format!("level=info msg=\"Starting {unit} {version}\"")];
        let seconds = card
            .started
            .map_or(0, |at| self.now.saturating_sub(at).as_secs());
        let waits = waits_for(card.trouble);
        for at in (0..seconds).step_by(2) {
            match &waits {
                Some(cause) => lines.push(format!(
                    "level=error ts={at} msg=\"Waiting to retrieve agent configuration; server is not ready: {cause}\""
                )),
                None if is_node => {}
                None => lines.push(format!("level=info ts={at} msg=\"Waiting for containerd startup\"")),
            }
        }
        if is_node {
            lines.push("level=info msg=\"Running kubelet\"".to_owned());
            lines.push("I \"Successfully registered node\"".to_owned());
        }
        let text = format!(
            "ActiveState={state}\nSubState={sub}\nNRestarts=0\n-- journal\n{}\n-- end\n",
            lines.join("\n")
        );
        Said::Text(text, 0)
    }
}

/// The cause k3s repeats while it cannot join.
fn waits_for(trouble: Trouble) -> Option<String> {
    match trouble {
        Trouble::ForeignToken => Some(format!(
            "token CA hash does not match the Cluster CA certificate hash: {CA} != {OTHER_CA}"
        )),
        Trouble::Hangs => Some(
            "failed to get CA certs: Get \\\"https://127.0.0.1:6444/cacerts\\\": EOF".to_owned(),
        ),
        _ => None,
    }
}
