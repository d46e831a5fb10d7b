//! The journals of simulated boards.

use crate::sim::board::Said;
use crate::sim::populate;
use crate::sim::scenario::Scenario;

#[test]
fn a_board_has_a_journal_of_its_own_unit_and_of_no_other() {
    let mut world = populate::world(Scenario::shipped("office").unwrap(), 1);
    let mut lines = |unit: &str| {
        let line = format!("sudo -n -- sh -c 'journalctl -q -n 500 -f -u {unit}'");
        match world.run_program("rpi-01", &line) {
            Said::Follows(lines) => lines.len(),
            other => panic!("{other:?}"),
        }
    };
    assert!(lines("k3s-agent") > 0);
    assert!(lines("k3s-agent.service") > 0);
    assert_eq!((lines("ssh"), lines("k3s")), (0, 0));
}
