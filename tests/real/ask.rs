//! One question, two tests: `sim::question` and `real::question`.

/// Asks each question of the simulator and of the control plane that all share.
macro_rules! ask_both {
    ($($question:ident),+ $(,)?) => { ask_on!(Shared: $($question),+); };
}

/// As `ask_both`, for questions that break things: each gets a control plane of its own.
macro_rules! ask_both_alone {
    ($($question:ident),+ $(,)?) => { ask_on!(Own: $($question),+); };
}

macro_rules! ask_on {
    ($which:ident: $($question:ident),+) => {
        mod sim {
            $(#[test]
            fn $question() {
                crate::place::on_sim(super::$question);
            })+
        }
        mod real {
            $(#[test]
            fn $question() {
                crate::place::on_real(crate::place::Plane::$which, super::$question);
            })+
        }
    };
}
