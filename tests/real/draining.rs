//! Draining a node and removing it: what goes, what stays, what holds it up, and what is left when it is stopped.
//!
//! Nothing runs the pods: the test is their kubelet, and ends those that were asked to end.

use std::collections::BTreeMap;
use std::time::Duration;

use bramble::clients::kubernetes::drain::{self, Order};
use bramble::clients::kubernetes::{self, Error, remove};
use bramble::rack::drain::{Consent, Drain, End, Fate, News, PodNews, budget_in};
use bramble::rack::node::{NodeName, PasswordSecret, Uid};
use bramble::rack::problem::Subject;
use bramble::rack::time::Now;
use http::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::bed::Bed;
use crate::boards;
use crate::follower::SOON;
use crate::hand::{Hand, JSON};
use crate::place::Who;

ask_both!(
    a_drain_evicts_what_kubectl_would_and_waits_until_it_is_gone,
    a_budget_holds_a_drain_up_by_name_until_it_is_met,
    a_stopped_drain_leaves_what_it_did_not_evict_and_the_node_cordoned,
    the_pods_of_a_silent_board_are_marked_and_not_waited_for,
    nothing_is_evicted_when_a_pod_was_not_asked_about,
    a_node_that_was_replaced_is_neither_drained_nor_removed,
    a_removed_node_takes_its_password_along_or_it_is_told,
);

const ALL: Consent = Consent {
    lose_data: true,
    lose_pods: true,
    only_mark: false,
};

/// A drain of one board, and what it told so far.
struct Running {
    news: mpsc::Receiver<News>,
    cancel: CancellationToken,
    drain: Drain,
    /// Names of pods by uid.
    names: BTreeMap<Uid, String>,
    tasks: JoinSet<()>,
}

impl Running {
    async fn start(bed: &Bed, board: &str, consent: Consent) -> Running {
        let (node, uid) = identity(bed, board).await;
        let connection = kubernetes::connect(&bed.target(Who::Admin)).await.unwrap();
        let (out, news) = mpsc::channel(64);
        let cancel = CancellationToken::new();
        let order = Order {
            node: node.clone(),
            uid,
            consent,
            retry: Duration::from_millis(200),
        };
        let mut tasks = JoinSet::new();
        let stop = cancel.clone();
        tasks.spawn(async move { drain::drain(&connection, &order, &stop, &out).await });
        Running {
            news,
            cancel,
            drain: Drain::begin(node, "test".into(), Now::ZERO),
            names: BTreeMap::new(),
            tasks,
        }
    }

    /// The next news that `wanted` likes; all of them are taken in.
    async fn until(&mut self, what: &str, mut wanted: impl FnMut(&News) -> bool) -> News {
        let deadline = Instant::now() + SOON;
        loop {
            let next = timeout_at(deadline, self.news.recv()).await;
            let news = next.unwrap_or_else(|_| panic!("{what} never came: {:?}", self.drain));
            let news = news.unwrap_or_else(|| panic!("{what} never came: {:?}", self.drain));
            if let News::Pods(pods) = &news {
                let name =
                    |pod: &bramble::rack::drain::PodId| (pod.uid.clone(), pod.name.to_string());
                self.names = pods.iter().map(name).collect();
            }
            self.drain.apply(news.clone(), Now::ZERO);
            if wanted(&news) {
                return news;
            }
        }
    }

    /// What is told of the pod of that name.
    async fn pod(&mut self, name: &str, wanted: impl Fn(&PodNews) -> bool) -> PodNews {
        let names = std::cell::RefCell::new(self.names.clone());
        let news = self
            .until(name, |news| match news {
                News::Pods(pods) => {
                    *names.borrow_mut() = pods
                        .iter()
                        .map(|pod| (pod.uid.clone(), pod.name.to_string()))
                        .collect();
                    false
                }
                News::Pod(uid, news) => {
                    names.borrow().get(uid).is_some_and(|it| it == name) && wanted(news)
                }
                _ => false,
            })
            .await;
        match news {
            News::Pod(_, news) => news,
            other => panic!("{other:?}"),
        }
    }

