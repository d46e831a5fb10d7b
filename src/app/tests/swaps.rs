//! Hot swaps and contexts: what goes on for a board of one cluster never concerns its namesake in another.

use super::*;
use crate::rack::board::Deed;
use crate::rack::drain::{News, Occupant, Plan};
use crate::rack::hot_swap::{HotSwap, Step};
use crate::rack::node::{Condition, Lease, Truth};

fn planned(node: &str, is_swap: bool) -> Msg {
    Msg::DrainPlanned {
        node: NodeName::new(node),
        uid: Uid(node.into()),
        is_swap,
        result: Ok(Plan::of(Vec::new(), None)),
    }
}

/// The drain of a hot swap of rpi-01 has begun in the context that is on the screen.
fn swapping(model: &mut Model) -> Uid {
    let (node, uid) = (NodeName::new("rpi-01"), Uid("rpi-01".into()));
    let news = News::Begun {
        node,
        context: model.rack.cluster.context.clone(),
        is_swap: true,
    };
    let begun = Msg::Drain {
        uid: uid.clone(),
        news,
    };
    update(model, begun);
    assert!(model.rack.swap(&NodeName::new("rpi-01")).is_some());
    uid
}

#[test]
fn a_plan_says_itself_whether_it_is_for_a_swap() {
    let mut model = model();
    let failed = Msg::DrainPlanned {
        node: NodeName::new("rpi-01"),
        uid: Uid("rpi-01".into()),
        is_swap: true,
        result: Err(Problem::new(
            Severity::Critical,
            Subject::Program,
            "no answer",
        )),
    };
    update(&mut model, failed);
    update(&mut model, planned("rpi-01", false));
    let shown = screen(&model);
    assert!(
        shown.contains("Drain node rpi-01?") && !shown.contains("out of the rack"),
        "{shown}"
    );
    press(&mut model, "n");
    update(&mut model, planned("rpi-01", true));
    let shown = screen(&model);
    assert!(
        shown.contains("Take board rpi-01 out of the rack?"),
        "{shown}"
    );
}

#[test]
fn a_board_of_the_same_name_in_another_cluster_is_not_being_swapped() {
    let mut model = model();
    let uid = swapping(&mut model);
    update(&mut model, Msg::TurnTo("other".into()));
    let nodes = vec![node("rpi-01", "another-uid")];
    tell(&mut model, Fact::Nodes(Change::Listed(nodes)));
    assert_eq!(model.rack.swap(&NodeName::new("rpi-01")), None);
    assert!(model.rack.swaps.contains_key(&uid), "it goes on over there");
}

#[test]
fn a_board_that_was_switched_off_while_nobody_looked_is_known_to_be() {
    let mut model = model();
    let here = model.rack.cluster.context.clone();
    let uid = swapping(&mut model);
    let swap = |model: &mut Model| -> HotSwap { model.rack.swaps[&uid].clone() };
    model.rack.swaps.get_mut(&uid).unwrap().step = Step::SwitchingOff;
    update(&mut model, Msg::TurnTo("other".into()));
    let done = |context: &str| Msg::BoardDone {
        context: context.to_owned(),
        node: NodeName::new("rpi-01"),
        deed: Deed::PowerOff,
        result: Ok("board rpi-01 goes off".to_owned()),
    };
    update(&mut model, done("third"));
    assert_eq!(swap(&mut model).switched_off, None);
    update(&mut model, done(&here));
    assert_eq!(swap(&mut model).switched_off, Some(Ok(())));
    assert!(!model.rack.boards.contains_key(&NodeName::new("rpi-01")));
}

#[test]
fn a_silent_board_is_not_promised_to_be_switched_off_nor_its_pods_to_end() {
    let mut model = model();
    let lease = Lease {
        node: NodeName::new("rpi-01"),
        renewed: Some(Now::ZERO.wall),
        duration: Some(Duration::from_secs(40)),
    };
    tell(&mut model, Fact::Leases(Change::Listed(vec![lease])));
    let planned = |press: &[Effect]| {
        let is_plan = |effect: &Effect| matches!(effect, Effect::PlanDrain { .. });
        press.iter().any(is_plan)
    };
    assert!(planned(&press(&mut model, "H")));

    let later = Now {
        mono: Duration::from_secs(90),
        wall: Now::ZERO.wall + Duration::from_secs(90),
    };
    update(&mut model, Msg::Clock(later));
    assert!(!planned(&press(&mut model, "H")));
    assert!(
        notice(&model).contains("rpi-01 is silent and cannot be told to switch off"),
        "{}",
        notice(&model)
    );

    let occupant = Occupant {
        controller: Some(("ReplicaSet".into(), "shop".into())),
        ..Occupant::default()
    };
    let mut taker = node("rpi-02", "rpi-02");
    taker.conditions = vec![Condition {
        kind: "Ready".into(),
        status: Truth::True,
        reason: "".into(),
        message: "".into(),
        since: None,
    }];
    tell(&mut model, Fact::Nodes(Change::Applied(taker)));
    let plan = Msg::DrainPlanned {
        node: NodeName::new("rpi-01"),
        uid: Uid("rpi-01".into()),
        is_swap: false,
        result: Ok(Plan::of(vec![occupant], None)),
    };
    update(&mut model, plan);
    let shown = screen(&model);
    assert!(shown.contains("It is silent: nothing on it"), "{shown}");
    tick(&mut model, 91_000);
    let effects = press(&mut model, "y");
    let marks =
        |effect: &Effect| matches!(effect, Effect::Drain { consent, .. } if consent.only_mark);
    assert!(effects.iter().any(marks), "{effects:?}");
}
