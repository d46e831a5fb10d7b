//! The Pipelines pane by its keys, against the simulated GitLab.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use bramble::app::Settings;
use bramble::clients::gitlab;
use bramble::sim::{Gitlab, Scenario, Sim};

use super::{DEADLINE, Harness, office};

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_finished_job_is_there_again_when_it_is_opened_again() {
    let (sim, builds) = (office().await, Gitlab::start().await.unwrap());
    let settings = Settings {
        gitlabs: vec![("demo".to_owned(), builds.url())],
        ..Settings::default()
    };
    let mut cockpit = Harness::start(&sim, settings);
    let file = cockpit.folder.path().join("token");
    std::fs::write(&file, builds.token()).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    cockpit.effects = cockpit.effects.with_gitlabs(vec![gitlab::Settings {
        name: "demo".into(),
        url: builds.url(),
        ca_file: None,
        token: gitlab::TokenSource::File(file),
        projects: vec!["ops/thermo-hub".into()],
    }]);
    cockpit.until("4/4 ready").await;
    cockpit.press("5").await;
    cockpit.until("ops/thermo-hub").await;
    cockpit.press("enter").await;
    cockpit.until("#9311").await;
    cockpit.press("enter").await;
    cockpit.until("lint").await;
    for _ in 0..2 {
        // A row that came just now is not opened by accident.
        cockpit.turn("", Duration::from_millis(500)).await;
        cockpit.press("enter").await;
        let screen = cockpit.until("Job succeeded").await;
        assert!(screen.contains("lint #"), "{screen}");
        assert!(
            !screen.contains("first error"),
            "there is none to go to:\n{screen}"
        );
        cockpit.press("esc").await;
        cockpit.until_gone("Job succeeded").await;
    }
}

/// The rack whose workloads run images of the GitLab beside it.
async fn bed() -> (Sim, Gitlab, Harness) {
    let builds = Gitlab::start().await.unwrap();
    let scenario = Scenario::shipped("office")
        .unwrap()
        .with_image("my-web-app", &format!("{}/web:356a192b", builds.images()))
        .with_image("shop", &format!("{}/labels:0.9", builds.images()));
    let sim = Sim::start(scenario, 1).await.unwrap();
    let settings = Settings {
        gitlabs: vec![("demo".to_owned(), builds.url())],
        ..Settings::default()
    };
    let mut cockpit = Harness::start(&sim, settings);
    let file = cockpit.folder.path().join("token");
    std::fs::write(&file, builds.token()).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    cockpit.effects = cockpit.effects.with_gitlabs(vec![gitlab::Settings {
        name: "demo".into(),
        url: builds.url(),
        ca_file: None,
        token: gitlab::TokenSource::File(file),
        projects: vec!["ops/thermo-hub".into()],
    }]);
    cockpit.until("4/4 ready").await;
    (sim, builds, cockpit)
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_workload_to_the_job_that_built_it_and_back_to_its_pods() {
    let (_sim, _builds, mut cockpit) = bed().await;
    cockpit.press("9").await;
    cockpit.press("/ m y - w e b enter").await;
    cockpit.until("my-web-app").await;
    cockpit.press("i").await;
    let page = cockpit.until("Built by").await;
    for words in [
        "Platforms   linux/arm/v7, linux/arm64",
        "Fits        ",
        ": this build",
        "job \"build\" (#500001) of ops/thermo-hub, pipeline #9310, commit 356a192b",
    ] {
        assert!(page.contains(words), "{words}\n{page}");
    }
    assert!(!page.contains("No build"), "{page}");
    cockpit.press("esc B").await;
    cockpit.until("pushing manifest for").await;
    cockpit.press("i").await;
    let page = cockpit.until("Runs in").await;
    assert!(page.contains("deployment web/my-web-app, pod"), "{page}");
    assert!(!page.contains("Not yet in"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_without_a_build_for_the_nodes_is_a_problem() {
    let (_sim, _builds, mut cockpit) = bed().await;
    cockpit.press("9").await;
    cockpit.press("/ s h o p enter").await;
    cockpit.until("shop-db").await;
    cockpit.press("g i").await;
    let page = cockpit.until("No build").await;
    assert!(page.contains("Platforms   linux/amd64"), "{page}");
    cockpit.press("esc 8").await;
    let screen = cockpit.until("no arm64 in").await;
    assert!(screen.contains("deployment web/shop"), "{screen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_token_becomes_a_pull_secret_that_its_workload_uses() {
    let (_sim, builds, mut cockpit) = bed().await;
    cockpit.press("5").await;
    cockpit.until("ops/thermo-hub").await;
    cockpit.press("9").await;
    cockpit.press("/ p r o m t enter").await;
    cockpit.until("promtail").await;
    // The second one takes the place of the first, whose token ends.
    for token in [1, 2] {
        cockpit.press("K").await;
        cockpit.until("Pull secret in monitoring").await;
        cockpit.startled().await;
        cockpit.press("enter enter enter enter").await;
        let question = cockpit
            .until("Make pull secret monitoring/gitlab-pull?")
            .await;
        assert!(
            question.contains("k3s-office-rack-monitoring"),
            "{question}"
        );
        cockpit.answer("y").await;
        let said = "may pull; daemonset monitoring/promtail makes its pods anew";
        let screen = cockpit.until(said).await;
        assert!(!screen.contains("gldt"), "{screen}");
        let begun = std::time::Instant::now();
        while builds.deploy_tokens() != [token] {
            assert!(begun.elapsed() < DEADLINE, "{:?}", builds.deploy_tokens());
            cockpit.turn("", Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_for_arm_are_shown_line_by_line_before_they_are_written() {
    let (_sim, _builds, mut cockpit) = bed().await;
    let folder = cockpit.folder.path().join("p");
    std::fs::create_dir(&folder).unwrap();
    let typed: Vec<String> = folder
        .display()
        .to_string()
        .chars()
        .map(|it| it.to_string())
        .collect();
    cockpit.press("5").await;
    cockpit.until("ops/thermo-hub").await;
    cockpit.press("A").await;
    cockpit.until("Files for building on ARM").await;
    cockpit.startled().await;
    cockpit.press(&typed.join(" ")).await;
    cockpit.press("enter enter").await;
    cockpit.until("FROM --platform=$BUILDPLATFORM").await;
    assert!(
        !folder.join("Dockerfile.arm").exists(),
        "nothing before the yes"
    );
    cockpit.press("esc").await;
    cockpit
        .until("Dockerfile.arm (new), .gitlab-ci.yml (new)")
        .await;
    cockpit.answer("y").await;
    cockpit.until("wrote Dockerfile.arm and").await;
    assert!(folder.join(".gitlab-ci.yml").exists());
}
