//! The whole program and a real sshd on a root that looks like a board: everything a connection asks is asked on the
//! screen, a board is swapped for a reflashed one, and no secret is seen by anybody.
//!
//! The cluster is simulated: what is tried here is what the person and the board say to each other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bramble::sim::{Scenario, Sim};

use crate::harness::{Session, Start};
use crate::leaks::{MARK, leaks, watch_processes};
use crate::sshd::{PASSPHRASE, PASSWORD, Sshd, is_there, key, public};

/// A server that wants the key and then the password.
fn board(lines: &[&str], host_key: &str) -> Sshd {
    let lines = [lines, &["AuthenticationMethods publickey,password"]].concat();
    let server = Sshd::on_a_pi(&lines, &[host_key]);
    let authorized = server.home().join(".ssh/authorized_keys");
    fs::copy(key("locked-ed25519").with_extension("pub"), authorized).unwrap();
    server
}

fn start(sim: &Sim, folder: &Path, port: u16, identity: &str) -> Session {
    let place = folder.display();
    let file = key(identity).display().to_string();
    let ssh = format!(
        "Host rpi-03\n HostName 127.0.0.1\n Port {port}\n User pi\n IdentityFile {file}\n IdentitiesOnly yes\n\
         IdentityAgent none\n UserKnownHostsFile {place}/known_hosts\n GlobalKnownHostsFile none\n"
    );
    fs::write(folder.join("ssh_config"), ssh).unwrap();
    fs::create_dir(folder.join("bramble")).unwrap();
    let config = format!(
        "ssh-config = \"{place}/ssh_config\"\n[clusters.office-rack]\nhosts = {{ rpi-03 = \"rpi-03\" }}\n"
    );
    fs::write(folder.join("bramble/config.toml"), config).unwrap();
    let kubeconfig = folder.join("kubeconfig");
    fs::write(&kubeconfig, sim.kubeconfig()).unwrap();
    Start::bramble(["--kubeconfig", &kubeconfig.display().to_string()])
        .env("XDG_CONFIG_HOME", &place.to_string())
        .env("BRAMBLE_LOG", "trace")
        .size(100, 30)
        .rack()
}

/// A question that comes by itself takes no key for a moment.
fn answer(session: &mut Session, question: &str, text: &str) {
    session.until(question);
    session.count(Duration::from_millis(450));
    session.enter(text);
    session.press("enter");
}