    async fn end(&mut self) -> End {
        match self
            .until("the end", |news| matches!(news, News::Ended(_)))
            .await
        {
            News::Ended(end) => {
                self.tasks.join_next().await.unwrap().unwrap();
                end
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn identity(bed: &Bed, board: &str) -> (NodeName, Uid) {
    let node = bed.node(board).await;
    let uid = node["metadata"]["uid"].as_str().unwrap();
    (NodeName::new(board), Uid(uid.into()))
}

/// A ready pod on the board with a controller: the node itself, because a garbage collector looks for owners.
async fn managed(bed: &Bed, board: &str, name: &str) -> Value {
    let (_, uid) = identity(bed, board).await;
    let mut pod = boards::pod(&format!("{board}-{name}"), board);
    pod["metadata"]["labels"] = json!({ "app": board });
    pod["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "v1", "kind": "Node", "name": board, "uid": uid.0, "controller": true,
    }]);
    pod
}

/// The test as kubelet: pods of the board that were asked to end, end.
fn play_kubelet(bed: &Bed, board: &str) -> JoinSet<()> {
    let (hand, board) = (bed.hand(), board.to_owned());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut often = interval(Duration::from_millis(50));
        loop {
            often.tick().await;
            end_terminating(&hand, &board).await;
        }
    });
    tasks
}

async fn end_terminating(hand: &Hand, board: &str) {
    for pod in pods(hand, board).await {
        if pod["metadata"]["deletionTimestamp"].is_string() {
            let name = pod["metadata"]["name"].as_str().unwrap();
            let path = format!("/api/v1/namespaces/default/pods/{name}?gracePeriodSeconds=0");
            hand.send(Method::DELETE, &path, JSON, "").await;
        }
    }
}

async fn pods(hand: &Hand, board: &str) -> Vec<Value> {
    let path = format!("/api/v1/pods?fieldSelector=spec.nodeName%3D{board}");
    let list = hand.get(&path).await;
    list["items"].as_array().unwrap().clone()
}

async fn names(bed: &Bed, board: &str) -> Vec<String> {
    let short = |pod: &Value| {
        let name = pod["metadata"]["name"].as_str().unwrap();
        name.trim_start_matches(board)
            .trim_start_matches('-')
            .to_owned()
    };
    let mut names: Vec<String> = pods(&bed.hand(), board).await.iter().map(short).collect();
    names.sort();
    names
}

