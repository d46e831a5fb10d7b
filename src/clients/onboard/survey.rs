//! A look at a board, and at the cluster it is to join, before anything is done.

use std::time::Duration;

use jiff::Timestamp;

use super::script::Settings;
use super::{Tools, destination, lost};
use crate::clients::ssh::Command;
use crate::rack::onboard::facts::{Facts, parse};
use crate::rack::onboard::machine::{Failure, Survey};
use crate::rack::onboard::warning;
use crate::rack::onboard::wish::{Role, Wish};
use crate::rack::ssh::Destination;

const PREFLIGHT: &str = include_str!("preflight.sh");
/// With 16 s for two questions to a server that does not answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    Whole,
    /// Neither the disk nor the way to the server.
    Kernel,
}

/// Asks the board, and the cluster where there is one already.
pub async fn survey(tools: &Tools, wish: &Wish) -> Result<Survey, Failure> {
    let to = destination(wish)?;
    tools.ssh.retry(&to);
    let board = facts(tools, wish, &to, Depth::Whole);
    let (facts, cluster) = match wish.role {
        Role::FirstServer { .. } => {
            let facts = board.await?;
            let is_up = facts.is_unit_active("k3s");
            let itself = Wish {
                server: Some(wish.host.clone()),
                ..wish.clone()
            };
            // Only what stands there already: who else is in it decides whether its pods have somewhere to go.
            let cluster = if is_up {
                tools.servers.cluster(tools, &itself).await.ok()
            } else {
                None
            };
            (facts, cluster)
        }
        Role::Server | Role::Agent => {
            let (facts, cluster) = tokio::join!(board, tools.servers.cluster(tools, wish));
            (facts?, Some(cluster?))
        }
    };
    Ok(Survey {
        facts,
        cluster,
        now: Timestamp::now().as_second(),
    })
}

/// What the board says of itself.
pub(super) async fn facts(
    tools: &Tools,
    wish: &Wish,
    to: &Destination,
    depth: Depth,
) -> Result<Facts, Failure> {
    let mut settings = Settings::new();
    if depth == Depth::Whole {
        let url = wish
            .url
            .as_ref()
            .filter(|_| !super::makes_cluster(wish.role));
        settings = settings
            .with("URL", &url.map(ToString::to_string).unwrap_or_default())
            .with("SPEED", if wish.role.is_server() { "1" } else { "" });
    }
    let command = Command::script(settings.script(PREFLIGHT))
        .as_root()
        .deadline(PATIENCE);
    let output = tools
        .ssh
        .run(to, &command)
        .await
        .map_err(|error| lost(&wish.host, &error))?;
    parse(&output.text()).map_err(|error| Failure {
        problem: warning(&wish.host, format!("{}: {error}", wish.host))
            .why(output.complaint())
            .next("log in by hand and look at what its shell says"),
        is_transient: error.contains("cut off"),
        fix: None,
    })
}