#[test]
fn a_board_is_logged_into_and_swapped_for_a_reflashed_one_and_no_secret_is_seen() {
    if !is_there() {
        return;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let scenario = Scenario::shipped("office").unwrap();
    let sim = runtime.block_on(Sim::start(scenario, 1)).unwrap();
    let server = board(&[], "ed25519");
    let port = server.port;
    let pi = server.pi.as_ref().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let watching = watch_processes(&stop);
    let mut session = start(&sim, folder.path(), port, "locked-ed25519");

    session.until("Is this the host key of");
    session.count(Duration::from_millis(450));
    session.press("y");
    answer(&mut session, "Passphrase of", PASSPHRASE);
    answer(&mut session, "Password of pi on rpi-03", "marked-wrong");
    answer(&mut session, "That was not right.", PASSWORD);
    session.until("64\u{b0}C");
    session.press("G b");
    answer(&mut session, "sudo password of pi on rpi-03", PASSWORD);
    session.until("ACT and PWR of board rpi-03 blink");
    assert_eq!(pi.read("sys/class/leds/ACT/trigger"), "timer\n");
    session.press("b");
    session.until("the lights of board rpi-03 are as they were");
    session.press("l");
    session.until("Successfully registered node");
    session.press("esc");
    session.until("4/4 ");

    pi.start_lights();
    session.press("H");
    answer(&mut session, "Take board rpi-03 out of the rack?", "rpi-03");
    session.until("going off");
    sim.node("rpi-03").go_dark();
    assert_eq!(pi.read("state/asked"), "poweroff\n");
    // It blinked for whoever came to pull it.
    assert_eq!(pi.read("sys/class/leds/PWR/trigger"), "timer\n");
    session.press("p");
    session.until("safe to pull");

    // Somebody puts a reflashed board into the tray.
    drop(server);
    let reflashed = board(&[&format!("Port {port}")], "ed25519-other");
    sim.node("rpi-03").replace();
    answer(
        &mut session,
        "Accept a changed host key of rpi-03?",
        "rpi-03",
    );
    // What the board that went was told is not given to the one that came.
    answer(&mut session, "Password of pi on rpi-03", PASSWORD);
    session.until_gone("Password of pi");
    session.until_gone("coming back");
    session.until("64\u{b0}C");
    let known = fs::read_to_string(folder.path().join("known_hosts")).unwrap();
    let expected = format!("[127.0.0.1]:{port} {}\n", public("host-ed25519-other"));
    assert_eq!(known, expected);

    session.press(":");
    session.enter("q");
    session.press("enter");
    assert_eq!(session.ended().0, 0);
    stop.store(true, Ordering::Relaxed);
    let (samples, found) = watching.join().unwrap();
    assert!(samples > 20, "{samples} looks are too few to see anything");
    assert_eq!(found, BTreeSet::new());
    let shown = String::from_utf8_lossy(&session.bytes()).into_owned();
    assert!(shown.contains("Passphrase of") && !shown.contains(MARK));
    let log = fs::read_to_string(session.home().join("state/bramble/bramble.log")).unwrap();
    assert!(
        log.contains("TRACE"),
        "the log is not as talkative as it was asked to be"
    );
    assert!(!log.contains(MARK), "a secret is in the log");
    for folder in [folder.path(), session.home()] {
        assert_eq!(leaks(folder), Vec::<String>::new());
    }
    let told = reflashed.said().join("\n");
    assert!(!told.contains(MARK), "{told}");
    runtime.block_on(sim.shutdown());
}

/// Types a letter and waits until the terminal shows it.
fn echo(session: &mut Session) -> Duration {
    let before = session.text().matches('Q').count();
    let begun = Instant::now();
    session.enter("Q");
    session.until_that("the letter", |screen| {
        screen.contents().matches('Q').count() > before
    });
    begun.elapsed()
}

/// Both sessions are typed into in turn, so that whatever else the machine does slows both.
#[test]
fn a_shell_echoes_as_fast_as_ssh_itself() {
    if !is_there() {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let scenario = Scenario::shipped("office").unwrap();
    let sim = runtime.block_on(Sim::start(scenario, 1)).unwrap();
    let server = Sshd::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let known = format!("[127.0.0.1]:{} {}\n", server.port, public("host-ed25519"));
    fs::write(folder.path().join("known_hosts"), known).unwrap();
    let mut ours = start(&sim, folder.path(), server.port, "user");
    ours.press("G s");
    let config = folder.path().join("ssh_config").display().to_string();
    let mut theirs = Start::program(["ssh", "-F", &config, "rpi-03"])
        .size(100, 30)
        .go();
    for session in [&ours, &theirs] {
        session.until("$ ");
    }
    let (mut in_bramble, mut alone) = (Vec::new(), Vec::new());
    for turn in 0..400 {
        // Neither is always the first after a pause.
        if turn % 2 == 0 {
            in_bramble.push(echo(&mut ours));
            alone.push(echo(&mut theirs));
        } else {
            alone.push(echo(&mut theirs));
            in_bramble.push(echo(&mut ours));
        }
    }
    in_bramble.sort();
    alone.sort();
    let (in_bramble, alone) = (in_bramble[200], alone[200]);
    eprintln!("a key in a shell of bramble {in_bramble:?}, of ssh {alone:?}");
    // The last part is what one turn of the machine's scheduler is worth.
    let most = alone.mul_f64(1.1) + Duration::from_micros(300);
    assert!(in_bramble <= most, "{in_bramble:?} against {alone:?}");
    for session in [&mut ours, &mut theirs] {
        session.press("ctrl-u ctrl-d");
    }
    ours.until_that("the rack again", vt100::Screen::alternate_screen);
    runtime.block_on(sim.shutdown());
}