async fn a_drain_evicts_what_kubectl_would_and_waits_until_it_is_gone(bed: Bed) {
    let board = bed.board().await;
    bed.put(&managed(&bed, &board, "plain").await).await;
    let mut cached = managed(&bed, &board, "cached").await;
    cached["spec"]["volumes"] = json!([{ "name": "cache", "emptyDir": {} }]);
    bed.put(&cached).await;
    bed.put(&boards::pod(&format!("{board}-alone"), &board))
        .await;
    let mut finished = boards::pod(&format!("{board}-finished"), &board);
    finished["status"] = json!({ "phase": "Succeeded" });
    bed.put(&finished).await;
    let mut mirror = boards::pod(&format!("{board}-mirror"), &board);
    mirror["metadata"]["annotations"] = json!({ "kubernetes.io/config.mirror": "x" });
    mirror["metadata"]["ownerReferences"] =
        managed(&bed, &board, "").await["metadata"]["ownerReferences"].clone();
    bed.put(&mirror).await;
    bed.put_daemon_pod(&board).await;

    let connection = kubernetes::connect(&bed.target(Who::Admin)).await.unwrap();
    let (node, uid) = identity(&bed, &board).await;
    let plan = drain::plan(&connection, &node, &uid).await.unwrap();
    let fates: BTreeMap<&str, Fate> = plan
        .pods
        .iter()
        .map(|(occupant, fate)| (occupant.pod.name.trim_start_matches(&*board), *fate))
        .map(|(name, fate)| (name.trim_start_matches('-'), fate))
        .collect();
    let is = |name: &str| fates.get(name).copied();
    assert_eq!(is("plain"), Some(Fate::Evict), "{fates:?}");
    assert_eq!(is("cached"), Some(Fate::LoseData));
    assert_eq!(is("alone"), Some(Fate::LosePod));
    assert_eq!(is("finished"), Some(Fate::Evict));
    assert_eq!(is("mirror"), Some(Fate::MirrorStays));
    let daemon = fates.iter().find(|(name, _)| name.starts_with("daemon"));
    assert_eq!(
        daemon.map(|(_, fate)| *fate),
        Some(Fate::DaemonSetStays),
        "{fates:?}"
    );
    let raw = bed.node(&board).await;
    assert_eq!(
        raw["spec"]["unschedulable"],
        Value::Null,
        "a plan changes nothing"
    );

    let mut running = Running::start(&bed, &board, ALL).await;
    let plain = format!("{board}-plain");
    running.pod(&plain, |news| *news == PodNews::Leaving).await;
    assert!(
        names(&bed, &board).await.contains(&"plain".to_owned()),
        "its kubelet is not done"
    );
    let _kubelet = play_kubelet(&bed, &board);
    assert_eq!(running.end().await, End::Drained);
    assert_eq!(running.drain.tally().gone, 4);
    let left = names(&bed, &board).await;
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.contains(&"mirror".to_owned()), "{left:?}");
    assert_eq!(bed.node(&board).await["spec"]["unschedulable"], true);
}

async fn a_budget_holds_a_drain_up_by_name_until_it_is_met(bed: Bed) {
    let board = bed.board().await;
    let other = bed.board().await;
    for name in ["one", "two"] {
        bed.put(&managed(&bed, &board, name).await).await;
    }
    let budget = format!("keep-{board}");
    bed.put(&boards::budget(&budget, &board, 1)).await;
    bed.until_budget_counts(&budget, 2).await;
    let _kubelet = play_kubelet(&bed, &board);
    let mut running = Running::start(&bed, &board, ALL).await;
    let is_by_budget = |news: &News| match news {
        News::Pod(_, PodNews::Held(why)) => {
            budget_in(why) == Some(&budget) && why.contains("needs 1")
        }
        _ => false,
    };
    running.until("the budget by its name", is_by_budget).await;
    let is_one_gone = |news: &News| matches!(news, News::Pod(_, PodNews::Gone));
    if running.drain.tally().gone == 0 {
        running.until("the pod that may go", is_one_gone).await;
    }
    assert_eq!(names(&bed, &board).await.len(), 1, "one is held back");
    assert!(running.drain.is_running());

    // Somewhere else a third pod becomes ready.
    let mut third = managed(&bed, &other, "three").await;
    third["metadata"]["labels"] = json!({ "app": board });
    bed.put(&third).await;
    assert_eq!(running.end().await, End::Drained);
}

async fn a_stopped_drain_leaves_what_it_did_not_evict_and_the_node_cordoned(bed: Bed) {
    let board = bed.board().await;
    bed.put(&managed(&bed, &board, "one").await).await;
    let budget = format!("keep-{board}");
    bed.put(&boards::budget(&budget, &board, 1)).await;
    bed.until_budget_counts(&budget, 1).await;
    let mut running = Running::start(&bed, &board, ALL).await;
    let is_held = |news: &News| matches!(news, News::Pod(_, PodNews::Held(_)));
    running.until("the hold", is_held).await;
    running.cancel.cancel();
    assert_eq!(running.end().await, End::Cancelled);
    assert_eq!(names(&bed, &board).await, ["one"]);
    let pod = &pods(&bed.hand(), &board).await[0];
    assert_eq!(pod["metadata"]["deletionTimestamp"], Value::Null);
    assert_eq!(bed.node(&board).await["spec"]["unschedulable"], true);
    let sentence = running.drain.result().unwrap().unwrap();
    assert!(sentence.contains("still cordoned"), "{sentence}");
}

