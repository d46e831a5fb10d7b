//! Logs by their keys, against the simulator: of a Service, of a board, of several at once; and what is said of a pod.

use bramble::app::Settings;

use super::{Harness, office};

#[tokio::test(flavor = "multi_thread")]
async fn a_service_opens_the_logs_of_its_pods() {
    let sim = office().await;
    let mut cockpit = Harness::start(&sim, Settings::default());
    cockpit.until("4/4 ready").await;
    cockpit.press("2").await;
    cockpit.until("my-web-app").await;
    cockpit.press("/ m y - w e b enter").await;
    cockpit.press("l").await;
    let screen = cockpit.until("3 sources").await;
    assert!(screen.contains("svc/my-web-app"), "{screen}");
    // Lines of every one of them.
    for _ in 0..3 {
        cockpit.until("my-web-app-").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_opens_its_journal_in_the_viewer() {
    let sim = office().await;
    let mut cockpit = Harness::start(&sim, Settings::default());
    cockpit.until("4/4 ready").await;
    cockpit.press("j l").await;
    let screen = cockpit.until("Successfully registered node").await;
    assert!(screen.contains("k3s-agent on rpi-01"), "{screen}");
    // It is one of the viewer's own: it is searched, and other logs are read beside it.
    cockpit.press(": l o g s +").await;
    cockpit
        .press("space d e p l o y / w i k i space - n space o f f i c e enter")
        .await;
    let screen = cockpit.until("2 sources").await;
    assert!(screen.contains("deploy/wiki"), "{screen}");
    cockpit.until("wiki-").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workload_of_every_kind_is_described_and_its_logs_are_read() {
    let sim = office().await;
    let mut cockpit = Harness::start(&sim, Settings::default());
    cockpit.until("4/4 ready").await;
    for (name, kind, word) in [
        ("shop-db", "StatefulSet", "sts/shop-db"),
        ("backup", "Job", "job/backup"),
        ("promtail", "DaemonSet", "ds/promtail"),
        ("wiki", "Deployment", "deploy/wiki"),
    ] {
        cockpit.press("9").await;
        let letters: Vec<String> = name.chars().map(String::from).collect();
        cockpit
            .press(&format!("/ {} enter", letters.join(" ")))
            .await;
        // The title has one blank after the name, the row at least two.
        cockpit.until(&format!("/{name}  ")).await;
        cockpit.press("d").await;
        let screen = cockpit.until("Selector").await;
        assert!(screen.contains(name), "{kind}: {screen}");
        assert!(screen.contains("Containers"), "{kind}: {screen}");
        cockpit.press("esc").await;
        cockpit.until_gone("Selector").await;
        cockpit.press("l").await;
        cockpit.until(word).await;
        cockpit.until(&format!("{name}-")).await;
        cockpit.press("9 esc").await;
    }
}
