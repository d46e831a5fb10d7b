//! Boards onboarded by the keys of the Onboard pane, against boards that are simulated down to their cards.

use std::time::Duration;

use bramble::app::effects::Supplies;
use bramble::app::{ContextSettings, Settings};
use bramble::clients::onboard::depot::Sources;
use bramble::rack::onboard::machine::{Board, Stage};
use bramble::sim::{Releases, Scenario, Sim};

use super::{Harness, office, typed};
use crate::screens::text;

/// The program with a server of releases in place of k3s's own.
async fn cockpit(sim: &Sim, settings: Settings) -> (Harness, Releases) {
    let releases = Releases::start(sim.version()).await.unwrap();
    let mut cockpit = Harness::start(sim, settings);
    cockpit.effects = cockpit.effects.with_supplies(supplies(&releases));
    (cockpit, releases)
}

fn supplies(releases: &Releases) -> Supplies {
    let below = |path: &str| format!("{}/{path}", releases.url());
    Supplies {
        sources: Sources {
            channels: below("channels"),
            releases: below("releases"),
            installer: below("install.sh"),
        },
        ..Supplies::default()
    }
}

impl Harness {
    /// Fills in the form with these boards; what it proposes stays.
    async fn add_boards(&mut self, boards: &str) {
        self.press("4 a").await;
        self.until("Onboard boards").await;
        for (index, board) in boards.split(' ').enumerate() {
            if index > 0 {
                self.press("space").await;
            }
            self.press(&typed(board)).await;
        }
        self.press("enter enter enter enter enter enter enter enter enter")
            .await;
    }

    fn board(&self, host: &str) -> &Board {
        &self.model.rack.onboarding.get(host).unwrap().board
    }

    /// What stands against a board, and what is said of it besides.
    fn said_of(&self, host: &str) -> String {
        let board = self.board(host);
        let problems = board.problems();
        let all = problems.iter().chain(board.remarks());
        let words: Vec<String> = all
            .map(|it| format!("{} {} {}", it.what, it.why, it.evidence.join(" ")))
            .collect();
        words.join("\n")
    }

