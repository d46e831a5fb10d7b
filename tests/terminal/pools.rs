//! A text for MetalLB outlives its program: killed in the middle of an edit, started again, applied after all.
//!
//! The rack is simulated in this process, so that it is still there when the program is not.

use bramble::sim::{Scenario, Sim};
use rustix::process::Signal;
use tokio::runtime::Runtime;

use crate::harness::{Session, Start};

struct Rack {
    runtime: Runtime,
    sim: Option<Sim>,
}

impl Rack {
    fn start() -> Rack {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = Runtime::new().unwrap();
        let scenario = Scenario::shipped("office").unwrap();
        let sim = runtime.block_on(Sim::start(scenario, 1)).unwrap();
        Rack {
            runtime,
            sim: Some(sim),
        }
    }

    fn kubeconfig(&self) -> String {
        self.sim.as_ref().unwrap().kubeconfig()
    }
}

impl Drop for Rack {
    fn drop(&mut self) {
        if let Some(sim) = self.sim.take() {
            self.runtime.block_on(sim.shutdown());
        }
    }
}

/// The text of the draft on the disk; `None` when there is none.
fn kept(session: &Session) -> Option<String> {
    let folder = session.home().join("state/bramble/drafts");
    let mut files = std::fs::read_dir(folder).ok()?.map(|it| it.unwrap().path());
    let file = files.find(|it| it.extension().is_some_and(|it| it == "json"))?;
    let text = std::fs::read_to_string(file).ok()?;
    let draft: serde_json::Value = serde_json::from_str(&text).expect("a draft is whole");
    Some(draft["text"].as_str().unwrap().to_owned())
}

#[test]
fn a_killed_edit_is_offered_again_and_applied() {
    let rack = Rack::start();
    let start = || Start::bramble([]).env("KUBECONFIG", "kubeconfig");
    let mut session = start().file("kubeconfig", &rack.kubeconfig()).go();
    session.until("4/4");
    session.press("3");
    session.until("12/50");
    session.press("/");
    session.enter("10.10.10.100");
    session.press("enter e ctrl-e backspace");
    session.enter("9 # nine more, for the printers");
    session.until("nine more, for the printers");
    let line = "10.10.10.51-10.10.10.109 # nine more, for the printers";
    session.until_so("what was typed to be on the disk", || {
        kept(&session).is_some_and(|text| text.contains(line))
    });
    // In the middle of a word, with keys on their way.
    session.enter(", and t");
    let pid = session.pid();
    session.signal(Signal::KILL);
    session.until_ended(pid);

    let mut again = start().at_home_of(&session).go();
    again.until("was not applied last time");
    again.press("3 enter");
    let screen = again.until("10.10.10.109 # nine more").contents();
    assert!(screen.contains("draft"), "{screen}");
    again.press("a");
    again.until("change IPAddressPool company-office");
    again.press("a");
    again.until("Apply to MetalLB?");
    again.press("y");
    again.until("applied: 1 object");
    again.until("comments, in this draft only");
    let pid = again.pid();
    again.signal(Signal::KILL);
    again.until_ended(pid);

    // Comments are not stored by the API: they are still ours, and no longer a warning.
    let mut last = start().at_home_of(&again).go();
    last.until("4/4");
    last.press("3 enter");
    let screen = last.until("10.10.10.109 # nine more").contents();
    assert!(screen.contains("comments, in this draft only"), "{screen}");
    assert!(!screen.contains("was not applied"), "{screen}");
    last.press("X");
    last.until_gone("# nine more");
    last.until_so("the draft to be gone", || kept(&last).is_none());
    last.press("Q");
    last.until("ended with <0>");
}
