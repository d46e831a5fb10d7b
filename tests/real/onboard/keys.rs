//! The Onboard pane by its keys: the real loop of messages and effects, real sshds, a real API server.

use bramble::app::effects::Supplies;
use bramble::clients::onboard::depot::Given;
use bramble::clients::ssh;

use super::board::Board;
use super::watch::Watch;
use super::{Desk, VERSION, ask, is_as_it_should_be};
use crate::cockpit::Cockpit;
use crate::place::Who;

impl Desk {
    /// The cockpit with the ssh of this desk and its stand-ins for k3s.
    fn cockpit(&self) -> Cockpit {
        let mut settings = ssh::Settings::of_user();
        settings.config = Some(self.home.path().join("ssh_config"));
        self.home.path().clone_into(&mut settings.here.home);
        let file = |name: &str| Some(self.home.path().join(name));
        let supplies = Supplies {
            given: Given {
                binary: file("k3s"),
                installer: file("install.sh"),
                images: None,
            },
            ..Supplies::default()
        };
        Cockpit::open_with(&self.bed, Who::Admin, |effects| {
            effects.with_ssh(settings).with_supplies(supplies)
        })
    }
}

/// Fills in the form for boards that join this server.
fn add(cockpit: &mut Cockpit, desk: &Desk, boards: &[&Board], server: &Board) {
    let hosts: Vec<&str> = boards.iter().map(|board| &*board.name).collect();
    cockpit.press("4 a");
    cockpit.enter(&hosts.join(" "));
    cockpit.press("enter ctrl-u");
    cockpit.enter(&server.name);
    cockpit.press("enter ctrl-u");
    cockpit.enter(VERSION);
    cockpit.press("enter enter enter");
    cockpit.enter(&desk.supervisor.url);
    cockpit.press("enter enter enter enter");
}

#[test]
fn a_cluster_is_made_and_joined_by_keys() {
    ask(|desk| async move {
        let (server, agent) = (desk.board(), desk.board());
        desk.introduce(&[&server, &agent]);
        desk.supervisor
            .belongs_to(server.path("var-lib/rancher/k3s/server"));
        let mut cockpit = desk.cockpit();
        cockpit.until("● live").await;
        add(&mut cockpit, &desk, &[&server, &agent], &server);
        let screen = cockpit.until("plan to be accepted").await;
        assert!(
            screen.contains(&format!("waits for {}", server.name)),
            "{screen}"
        );
        cockpit.press("enter");
        let screen = cockpit.until("cgroup_enable=memory").await;
        assert!(screen.contains("reboot"), "{screen}");
        assert!(server.log().is_empty(), "nothing before a yes");
        cockpit.press("esc o");
        cockpit.agree("Do this on board").await;
        cockpit.until("joined, Ready, beating").await;
        assert!(desk.is_ready(&server.name).await);
        is_as_it_should_be(&server, "k3s");

        // The agent has begun by itself.
        cockpit.until("plan to be accepted").await;
        cockpit.press("O");
        cockpit.agree("Do this on board").await;
        cockpit.until("2 of 2 joined").await;
        assert!(desk.is_ready(&agent.name).await);
        is_as_it_should_be(&agent, "k3s-agent");

        // Its kubeconfig is merged where that is done for all.
        cockpit.press("g K");
        let screen = cockpit.until("Merge a kubeconfig").await;
        assert!(
            screen.contains(&format!("ssh://{}", server.name)),
            "{screen}"
        );
        cockpit.press("esc 1");
        cockpit.until(&agent.name).await;
        cockpit.leave().await;
    });
}

#[test]
fn a_cockpit_that_ends_in_the_middle_is_gone_on_with_by_keys() {
    ask(|desk| async move {
        let (server, board) = (desk.server(), desk.board());
        desk.introduce(&[&server, &board]);
        let mut cockpit = desk.cockpit();
        cockpit.until("● live").await;
        add(&mut cockpit, &desk, &[&board], &server);
        cockpit.until("plan to be accepted").await;
        cockpit.press("o");
        cockpit.agree("Do this on board").await;
        let has_begun = || !board.log().is_empty();
        cockpit
            .until_so("the first change of the board", has_begun)
            .await;
        cockpit.leave().await;

        let mut again = desk.cockpit();
        again.until("● live").await;
        again.press("4");
        again.until("cut off before").await;
        again.press("R");
        again.until("1 of 1 joined").await;
        assert!(desk.is_ready(&board.name).await);
        is_as_it_should_be(&board, "k3s-agent");
        again.leave().await;
    });
}

#[test]
fn no_token_and_no_password_is_in_any_process_list() {
    ask(|desk| async move {
        let (server, board) = (desk.server(), desk.board().with_controllers());
        desk.introduce(&[&server, &board]);
        let watch = Watch::begin();
        let said = desk.onboard(&[&board.name, "--server", &server.name]).await;
        assert_eq!(said.code, 0, "{} {}", said.out, said.err);
        let seen = watch.end();
        let is_there = |word: &str| seen.iter().any(|line| line.contains(word));
        assert!(
            is_there("sh -s") && is_there(".bramble-push"),
            "it has looked: {seen:?}"
        );
        let mut secrets = vec!["marked-server-token".to_owned(), "K10".to_owned()];
        let made = server.read("var-lib/rancher/k3s/server/tokens");
        secrets.extend(made.lines().map(str::to_owned));
        assert!(secrets.len() > 2, "a token was made");
        for secret in secrets {
            assert!(!is_there(&secret), "{secret}: {seen:?}");
        }
    });
}
