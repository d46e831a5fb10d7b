//! Questions to an API that stays up.

use std::time::Duration;

use bramble::clients::kubernetes::{Error, connect, cordon, node_yaml};
use bramble::rack::beat::Pulse;
use bramble::rack::link::{LinkState, Source, SourceState};
use bramble::rack::node::{NodeName, Truth, Uid};

use crate::bed::Bed;
use crate::control_plane;
use crate::follower::Follower;

fn name(text: &str) -> NodeName {
    NodeName::new(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_and_their_heartbeats_are_seen() {
    for bed in Bed::both().await {
        bed.join("q-beat").await;
        let mut seen = Follower::start(&bed.admin());
        seen.until_node("q-beat").await;
        seen.until("a lease", |rack| {
            rack.reading(&name("q-beat")).age.is_some()
        })
        .await;
        assert_eq!(
            seen.rack.node(&name("q-beat")).unwrap().ready(),
            Some(Truth::True),
            "{}",
            bed.name()
        );
        assert!(
            seen.rack.reading(&name("q-beat")).is_estimate,
            "{}: not heard by ourselves yet",
            bed.name()
        );
        bed.beat("q-beat").await;
        let took = seen
            .until("the beat", |rack| {
                !rack.reading(&name("q-beat")).is_estimate
            })
            .await;
        assert!(
            took < Duration::from_secs(1),
            "{}: a beat took {took:?}",
            bed.name()
        );
        assert_eq!(seen.rack.reading(&name("q-beat")).pulse, Pulse::Beating);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_sees_what_comes_changes_and_goes() {
    for bed in Bed::both().await {
        let mut seen = Follower::start(&bed.admin());
        seen.until_live().await;
        bed.join("q-watch").await;
        seen.until_node("q-watch").await;
        bed.label("q-watch", "tray", "7").await;
        seen.until("the label", |rack| {
            rack.node(&name("q-watch"))
                .is_some_and(|it| it.labels.contains_key("tray"))
        })
        .await;
        bed.remove("q-watch").await;
        seen.until("it is gone", |rack| rack.node(&name("q-watch")).is_none())
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kinds_that_may_not_be_read_name_the_missing_rule_and_the_nodes_live() {
    for bed in Bed::both().await {
        let mut seen = Follower::start(&bed.viewer());
        for source in [Source::Leases, Source::Events] {
            let forbidden = |rack: &bramble::rack::Rack| {
                matches!(rack.link.source(source), SourceState::Forbidden(_))
            };
            seen.until(source.word(), forbidden).await;
            let SourceState::Forbidden(problem) = seen.rack.link.source(source) else {
                unreachable!()
            };
            assert!(
                problem.what.contains(source.word()),
                "{}: {problem:?}",
                bed.name()
            );
            assert!(!problem.next.is_empty(), "{}: {problem:?}", bed.name());
        }
        seen.until_live().await;
        let connection = connect(&seen.target()).await.unwrap();
        bed.join("q-viewer").await;
        seen.until_node("q-viewer").await;
        let uid = seen.rack.node(&name("q-viewer")).unwrap().uid.clone();
        let refused = cordon(&connection, &name("q-viewer"), &uid, true)
            .await
            .unwrap_err();
        assert!(
            matches!(refused, Error::Forbidden { .. }),
            "{}: {refused:?}",
            bed.name()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_cordoned_and_uncordoned_and_another_of_its_name_is_left_alone() {
    for bed in Bed::both().await {
        bed.join("q-cordon").await;
        let mut seen = Follower::start(&bed.admin());
        seen.until_node("q-cordon").await;
        let connection = connect(&seen.target()).await.unwrap();
        let uid = seen.rack.node(&name("q-cordon")).unwrap().uid.clone();
        for wanted in [true, false] {
            cordon(&connection, &name("q-cordon"), &uid, wanted)
                .await
                .unwrap();
            seen.until("the change", |rack| {
                rack.node(&name("q-cordon")).unwrap().unschedulable == wanted
            })
            .await;
        }
        let other = Uid("00000000-0000-0000-0000-000000000000".into());
        let refused = cordon(&connection, &name("q-cordon"), &other, true)
            .await
            .unwrap_err();
        assert!(
            matches!(refused, Error::Replaced { .. }),
            "{}: {refused:?}",
            bed.name()
        );
        let missing = cordon(&connection, &name("q-nobody"), &other, true)
            .await
            .unwrap_err();
        assert!(
            missing.problem().what.contains("q-nobody"),
            "{}: {missing:?}",
            bed.name()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn yaml_is_the_object_without_its_bookkeeping() {
    for bed in Bed::both().await {
        bed.join("q-yaml").await;
        let seen = Follower::start(&bed.admin());
        let connection = connect(&seen.target()).await.unwrap();
        let yaml = node_yaml(&connection, &name("q-yaml")).await.unwrap();
        assert!(
            yaml.contains("kind: Node") && yaml.contains("name: q-yaml"),
            "{}: {yaml}",
            bed.name()
        );
        assert!(!yaml.contains("managedFields"), "{}: {yaml}", bed.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubeconfig_that_changes_on_disk_is_read_again() {
    for bed in Bed::both().await {
        let mut seen = Follower::start("apiVersion: v1\nkind: Config\n");
        seen.until("nowhere", bramble::rack::Rack::is_nowhere).await;
        seen.change_kubeconfig(&bed.admin());
        seen.until_live().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_do_not_work_say_why() {
    let Some(plane) = control_plane::shared() else {
        return;
    };
    for (file, is_denied, words) in [
        ("kubeconfig-badca.yaml", false, "certificate"),
        ("kubeconfig-expired.yaml", true, "certificate ended"),
        ("kubeconfig-nobody.yaml", true, "not allowed"),
    ] {
        let mut seen = Follower::start(&plane.kubeconfig(file));
        seen.until(file, |rack| rack.link.problem().is_some()).await;
        let problem = seen.rack.link.problem().unwrap();
        assert_eq!(
            matches!(seen.rack.link.state, LinkState::Denied { .. }),
            is_denied,
            "{file}: {problem:?}"
        );
        let told = format!("{} {}", problem.sentence(), problem.evidence.join(" "));
        assert!(told.contains(words), "{file}: {problem:?}");
        assert!(!problem.next.is_empty(), "{file}: {problem:?}");
    }
    let mut seen = Follower::start(&plane.kubeconfig("kubeconfig-token.yaml"));
    seen.until_live().await;
}
