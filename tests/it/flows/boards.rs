//! Boards over SSH in the cockpit: what they say, what is done to them, and what their connections ask the person.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use bramble::app::{ContextSettings, Settings};
use bramble::sim::{Sim, SshFault, SshLogin};
use russh::keys::PrivateKey;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::ssh_key::{Cipher, Kdf, LineEnding};

use super::{Harness, office, typed};
use crate::screens::text;

const PASSWORD: &str = "marked-password";

/// With SSH to these boards, and nothing of the person's own.
fn cockpit<'a>(sim: &Sim, boards: impl Iterator<Item = &'a str>, lines: &str) -> Harness {
    let name = |node: &str| (node.to_owned(), node.to_owned());
    let context = ContextSettings {
        hosts: boards.map(name).collect(),
        ..ContextSettings::default()
    };
    let settings = Settings {
        contexts: [(sim.context().to_owned(), context)].into(),
        ..Settings::default()
    };
    Harness::with_ssh(sim, settings, lines)
}

fn with_all(sim: &Sim) -> Harness {
    cockpit(sim, sim.ssh_boards(), "")
}

/// The temperature of a board is in its row: it has answered.
async fn until_it_answers(cockpit: &mut Harness) {
    cockpit.until("\u{b0}C").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn boards_say_how_warm_they_are_and_blink_to_be_found() {
    let sim = office().await;
    let mut cockpit = with_all(&sim);
    cockpit.until("4/4 ready").await;
    let screen = cockpit.until("dips").await;
    assert!(screen.contains("°C"), "{screen}");
    cockpit.press("j enter").await;
    cockpit.until("Board over SSH").await;
    cockpit.press("esc b").await;
    cockpit.until("ACT and PWR of board rpi-01 blink").await;
    cockpit.press("b").await;
    cockpit
        .until("the lights of board rpi-01 are as they were")
        .await;
    cockpit.press("l").await;
    cockpit.until("Successfully registered node").await;
    cockpit.press("esc").await;
    cockpit.until("4/4 ready").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_board_whose_ssh_fails_is_a_dash_and_no_storm() {
    let sim = office().await;
    sim.node("rpi-01").break_ssh(Some(SshFault::OtherKey));
    sim.node("rpi-02").break_ssh(Some(SshFault::DropMidWay));
    sim.node("rpi-03").set_hardware(0x50005, true);
    let mut cockpit = with_all(&sim);
    cockpit.until("Accept a changed host key").await;
    cockpit.answer("esc").await;
    cockpit.until("low").await;
    cockpit.press("8").await;
    let screen = cockpit.until("board rpi-03 gets too little voltage").await;
    assert!(screen.contains("free on / of board rpi-03"), "{screen}");
    cockpit.press("1 j enter").await;
    let mut seen = String::new();
    for _ in 0..12 {
        seen += &text(&cockpit.model);
        cockpit.press("ctrl-d").await;
    }
    assert!(seen.contains("another host key"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_board_is_swapped_drained_off_and_back() {
    let sim = office().await;
    let mut cockpit = with_all(&sim);
    cockpit.until("4/4 ready").await;
    cockpit.press("H").await;
    cockpit.until("is the only server of the cluster").await;
    cockpit.press("G H").await;
    cockpit.until("Take board rpi-03 out of the rack?").await;
    cockpit.answer("r p i - 0 3 enter").await;
    cockpit.until("going off").await;
    sim.node("rpi-03").go_dark();
    cockpit.press("p").await;
    cockpit.until("safe to pull").await;
    sim.node("rpi-03").replace();
    let screen = cockpit.until("a new board has the name").await;
    assert!(!screen.contains("safe to pull"), "{screen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_host_key_is_asked_about_once_and_again_when_a_person_turns_to_the_board() {
    let sim = office().await;
    let boards = ["rpi-01"].into_iter();
    let mut cockpit = cockpit(&sim, boards, "Host *\n StrictHostKeyChecking ask\n");
    let file = cockpit.folder.path().join("known_hosts");
    std::fs::write(&file, "").unwrap();
    let screen = cockpit.until("Is this the host key of").await;
    assert!(screen.contains("ssh-ed25519 SHA256:"), "{screen}");
    cockpit.answer("esc").await;
    cockpit.press("j enter").await;
    cockpit.until("it was not accepted").await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "");
    cockpit.press("esc l").await;
    cockpit.until("Is this the host key of").await;
    cockpit.answer("y").await;
    cockpit.until("Successfully registered node").await;
    cockpit.press("esc").await;
    until_it_answers(&mut cockpit).await;
    let known = std::fs::read_to_string(&file).unwrap();
    assert_eq!(known.lines().count(), 1, "{known}");
    assert!(sim.known_hosts().contains(known.trim()), "{known}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reflashed_board_is_taken_in_only_by_typing_its_name() {
    let sim = office().await;
    sim.node("rpi-01").break_ssh(Some(SshFault::OtherKey));
    let mut cockpit = with_all(&sim);
    let file = cockpit.folder.path().join("known_hosts");
    let before = std::fs::read_to_string(&file).unwrap();
    let screen = cockpit.until("Accept a changed host key of rpi-01?").await;
    assert_eq!(screen.matches("SHA256:").count(), 2, "{screen}");
    cockpit.answer("enter y").await;
    cockpit.until("Accept a changed host key of rpi-01?").await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    cockpit.press("esc").await;
    cockpit.press("8").await;
    cockpit.until("another host key").await;
    // Nobody is asked a second time by the clock, but whoever turns to the board is.
    cockpit.press("1 j l").await;
    cockpit.until("Accept a changed host key of rpi-01?").await;
    cockpit.answer(&typed("rpi-01")).await;
    cockpit.press("enter").await;
    cockpit.until("Successfully registered node").await;
    let after = std::fs::read_to_string(&file).unwrap();
    let kept = before.lines().filter(|line| after.contains(line)).count();
    let all = before.lines().count();
    assert_eq!(
        (kept, after.lines().count()),
        (all - 1, all),
        "{before}{after}"
    );
    let old = std::fs::read_to_string(file.with_extension("old")).unwrap();
    assert_eq!(old, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_asked_until_it_is_right_and_sudo_asks_for_its_own() {
    let sim = office().await;
    let login = SshLogin::Password(PASSWORD.to_owned());
    sim.node("rpi-01").set_ssh_login(login);
    let mut cockpit = cockpit(&sim, ["rpi-01"].into_iter(), "");
    cockpit.until("Password of pi on rpi-01").await;
    cockpit.answer(&typed("wrong")).await;
    cockpit.press("enter").await;
    cockpit.until("That was not right.").await;
    cockpit.answer(&typed(PASSWORD)).await;
    assert!(!text(&cockpit.model).contains("marked"));
    cockpit.press("enter").await;
    until_it_answers(&mut cockpit).await;
    cockpit.press("j b").await;
    cockpit.until("sudo password of pi on rpi-01").await;
    cockpit.answer(&typed("wrong")).await;
    cockpit.press("enter").await;
    cockpit.until("That was not right.").await;
    cockpit.answer(&typed(PASSWORD)).await;
    cockpit.press("enter").await;
    cockpit.until("ACT and PWR of board rpi-01 blink").await;
    // Once for a host.
    cockpit.press("b").await;
    cockpit
        .until("the lights of board rpi-01 are as they were")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_asks_in_its_own_words_and_a_no_ends_it() {
    let sim = office().await;
    let login = SshLogin::Interactive(PASSWORD.to_owned());
    sim.node("rpi-01").set_ssh_login(login);
    let mut cockpit = cockpit(&sim, ["rpi-01"].into_iter(), "");
    let screen = cockpit.until("rpi-01 asks pi").await;
    assert!(screen.contains("on the label of the case"), "{screen}");
    cockpit.answer("esc").await;
    cockpit.press("j enter").await;
    cockpit.until("was not given").await;
    cockpit.press("esc l").await;
    cockpit.until("rpi-01 asks pi").await;
    cockpit.answer(&typed(PASSWORD)).await;
    cockpit.press("enter").await;
    // The journal is root's, and sudo has a question of its own.
    cockpit.until("sudo password of pi on rpi-01").await;
    cockpit.answer(&typed(PASSWORD)).await;
    cockpit.press("enter").await;
    cockpit.until("Successfully registered node").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_key_is_opened_with_its_passphrase() {
    let sim = office().await;
    sim.node("rpi-01").set_ssh_login(SshLogin::Key);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("id");
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&[7; 32]));
    let kdf = Kdf::Bcrypt {
        salt: vec![1; 16],
        rounds: 1,
    };
    let key = key
        .encrypt_with(Cipher::Aes256Ctr, kdf, 1, PASSWORD)
        .unwrap();
    std::fs::write(&file, key.to_openssh(LineEnding::LF).unwrap().as_bytes()).unwrap();
    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let lines = format!("Host *\n IdentityFile {}\n", file.display());
    let mut cockpit = cockpit(&sim, ["rpi-01"].into_iter(), &lines);
    cockpit.until("Passphrase of").await;
    cockpit.answer(&typed("wrong")).await;
    cockpit.press("enter").await;
    cockpit.until("That was not right.").await;
    cockpit.answer(&typed(PASSWORD)).await;
    cockpit.press("enter").await;
    until_it_answers(&mut cockpit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_api_is_down_the_boards_say_why_and_k3s_is_restarted_after_a_yes() {
    let sim = office().await;
    let mut cockpit = with_all(&sim);
    cockpit.until("4/4 ready").await;
    until_it_answers(&mut cockpit).await;
    sim.node("k3s-server").break_k3s("database is locked");
    sim.api().kill().await;
    let screen = cockpit.until("6443 closed").await;
    assert!(
        screen.contains("k3s activating, restarted 7 times, 6443 closed, 33% free"),
        "{screen}"
    );
    assert!(screen.contains("database is locked"), "{screen}");
    assert!(screen.contains("k3s-agent active, 33% free"), "{screen}");
    cockpit.press("x").await;
    cockpit.until("Restart k3s on board k3s-server?").await;
    cockpit.answer("y").await;
    cockpit.until("k3s on board k3s-server restarts").await;
    cockpit.until("k3s active, 6443 open").await;
    sim.api().restart().await;
    cockpit.until_gone("6443").await;
}