async fn the_pods_of_a_silent_board_are_marked_and_not_waited_for(bed: Bed) {
    let board = bed.board().await;
    bed.put(&managed(&bed, &board, "one").await).await;
    let consent = Consent {
        only_mark: true,
        ..ALL
    };
    let mut running = Running::start(&bed, &board, consent).await;
    assert_eq!(running.end().await, End::Drained);
    let pod = &pods(&bed.hand(), &board).await[0];
    assert_ne!(pod["metadata"]["deletionTimestamp"], Value::Null);
    let sentence = running.drain.result().unwrap().unwrap();
    assert!(sentence.contains("1 pod is marked to go"), "{sentence}");
}

async fn nothing_is_evicted_when_a_pod_was_not_asked_about(bed: Bed) {
    let board = bed.board().await;
    bed.put(&managed(&bed, &board, "plain").await).await;
    bed.put(&boards::pod(&format!("{board}-alone"), &board))
        .await;
    let consent = Consent {
        lose_data: true,
        lose_pods: false,
        ..ALL
    };
    let mut running = Running::start(&bed, &board, consent).await;
    let End::Failed(problem) = running.end().await else {
        panic!("{:?}", running.drain);
    };
    let evidence = problem.evidence.join(" ");
    assert!(
        evidence.contains("alone") && !evidence.contains("plain"),
        "{problem:?}"
    );
    for pod in pods(&bed.hand(), &board).await {
        assert_eq!(pod["metadata"]["deletionTimestamp"], Value::Null);
    }
}

async fn a_node_that_was_replaced_is_neither_drained_nor_removed(bed: Bed) {
    let board = bed.board().await;
    let (node, old) = identity(&bed, &board).await;
    bed.replace(&board).await;
    let connection = kubernetes::connect(&bed.target(Who::Admin)).await.unwrap();
    let replaced = Error::Replaced(Subject::Node(node.clone()));
    let planned = drain::plan(&connection, &node, &old).await;
    assert_eq!(planned.unwrap_err(), replaced);
    assert_eq!(remove::node(&connection, &node, &old).await, Err(replaced));
    let raw = bed.node(&board).await;
    assert_eq!(raw["spec"]["unschedulable"], Value::Null, "left alone");
}

async fn a_removed_node_takes_its_password_along_or_it_is_told(bed: Bed) {
    let board = bed.board().await;
    let (node, uid) = identity(&bed, &board).await;
    let connection = kubernetes::connect(&bed.target(Who::Admin)).await.unwrap();
    // On a plain control plane nobody takes the secret away, as with a k3s that forgets it; the simulator does.
    let secret = json!({
        "kind": "Secret", "apiVersion": "v1",
        "metadata": { "name": format!("{board}.node-password.k3s"), "namespace": "kube-system" },
        "data": { "hash": "aGFzaA==" },
    });
    bed.put(&secret).await;
    let refused = remove::password(&connection, &node).await;
    assert_eq!(
        refused,
        Err(Error::Replaced(Subject::Node(node.clone()))),
        "the node needs it"
    );
    let secret = remove::node(&connection, &node, &uid).await.unwrap();
    let expected = if bed.is_real() {
        PasswordSecret::Left
    } else {
        PasswordSecret::Gone
    };
    assert_eq!(secret, expected);
    let path = format!("/api/v1/nodes/{board}");
    assert_eq!(
        bed.hand().send(Method::GET, &path, JSON, "").await.code,
        404
    );
    remove::password(&connection, &node).await.unwrap();
    remove::password(&connection, &node).await.unwrap();
    let path = format!("/api/v1/namespaces/kube-system/secrets/{board}.node-password.k3s");
    assert_eq!(
        bed.hand().send(Method::GET, &path, JSON, "").await.code,
        404
    );
}