    /// Lets the program run until every board stands still.
    async fn until_all_stand(&mut self) {
        let begun = std::time::Instant::now();
        let stands = |board: &Board| board.is_over() || matches!(board.stage, Stage::Planned(_));
        while !(self.model.rack.onboarding.iter()).all(|run| stands(&run.board)) {
            assert!(begun.elapsed() < super::DEADLINE, "{}", text(&self.model));
            self.turn("", Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blank_boards_become_nodes_with_one_download_and_one_yes() {
    let sim = office().await;
    let (mut cockpit, releases) = cockpit(&sim, Settings::default()).await;
    cockpit.until("4/4 ready").await;
    cockpit.press("4").await;
    cockpit.until("No boards are on their way").await;
    cockpit.add_boards("rpi-04 rpi-05").await;
    let screen = cockpit.until("cgroup_enable=memory").await;
    assert!(screen.contains("plan to be accepted"), "{screen}");
    cockpit.until_all_stand().await;
    assert_eq!(releases.downloads(), 0, "nothing before a yes");

    cockpit.press("enter").await;
    let screen = cockpit.until("Plan for node rpi-04").await;
    assert!(screen.contains("+ console=tty1"), "{screen}");
    cockpit.press("esc O").await;
    let screen = cockpit.until("Do this on 2 boards?").await;
    assert!(
        screen.contains("rpi-05: edit cmdline.txt, reboot"),
        "{screen}"
    );
    cockpit.answer("y").await;
    cockpit.until("2 of 2 joined").await;
    assert_eq!(releases.downloads(), 1, "one download for all boards");
    cockpit.press("1").await;
    cockpit.until("6/6 ready").await;

    // Nobody finds a secret in what is kept.
    let kept = cockpit.folder.path().join("onboard");
    let files = std::fs::read_dir(kept).unwrap();
    for file in files {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains("K10"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_name_is_freed_by_the_key_that_is_named_and_only_after_its_name_is_typed() {
    let sim = office().await;
    let (mut cockpit, _releases) = cockpit(&sim, Settings::default()).await;
    cockpit.until("4/4 ready").await;
    cockpit.add_boards("rpi-06").await;
    let screen = cockpit.until("cannot begin").await;
    assert!(
        screen.contains("f plans it again with the old node removed"),
        "{screen}"
    );
    cockpit.press("o").await;
    cockpit.until("no plan of rpi-06 waits").await;
    cockpit.press("f").await;
    cockpit.until("remove the old node first?").await;
    cockpit.answer("y").await;
    cockpit.until("remove the old node rpi-06").await;
    cockpit.press("O").await;
    cockpit.until("accept by itself").await;
    cockpit.press("o").await;
    cockpit.until("Do this on board rpi-06?").await;
    cockpit.startled().await;
    cockpit.press("y enter").await;
    assert!(
        matches!(cockpit.board("rpi-06").stage, Stage::Planned(_)),
        "a letter is no name"
    );
    cockpit.press("ctrl-u").await;
    cockpit.press(&typed("rpi-06")).await;
    cockpit.press("enter").await;
    cockpit.until("1 of 1 joined").await;
    cockpit.press("8").await;
    cockpit.until_gone("board rpi-06").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_name_is_one_form_away() {
    let sim = Sim::start(Scenario::shipped("onboard").unwrap(), 1)
        .await
        .unwrap();
    let (mut cockpit, _releases) = cockpit(&sim, Settings::default()).await;
    cockpit.until("● live").await;
    cockpit.add_boards("bad-name").await;
    cockpit.until("it has an underscore").await;
    cockpit.press("n").await;
    cockpit.until("Name of the node of board bad-name").await;
    cockpit.press("R enter").await;
    cockpit.until("no node can have that name").await;
    cockpit.press("ctrl-u").await;
    cockpit.press(&typed("rpi-09")).await;
    cockpit.press("enter").await;
    cockpit.until("plan to be accepted").await;
    cockpit.press("o").await;
    cockpit.until("Do this on board bad-name?").await;
    cockpit.answer("y").await;
    cockpit.until("1 of 1 joined").await;
    cockpit.press("1").await;
    cockpit.until("rpi-09").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_trouble_of_a_board_is_said_with_its_reason() {
    let sim = Sim::start(Scenario::shipped("onboard").unwrap(), 1)
        .await
        .unwrap();
    let (mut cockpit, _releases) = cockpit(&sim, Settings::default()).await;
    cockpit.until("● live").await;
    let expected = [
        ("second-line", "cannot be edited"),
        ("boot-unmounted", "which is no boot partition"),
        ("kernel-ignores", "lacks Raspberry Pi's patch"),
        ("armv6", "a processor k3s does not run on"),
        ("bad-name", "it has an underscore"),
        ("name-taken", "another board is node rpi-01"),
        ("old-node", "a node old-node was here before"),
        ("old-password", "still has a password for the name"),
        ("unreachable", "does not reach the server"),
        ("server-down", "the server is not up"),
        ("something-else", "something else than k3s answers"),
        ("other-server", "reaches another server"),
        ("clock-wrong", "s behind"),
        ("no-tools", "lacks tools"),
        ("no-vxlan", "has no vxlan"),
        ("old-iptables", "an iptables with a known fault"),
        ("firewall", "ufw is active"),
        ("card-errors", "the card of card-errors has errors"),
        ("no-route", "has no default route"),
        ("link-local-route", "an address k3s does not take"),
        ("both-units", "has the unit k3s as well"),
        ("leftovers", "data of an earlier k3s"),
        ("under-voltage", "the supply of under-voltage is too weak"),
        ("disk-full", "too little room"),
        ("read-only-root", "is read-only"),
    ];
    let hosts: Vec<&str> = expected.iter().map(|(host, _)| *host).collect();
    cockpit.add_boards(&hosts.join(" ")).await;
    cockpit.until("checking").await;
    cockpit.until_all_stand().await;
    for (host, words) in expected {
        let said = cockpit.said_of(host);
        assert!(said.contains(words), "{host}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_seen_only_when_it_starts_ends_the_run_with_its_cause() {
    let sim = Sim::start(Scenario::shipped("onboard").unwrap(), 1)
        .await
        .unwrap();
    let (mut cockpit, _releases) = cockpit(&sim, Settings::default()).await;
    cockpit.until("● live").await;
    cockpit.add_boards("wrong-file foreign-token").await;
    cockpit.until("plan to be accepted").await;
    cockpit.until_all_stand().await;
    cockpit.press("O").await;
    cockpit.until("Do this on 2 boards?").await;
    cockpit.answer("y").await;
    cockpit.until("reboot failed").await;
    cockpit.until("join failed").await;
    let said = cockpit.said_of("wrong-file");
    assert!(
        said.contains("another file than the one that was edited"),
        "{said}"
    );
    let said = cockpit.said_of("foreign-token");
    assert!(said.contains("the token is of another server"), "{said}");
    cockpit.press("8").await;
    cockpit.until("k3s-agent on foreign-token").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cockpit_that_was_left_goes_on_where_the_board_stands() {
    let sim = office().await;
    let (mut cockpit, releases) = cockpit(&sim, Settings::default()).await;
    cockpit.until("4/4 ready").await;
    cockpit.add_boards("rpi-04").await;
    cockpit.until("plan to be accepted").await;
    cockpit.press("o").await;
    cockpit.until("Do this on board rpi-04?").await;
    cockpit.answer("y").await;
    cockpit.until("░").await;
    cockpit.press("Q").await;
    cockpit
        .until("Leave bramble while boards are onboarded?")
        .await;
    cockpit.startled().await;
    let Harness {
        effects,
        inbox,
        folder,
        ..
    } = cockpit;
    effects.finish(inbox).await;

    let mut again = Harness::in_folder(&sim, Settings::default(), "", folder);
    again.effects = again.effects.with_supplies(supplies(&releases));
    again.until("the onboarding of a board was cut off").await;
    again.press("4").await;
    let screen = again.until("cut off before").await;
    assert!(screen.contains("R goes on"), "{screen}");
    again.press("R").await;
    again.until("1 of 1 joined").await;
    let done = &again.board("rpi-04").journal.done;
    let reboots = done.iter().filter(|done| done.step == "reboot");
    assert_eq!(reboots.count(), 1, "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_read_only_mode_boards_are_looked_at_and_not_changed() {
    let sim = office().await;
    let name = |node: &str| (node.to_owned(), node.to_owned());
    let context = ContextSettings {
        hosts: sim.ssh_boards().map(name).collect(),
        ..ContextSettings::default()
    };
    let settings = Settings {
        read_only: true,
        contexts: [(sim.context().to_owned(), context)].into(),
        ..Settings::default()
    };
    let (mut cockpit, releases) = cockpit(&sim, settings).await;
    cockpit.until("4/4 ready").await;
    cockpit.press("4").await;
    cockpit
        .until("Known, and no nodes yet: rpi-04 rpi-05 rpi-06")
        .await;
    cockpit.add_boards("rpi-04").await;
    cockpit.until("plan to be accepted").await;
    cockpit.press("o").await;
    cockpit.until("read-only").await;
    assert_eq!(releases.downloads(), 0);
    assert!(matches!(cockpit.board("rpi-04").stage, Stage::Planned(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_drains_a_few_boards_at_a_time_and_lets_pods_come_back() {
    let scenario = "context = \"older\"\nstep = 0.3\n\
        node = [ { name = \"k3s-server\", role = \"server\" },\n\
        { name = \"old-{}\", count = 4, ip = \"10.0.0.1\", kubelet = \"v1.32.1+k3s1\" } ]\n\
        workload = [ { name = \"web\", image = \"web:1\", replicas = 4, on = [\"old-{}\"] } ]\n";
    let sim = Sim::start(Scenario::from_toml(scenario).unwrap(), 1)
        .await
        .unwrap();
    let (mut cockpit, _releases) = cockpit(&sim, Settings::default()).await;
    cockpit.until("5/5 ready").await;
    cockpit.add_boards("old-01 old-02 old-03 old-04").await;
    let screen = cockpit.until("drain node old-01").await;
    assert!(screen.contains("uncordon node old-01"), "{screen}");
    cockpit.until_all_stand().await;
    cockpit.press("O").await;
    cockpit.until("Do this on 4 boards?").await;
    cockpit.answer("y").await;
    cockpit.until("accepted, waits its turn").await;
    let begun = std::time::Instant::now();
    let drained = |cockpit: &Harness| {
        cockpit
            .model
            .rack
            .nodes()
            .filter(|it| it.unschedulable)
            .count()
    };
    let mut most = 0;
    while !text(&cockpit.model).contains("4 of 4 joined") {
        assert!(
            begun.elapsed() < super::DEADLINE,
            "{}",
            text(&cockpit.model)
        );
        cockpit.turn("", Duration::from_millis(50)).await;
        most = most.max(drained(&cockpit));
    }
    assert_eq!(most, 2, "two boards are drained at once, never more");
    cockpit.turn("", Duration::from_millis(500)).await;
    assert_eq!(drained(&cockpit), 0);
    let versions = cockpit
        .model
        .rack
        .nodes()
        .map(|it| it.info.kubelet_version.to_string());
    assert!(versions.into_iter().all(|it| it == sim.version()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_board_leaves_its_cluster_and_what_is_lost_is_said_first() {
    let scenario = "context = \"leaving\"\nstep = 0.3\n\
        node = [ { name = \"k3s-server\", role = \"server\" }, { name = \"a\" }, { name = \"b\" } ]\n\
        workload = [ { name = \"db\", kind = \"StatefulSet\", image = \"db:1\", local-volume = \"8Gi\", on = [\"a\"] } ]\n";
    let sim = Sim::start(Scenario::from_toml(scenario).unwrap(), 1)
        .await
        .unwrap();
    let (mut cockpit, _releases) = cockpit(&sim, Settings::default()).await;
    cockpit.until("3/3 ready").await;
    cockpit.press("4 a").await;
    cockpit.press(&typed("a")).await;
    // The third choice of what it becomes.
    cockpit
        .press("enter enter enter space space enter enter enter enter enter enter")
        .await;
    cockpit.until("drain node a").await;
    let said = cockpit.said_of("a");
    assert!(said.contains("default/data-db-0"), "{said}");
    cockpit.press("o").await;
    let screen = cockpit.until("Do this on board a?").await;
    assert!(
        screen.contains("local-path volumes on this board are lost"),
        "{screen}"
    );
    cockpit.startled().await;
    cockpit.press(&typed("a")).await;
    cockpit.press("enter").await;
    cockpit.until("blank again").await;
    cockpit.press("1").await;
    cockpit.until("2/2 ready").await;
}
