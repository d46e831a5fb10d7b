//! What simulated boards say of NFS: what is mounted, who cannot mount, who waits while exports do not answer.

use std::time::Duration;

use crate::sim::board::Said;
use crate::sim::life;
use crate::sim::populate;
use crate::sim::scenario::Scenario;
use crate::sim::world::World;

fn world(hangs: bool) -> World {
    let mut scenario = Scenario::shipped("storage").unwrap();
    scenario.nfs_hangs = hangs;
    let mut world = populate::world(scenario, 1);
    let until = world.now + Duration::from_secs(10);
    life::run_due(&mut world, until);
    world
}

fn answer(world: &mut World, board: &str, question: &str) -> String {
    match world.run_script(board, question) {
        Said::Text(text, 0) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn boards_tell_of_exports_as_they_are() {
    const PROBE: &str = "DEEP=0\nprintf 'board 1\\n'";
    let mut well = world(false);
    let said = answer(&mut well, "rpi-01", PROBE);
    let mounted = "\nnfs\t10.40.0.5:/srv/nfs/office-paperless-media-pvc-";
    assert!(
        said.contains("nfs-client\tyes") && said.contains(mounted),
        "{said}"
    );
    assert!(
        !said.contains("\nwaits\t") && said.ends_with("\nend\n"),
        "{said}"
    );
    let said = answer(&mut well, "rpi-02", PROBE);
    assert!(said.contains("nfs-client\tno"), "{said}");

    let mut ill = world(true);
    let said = answer(&mut ill, "rpi-01", PROBE);
    let waiting = said.lines().filter(|it| it.starts_with("waits\t"));
    assert!(waiting.clone().count() > 0, "{said}");
    for line in waiting {
        let fields: Vec<&str> = line.split('\t').collect();
        assert!(fields.len() == 5 && fields[4].contains("/pod"), "{line}");
    }
}

#[test]
fn a_server_answers_boards_unless_it_hangs() {
    const QUESTION: &str = "SERVER='10.40.0.5'\nprintf 'nfs 1\\n'";
    let said = answer(&mut world(false), "rpi-01", QUESTION);
    assert!(
        said.contains("port\topen\nexports\nexport\t/srv/nfs "),
        "{said}"
    );
    let said = answer(&mut world(true), "rpi-01", QUESTION);
    assert!(said.contains("port\tclosed"), "{said}");
}
