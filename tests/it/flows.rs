//! The real loop and the real effects on a test screen, against the simulator.

mod boards;
mod logs;
mod onboard;
mod pipelines;
mod vips;

use std::io;
use std::time::Duration;

use bramble::app::effects::Effects;
use bramble::app::event_loop::{Clock, Exit, Sources, run};
use bramble::app::{Model, Settings};
use bramble::clients::kubeconfig_files::Places;
use bramble::clients::kubernetes::Target;
use bramble::clients::ssh;
use bramble::effect::Effect;
use bramble::keymap::Keymap;
use bramble::sim::{Scenario, Sim};
use bramble::theme::roles::Theme;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use futures::stream;
use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::layout::Size;
use tokio::sync::mpsc;

use crate::screens::text;

/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(90);

/// The program on a screen of 100x30, with a hand on its keyboard.
struct Harness {
    model: Model,
    effects: Effects,
    inbox: mpsc::Receiver<bramble::msg::Msg>,
    clock: Clock,
    screen: Terminal<Quiet>,
    folder: tempfile::TempDir,
}

/// A backend with the loop's error type; what it shows is read from the model.
struct Quiet(ratatui::backend::TestBackend);

impl Backend for Quiet {
    type Error = io::Error;
    fn draw<'a, I: Iterator<Item = (u16, u16, &'a ratatui::buffer::Cell)>>(
        &mut self,
        content: I,
    ) -> io::Result<()> {
        self.0.draw(content).map_err(io::Error::other)
    }
    fn hide_cursor(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn show_cursor(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn get_cursor_position(&mut self) -> io::Result<ratatui::layout::Position> {
        Ok(ratatui::layout::Position::ORIGIN)
    }
    fn set_cursor_position<P: Into<ratatui::layout::Position>>(&mut self, _: P) -> io::Result<()> {
        Ok(())
    }
    fn clear(&mut self) -> io::Result<()> {
        self.0.clear().map_err(io::Error::other)
    }
    fn clear_region(&mut self, region: ratatui::backend::ClearType) -> io::Result<()> {
        self.0.clear_region(region).map_err(io::Error::other)
    }
    fn size(&self) -> io::Result<Size> {
        self.0.size().map_err(io::Error::other)
    }
    fn window_size(&mut self) -> io::Result<ratatui::backend::WindowSize> {
        self.0.window_size().map_err(io::Error::other)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Harness {
    fn start(sim: &Sim, settings: Settings) -> Harness {
        Harness::with_ssh(sim, settings, "")
    }

    /// With these lines before the others of ssh's configuration: the first value counts.
    fn with_ssh(sim: &Sim, settings: Settings, lines: &str) -> Harness {
        Harness::in_folder(sim, settings, lines, tempfile::tempdir().unwrap())
    }

    /// With what an earlier one has left in its folder.
    fn in_folder(sim: &Sim, settings: Settings, lines: &str, folder: tempfile::TempDir) -> Harness {
        let kubeconfig = folder.path().join("config");
        std::fs::write(&kubeconfig, sim.kubeconfig()).unwrap();
        let target = Target {
            kubeconfig: Some(kubeconfig),
            ..Target::default()
        };
        let known_hosts = folder.path().join("known_hosts");
        std::fs::write(&known_hosts, sim.known_hosts()).unwrap();
        let ssh_config = folder.path().join("ssh_config");
        let all = [lines, &sim.ssh_config(&known_hosts)].concat();
        std::fs::write(&ssh_config, all).unwrap();
        let mut ssh = ssh::Settings::of_user();
        ssh.config = Some(ssh_config);
        folder.path().clone_into(&mut ssh.here.home);
        let notes = folder.path().join("undo");
        let (effects, inbox) = Effects::new(Places { target, notes });
        let mut effects = effects.with_ssh(ssh);
        let clock = Clock::start();
        let (theme, keymap) = (Theme::load("mono", None).0, Keymap::load("default", None).0);
        let size = Size::new(100, 30);
        let mut model = Model::new(clock.now(), size, theme, keymap, settings);
        for effect in model.begin(None) {
            effects.run(effect);
        }
        let screen = Terminal::new(Quiet(ratatui::backend::TestBackend::new(
            size.width,
            size.height,
        )))
        .unwrap();
        Harness {
            model,
            effects,
            inbox,
            clock,
            screen,
            folder,
        }
    }

    /// Runs the loop with these keys until nothing is left of them, and a moment longer.
    async fn turn(&mut self, keys: &str, moment: Duration) -> Option<Exit> {
        let presses: Vec<io::Result<Event>> =
            keys.split_whitespace().map(|key| Ok(event(key))).collect();
        let mut input = futures::StreamExt::chain(stream::iter(presses), stream::pending());
        let mut signals = stream::pending();
        let sources = Sources {
            inbox: &mut self.inbox,
            signals: &mut signals,
            clock: self.clock,
            frame: Duration::from_millis(10),
        };
        let effects = &mut self.effects;
        let running = run(
            &mut self.model,
            &mut self.screen,
            &mut input,
            sources,
            |effect: Effect, _: &mut Terminal<Quiet>| {
                effects.run(effect);
            },
        );
        tokio::time::timeout(moment, running)
            .await
            .ok()
            .map(|exit| exit.unwrap())
    }

    async fn press(&mut self, keys: &str) {
        self.turn(keys, Duration::from_millis(20)).await;
    }

    /// Answers a question that came up by itself: keys of the first moment are not meant for it.
    async fn answer(&mut self, keys: &str) {
        self.turn("", Duration::from_millis(420)).await;
        self.press(keys).await;
    }

    /// A question that comes up by itself takes no key for a moment.
    async fn startled(&mut self) {
        self.turn("", Duration::from_millis(500)).await;
    }

    /// Lets the program run until the screen does not show this any more.
    async fn until_gone(&mut self, unwanted: &str) {
        let begun = std::time::Instant::now();
        while text(&self.model).contains(unwanted) {
            assert!(begun.elapsed() < DEADLINE, "{unwanted:?} stays");
            self.turn("", Duration::from_millis(20)).await;
        }
    }

    /// Lets the program run until the screen shows `wanted`.
    async fn until(&mut self, wanted: &str) -> String {
        let begun = std::time::Instant::now();
        loop {
            let screen = text(&self.model);
            if screen.contains(wanted) {
                return screen;
            }
            assert!(
                begun.elapsed() < DEADLINE,
                "{wanted:?} never came:\n{screen}"
            );
            self.turn("", Duration::from_millis(20)).await;
        }
    }
}

fn event(key: &str) -> Event {
    if let Some(letter) = key.strip_prefix("ctrl-") {
        let code = KeyCode::Char(letter.chars().next().unwrap());
        return Event::Key(KeyEvent::new(code, KeyModifiers::CONTROL));
    }
    let code = match key {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "space" => KeyCode::Char(' '),
        letter => KeyCode::Char(letter.chars().next().unwrap()),
    };
    Event::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

async fn office() -> Sim {
    Sim::start(Scenario::shipped("office").unwrap(), 1)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_appear_and_their_hearts_beat() {
    let sim = office().await;
    let mut cockpit = Harness::start(&sim, Settings::default());
    let screen = cockpit.until("4/4 ready").await;
    assert!(
        screen.contains("● live") && screen.contains("rpi-03"),
        "{screen}"
    );
    sim.node("rpi-01").beat();
    cockpit.until("◉").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_cordoned_only_after_a_yes() {
    let sim = office().await;
    let mut cockpit = Harness::start(&sim, Settings::default());
    cockpit.until("4/4 ready").await;
    cockpit.press("j c").await;
    cockpit.until("Cordon node rpi-01?").await;
    cockpit.press("n").await;
    cockpit.press("j k c").await;
    cockpit.until("Cordon node rpi-01?").await;
    assert!(
        !sim.api()
            .request_log()
            .iter()
            .any(|line| line.starts_with("PATCH")),
        "asked, not done"
    );
    cockpit.press("y").await;
    cockpit.until("Ready cordoned").await;
    cockpit.press("u y").await;
    cockpit.until("takes pods again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_read_only_mode_nothing_is_written() {
    let sim = office().await;
    let mut cockpit = Harness::start(
        &sim,
        Settings {
            read_only: true,
            ..Settings::default()
        },
    );
    cockpit.until("4/4 ready").await;
    cockpit.press("c").await;
    cockpit.until("read-only: nothing in").await;
    assert!(
        !sim.api()
            .request_log()
            .iter()
            .any(|line| line.starts_with("PATCH"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_a_state_and_ends_by_itself() {
    let sim = office().await;
    let mut cockpit = Harness::start(&sim, Settings::default());
    cockpit.until("4/4 ready").await;
    sim.api().kill().await;
    let screen = cockpit.until("stale").await;
    assert!(screen.contains("rpi-03"), "the rows stay:\n{screen}");
    sim.api().restart().await;
    cockpit.until("● live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_replaced_closes_the_question_about_it() {
    let sim = office().await;
    let mut cockpit = Harness::start(&sim, Settings::default());
    cockpit.until("4/4 ready").await;
    cockpit.press("j c").await;
    cockpit.until("Cordon node rpi-01?").await;
    sim.node("rpi-01").replace();
    cockpit.until("is gone or was replaced").await;
    assert!(!text(&cockpit.model).contains("Cordon node"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_may_not_be_read_is_a_problem_and_the_rest_works() {
    let sim = office().await;
    sim.api().forbid("leases");
    let mut cockpit = Harness::start(&sim, Settings::default());
    let screen = cockpit.until("4/4 ready").await;
    assert!(screen.contains("· "), "{screen}");
    cockpit.press("8").await;
    cockpit.until("leases").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_yaml_of_a_node_is_a_page_to_search() {
    let sim = office().await;
    let mut cockpit = Harness::start(&sim, Settings::default());
    cockpit.until("4/4 ready").await;
    cockpit.press("y").await;
    cockpit.until("kind: Node").await;
    cockpit.press("/ n o d e I n f o enter").await;
    cockpit.until("nodeInfo").await;
    cockpit.press("esc").await;
    cockpit.until("4/4 ready").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_drained_after_a_look_at_its_pods() {
    let sim = office().await;
    let mut cockpit = Harness::start(&sim, Settings::default());
    cockpit.until("4/4 ready").await;
    cockpit.press("G d").await;
    let screen = cockpit.until("Drain node rpi-03?").await;
    assert!(screen.contains("of DaemonSets"), "{screen}");
    let is_write = |line: &String| !line.starts_with("GET");
    assert!(
        !sim.api().request_log().iter().any(is_write),
        "asked, not done"
    );
    cockpit.answer("y").await;
    cockpit.until("node rpi-03 is drained:").await;
    cockpit.press("enter").await;
    cockpit.until("Drain: drained").await;
    cockpit.press("esc u y").await;
    cockpit.until_gone("drained").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_that_a_budget_holds_is_seen_and_stopped() {
    let sim = office().await;
    let mut cockpit = Harness::start(&sim, Settings::default());
    cockpit.until("4/4 ready").await;
    cockpit.press("j d").await;
    cockpit.until("Drain node rpi-01?").await;
    cockpit.answer("y enter").await;
    let screen = cockpit.until("disruption budget dns needs 2").await;
    assert!(screen.contains("infra/dns-"), "{screen}");
    cockpit.press("Q").await;
    cockpit.until("in the middle of a drain?").await;
    cockpit.press("n ctrl-c").await;
    cockpit.until("it is still cordoned").await;
    let pods = sim.api().request_log();
    assert!(
        pods.iter().any(|line| line.ends_with("/eviction")),
        "{pods:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_removed_once_its_name_is_typed() {
    let sim = office().await;
    let mut cockpit = Harness::start(&sim, Settings::default());
    cockpit.until("4/4 ready").await;
    cockpit.press("D").await;
    cockpit.until("is the only server of the cluster").await;
    cockpit.press("G D").await;
    cockpit.until("Remove node rpi-03 from").await;
    cockpit.press("r p i enter").await;
    assert!(
        text(&cockpit.model).contains("Remove node rpi-03"),
        "half a name is none"
    );
    cockpit.press("- 0 3 enter").await;
    cockpit.until("k3s has forgotten its password").await;
    cockpit.until("3/3 ready").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_context_is_looked_at_and_enter_turns_to_one() {
    let (sim, other) = (office().await, office().await);
    let mut cockpit = Harness::start(&sim, Settings::default());
    // A second cluster that answers, and a third that nothing listens for.
    let cluster =
        |name: &str, url: &str| format!("- cluster:\n    server: {url}\n  name: {name}\n");
    let context =
        |name: &str| format!("- context:\n    cluster: {name}\n    user: other\n  name: {name}\n");
    let user = format!("- name: other\n  user:\n    token: {}\n", other.token());
    let (second, nowhere) = (
        cluster("second", &other.url()),
        cluster("nowhere", "http://127.0.0.1:1"),
    );
    let (a, b) = (context("second"), context("nowhere"));
    let kubeconfig = sim
        .kubeconfig()
        .replace(
            "contexts:\n",
            &format!("{second}{nowhere}contexts:\n{a}{b}"),
        )
        .replace("users:\n", &format!("users:\n{user}"));
    std::fs::write(cockpit.folder.path().join("config"), kubeconfig).unwrap();
    cockpit.until("4/4 ready").await;
    cockpit.press("7").await;
    let screen = cockpit.until("refuses connections").await;
    assert!(screen.contains("here*"), "{screen}");
    cockpit.until("second       ● v1").await;
    cockpit.press("G enter").await;
    cockpit.until("turned to context second").await;
    cockpit.until("● live").await;
    other.api().kill().await;
    cockpit.until("no contact for").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_is_exposed_tried_first_and_gets_an_address() {
    let sim = office().await;
    let mut cockpit = Harness::start(&sim, Settings::default());
    cockpit.until("4/4 ready").await;
    cockpit.press("2 e").await;
    cockpit.until("Expose a Deployment").await;
    cockpit.press("w e b / m y - w e b - a p p enter").await;
    cockpit
        .press("s e c o n d enter enter enter enter enter")
        .await;
    cockpit
        .until("Expose deployment web/my-web-app as service second?")
        .await;
    cockpit.press("y").await;
    cockpit.until("is exposed as service second").await;
    let posts: Vec<String> = sim.api().request_log();
    let posts: Vec<&String> = posts
        .iter()
        .filter(|it| it.starts_with("POST") && it.contains("/services"))
        .collect();
    assert_eq!(posts.len(), 2, "{posts:?}");
    assert!(
        posts[0].contains("dryRun=All") && !posts[1].contains("dryRun"),
        "{posts:?}"
    );
    cockpit.press("/ s e c o n d enter").await;
    let screen = cockpit.until("company-office").await;
    assert!(screen.contains("web/second"), "{screen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_asks_for_another_address_and_nothing_is_sent_in_read_only_mode() {
    let sim = office().await;
    let read_only = Settings {
        read_only: true,
        ..Settings::default()
    };
    let mut cockpit = Harness::start(&sim, read_only);
    cockpit.until("4/4 ready").await;
    cockpit.press("2 i").await;
    cockpit.until("read-only").await;

    let mut cockpit = Harness::start(&sim, Settings::default());
    cockpit.until("4/4 ready").await;
    cockpit.press("2 / g r a f a n a enter").await;
    // Where columns are tight, names keep their end.
    cockpit.until("ring/grafana").await;
    cockpit.press("i 1 0 . 1 0 . 1 0 . 9 9 enter").await;
    cockpit
        .until("Change the address of service monitoring/grafana?")
        .await;
    cockpit.press("y").await;
    cockpit.until("is changed").await;
    cockpit.until("10.10.10.99").await;
    let log = sim.api().request_log();
    let patches: Vec<&String> = log.iter().filter(|it| it.starts_with("PATCH")).collect();
    assert_eq!(patches.len(), 2, "tried, then done: {patches:?}");
    assert!(patches[0].contains("dryRun=All"), "{patches:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_problem_of_a_service_leads_to_its_page_and_back() {
    let sim = office().await;
    let mut cockpit = Harness::start(&sim, Settings::default());
    cockpit.until("4/4 ready").await;
    cockpit.press("8").await;
    cockpit.until("web/shop waits for an address").await;
    cockpit.press("enter").await;
    cockpit.until("From the request to the answer").await;
    cockpit.press("esc").await;
    cockpit.until("Problems").await;
}

/// A text as keys of this harness.
fn typed(text: &str) -> String {
    let letters: Vec<String> = text.chars().map(String::from).collect();
    letters.join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn another_rack_is_merged_and_the_session_turns_to_it() {
    let (sim, other) = (office().await, office().await);
    let mut cockpit = Harness::start(&sim, Settings::default());
    cockpit.until("4/4 ready").await;
    let source = cockpit.folder.path().join("k3s.yaml");
    let of_other = other.kubeconfig().replace("office-rack", "default");
    std::fs::write(&source, of_other).unwrap();
    let ours = cockpit.folder.path().join("config");
    let before = std::fs::read_to_string(&ours).unwrap();

    cockpit.press("7 a").await;
    cockpit.press(&typed(&source.display().to_string())).await;
    cockpit.press("enter").await;
    cockpit.press(&typed("second")).await;
    cockpit.press("enter enter enter enter").await;
    let screen = cockpit.until("What would change").await;
    assert!(screen.contains("could not be checked"), "{screen}");
    assert!(!screen.contains(other.token()), "{screen}");
    cockpit.press("enter y").await;
    cockpit.until("u takes it back").await;
    cockpit.until("second       ● v1").await;
    cockpit.press("G enter").await;
    cockpit.until("turned to context second").await;

    // A name that is another cluster's.
    cockpit.press("a").await;
    cockpit.press(&typed(&source.display().to_string())).await;
    cockpit.press("enter").await;
    cockpit.press(&typed("office-rack")).await;
    cockpit.press("enter enter enter enter").await;
    cockpit.until("The name office-rack is taken").await;
    cockpit.press("esc").await;

    cockpit.press("u").await;
    let screen = cockpit.until("Undo the last change?").await;
    assert!(screen.contains("ago bramble merged"), "{screen}");
    cockpit.answer("y").await;
    cockpit.until("taken back").await;
    assert_eq!(std::fs::read_to_string(&ours).unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_was_left_behind_is_removed_only_after_a_yes() {
    let sim = office().await;
    let mut cockpit = Harness::start(&sim, Settings::default());
    cockpit.until("4/4 ready").await;
    let lock = cockpit.folder.path().join("config.lock");
    std::fs::write(&lock, "").unwrap();
    cockpit.press("7").await;
    cockpit.until("here*").await;
    cockpit.press("s").await;
    cockpit.press(&typed("web")).await;
    cockpit.press("enter").await;
    cockpit.until("Set the namespace of office-rack?").await;
    cockpit.startled().await;
    cockpit.press("y").await;
    cockpit.until("Remove the lock on").await;
    cockpit.startled().await;
    cockpit.press("n").await;
    assert!(lock.exists());
    cockpit.press("s").await;
    cockpit.press(&typed("web")).await;
    cockpit.press("enter").await;
    cockpit.until("Set the namespace of office-rack?").await;
    cockpit.startled().await;
    cockpit.press("y").await;
    cockpit.until("Remove the lock on").await;
    cockpit.startled().await;
    cockpit.press("y").await;
    cockpit.until("looks at namespace web").await;
    assert!(!lock.exists());
}
