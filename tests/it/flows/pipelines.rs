//! The Pipelines pane by its keys, against the simulated GitLab.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use bramble::app::Settings;
use bramble::clients::gitlab;
use bramble::sim::Gitlab;

use super::{Harness, office};

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
