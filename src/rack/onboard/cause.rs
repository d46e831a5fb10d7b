//! From lines of a unit's journal to what is wrong and what helps.
//!
//! k3s says the cause once and then repeats that it waits; the newest line that is known wins. Texts are k3s's, flannel's,
//! etcd's and Go's own; sources stand in `findings` and the issue numbers in each row.

use super::critical;
use crate::rack::problem::Problem;

/// A known cause: any of these words in a line, then what it is and what helps.
struct Row {
    words: &'static [&'static str],
    what: &'static str,
    next: &'static str,
    /// Waiting does not help.
    is_final: bool,
}

/// What a journal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    pub problem: Problem,
    pub is_final: bool,
    /// The node's password was rejected: removing the old node helps.
    pub is_old_node: bool,
}

const fn row(
    words: &'static [&'static str],
    is_final: bool,
    what: &'static str,
    next: &'static str,
) -> Row {
    Row {
        words,
        what,
        next,
        is_final,
    }
}

/// The more particular first: several may stand in one line.
static ROWS: &[Row] = &[
    // k3s-io/k3s#6054, #802
    row(
        &["Node password rejected", "node password rejected"],
        true,
        "its node password is rejected: the name is taken by an earlier board",
        "remove the old node and its password (--replace), or give the board another name (--name)",
    ),
    // k3s-io/k3s#10755
    row(
        &["failed to find memory cgroup"],
        true,
        "its kernel has no memory cgroup controller",
        "run the checks again: they say which file to edit",
    ),
    // k3s-io/k3s#3727
    row(
        &["token CA hash does not match"],
        true,
        "the token is of another server, or the server was installed anew",
        "fetch the token again; clean the board if it was in the other cluster",
    ),
    // k3s-io/k3s#6175
    row(
        &[
            "not authorized",
            "401 Unauthorized",
            "invalid token format",
            "failed to normalize token",
        ],
        true,
        "the server does not accept the token",
        "it is wrong, cut off or expired: fetch it again",
    ),
    row(
        &["critical configuration value mismatch"],
        true,
        "its flags differ from those of the other servers",
        "make CIDRs, DNS, disable and secrets-encryption the same in config.yaml on all servers",
    ),
    // k3s-io/k3s#10408
    row(
        &["duplicate node name found"],
        true,
        "etcd still has a member of that name",
        "remove the old node, wait until etcd has dropped it, and wipe server/db on the board",
    ),
    // k3s-io/k3s#6368
    row(
        &[
            "certificate has expired or is not yet valid",
            "not yet valid",
        ],
        false,
        "certificates are not yet valid: a clock is wrong",
        "set the clock of the board and of the server by the network, then start it again",
    ),
    row(
        &["certificate signed by unknown authority"],
        true,
        "the server shows a certificate of another CA",
        "clean the board if it was in another cluster; check the server's address",
    ),
    row(
        &["certificate is valid for"],
        true,
        "the server's certificate is not for the address that is used",
        "add the address to tls-san in the server's config.yaml and restart it",
    ),
    // k3s-io/k3s#1144, #7865
    row(
        &["no default routes found", "unable to select an IP"],
        true,
        "it has no default route k3s can use",
        "fix its network, or add a route through a dummy link (not 169.254.0.0/16)",
    ),
    // flannel-io/flannel#1502
    row(
        &["flannel exited: operation not supported"],
        true,
        "its kernel has no vxlan",
        "apt install linux-modules-extra-raspi, then reboot",
    ),
    // k3s-io/k3s#2699
    row(
        &["Illegal instruction"],
        true,
        "its processor cannot run this build of k3s",
        "use a Raspberry Pi 3 or newer",
    ),
    row(
        &["no space left on device"],
        true,
        "its disk is full",
        "free some room, or grow the partition",
    ),
    row(
        &["read-only file system"],
        true,
        "its file system is read-only",
        "the card is worn: replace it",
    ),
    // k3s-io/k3s#10794
    row(
        &["a lowercase RFC 1123 subdomain"],
        true,
        "its name cannot be a node's",
        "give it another one with --name",
    ),
    row(
        &[
            "connection refused",
            "no route to host",
            "i/o timeout",
            "network is unreachable",
            "context deadline exceeded",
        ],
        false,
        "it does not reach the server",
        "check that the server runs and that port 6443 is open for this board",
    ),
    row(
        &["no such host", "server misbehaving"],
        false,
        "it cannot resolve the server's name",
        "use the server's address, or fix DNS on the board",
    ),
    row(
        &["apiserver not ready", "503 Service Unavailable", "EOF"],
        false,
        "the server is not up yet",
        "it may still start; see its journal",
    ),
    // k3s-io/k3s#2644
    row(
        &["Slow SQL", "apply request took too long", "took too long"],
        false,
        "its disk is slow",
        "use an SSD; sqlite needs less than etcd",
    ),
];

/// What k3s repeats while it waits; the cause stands behind the last colon.
const WAITING: &str = "server is not ready:";

/// The newest cause in these lines of a journal, oldest first.
pub fn cause(board: &str, unit: &str, lines: &[String]) -> Option<Cause> {
    lines.iter().rev().find_map(|line| {
        let part = line
            .rsplit_once(WAITING)
            .map_or(line.as_str(), |(_, cause)| cause);
        let row = find(part)?;
        let problem = critical(
            board,
            format!("{unit} on {board} does not get on: {}", row.what),
        );
        let shown = message(line);
        Some(Cause {
            problem: problem.why(said(part)).evidence(shown).next(row.next),
            is_final: row.is_final,
            is_old_node: line.contains("ode password rejected"),
        })
    })
}

fn find(line: &str) -> Option<&'static Row> {
    // Levels other than these say what goes well.
    let is_news = !line.contains("level=info") || line.contains("Waiting to retrieve");
    ROWS.iter()
        .filter(|_| is_news)
        .find(|row| row.words.iter().any(|words| line.contains(words)))
}

/// The text of a logfmt line.
fn message(line: &str) -> String {
    let text = match line.split_once("msg=\"") {
        Some((_, rest)) => rest.rsplit_once('"').map_or(rest, |(text, _)| text),
        None => line,
    };
    text.trim().replace("\\\"", "\"")
}

fn said(part: &str) -> String {
    let text = message(part).trim_end_matches('"').trim().to_owned();
    // An agent speaks to its own proxy; the real fault is the way to the server.
    if text.contains("127.0.0.1:6444") {
        return format!("{text} (127.0.0.1:6444 is its own way to the server)");
    }
    text
}
