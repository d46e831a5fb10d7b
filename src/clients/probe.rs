//! Whether addresses answer from here: a TCP connection to each port now and then, closed at once.
//!
//! Nothing is sent. Each port is tried once an interval at most, however often it comes and goes on the screen; ports
//! are spread over the interval and only a few are tried at the same time, so that no network notices.

mod http;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::rack::vip::probe::{Outcome, Target};

pub use http::{Error, status};

/// How long one connection to a port takes; nothing is sent. The error is a reason in words.
pub async fn once(host: &str, port: u16) -> Result<Duration, Box<str>> {
    let start = Instant::now();
    match timeout(PACE.patience, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Ok(start.elapsed()),
        Ok(Err(error)) => Err(error.to_string().into()),
        Err(_) => Err(format!("no answer in {} s", PACE.patience.as_secs()).into()),
    }
}

/// How often and how patiently.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The longest time between two attempts on one port.
    pub interval: Duration,
    /// How long an attempt may take.
    pub patience: Duration,
    /// Attempts at the same time.
    pub at_once: usize,
}

/// Five seconds for each port: a lost VIP is seen within seven, also when all 64 of a large screen are dead at once.
pub const PACE: Pace = Pace {
    interval: Duration::from_secs(5),
    patience: Duration::from_secs(2),
    at_once: 32,
};

/// Probes what `targets` names, as long as it names it. Ends when either side is gone.
pub async fn follow(
    mut targets: watch::Receiver<Vec<Target>>,
    pace: Pace,
    out: mpsc::Sender<(Target, Outcome)>,
) {
    let chance = RandomState::new();
    // When each port may be tried next; kept a while when it leaves the screen.
    let mut due: HashMap<Target, Instant> = HashMap::new();
    let mut attempts = FuturesUnordered::new();
    let mut running: Vec<Target> = Vec::new();
    loop {
        let wanted = targets.borrow_and_update().clone();
        let now = Instant::now();
        due.retain(|target, at| *at > now || wanted.contains(target));
        for (index, target) in wanted.iter().enumerate() {
            // The first round is soon, and not all at once.
            let index = u32::try_from(index).unwrap_or(0);
            let spread = pace.interval / 4 / u32::try_from(wanted.len().max(1)).unwrap_or(1);
            due.entry(*target).or_insert(now + spread * index);
        }
        for target in &wanted {
            let is_due = due.get(target).is_some_and(|at| *at <= now);
            if is_due && running.len() < pace.at_once && !running.contains(target) {
                running.push(*target);
                attempts.push(attempt(*target, pace.patience));
                due.insert(
                    *target,
                    now + pace.interval - jitter(&chance, *target, now, pace),
                );
            }
        }
        let waiting = wanted.iter().filter(|target| !running.contains(target));
        let next = waiting.filter_map(|target| due.get(target)).min().copied();
        tokio::select! {
            changed = targets.changed() => if changed.is_err() { return },
            Some((target, outcome)) = attempts.next(), if !attempts.is_empty() => {
                running.retain(|it| *it != target);
                if out.send((target, outcome)).await.is_err() {
                    return;
                }
            }
            () = sleep_until(next.unwrap_or(now)), if next.is_some() && running.len() < pace.at_once => {}
        }
    }
}

/// Up to a fifth of the interval, so that ports drift apart.
fn jitter(chance: &RandomState, target: Target, now: Instant, pace: Pace) -> Duration {
    let number = u32::try_from(chance.hash_one((target, now)) % 1_000).unwrap_or(0);
    pace.interval / 5 * number / 1_000
}

async fn attempt(target: Target, patience: Duration) -> (Target, Outcome) {
    let begun = Instant::now();
    let address = SocketAddr::new(target.address, target.port);
    let outcome = match timeout(patience, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Outcome::Answered(begun.elapsed()),
        Ok(Err(error)) => match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => Outcome::Refused,
            // The kernel asked for the MAC and nobody answered.
            ErrorKind::HostUnreachable | ErrorKind::TimedOut => Outcome::Silent,
            _ => Outcome::Unreachable,
        },
        Err(_) => Outcome::Silent,
    };
    (target, outcome)
}

#[cfg(test)]
mod tests;
