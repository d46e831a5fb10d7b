//! What holds for every action.

use super::*;

#[test]
fn every_action_has_its_own_kebab_case_name() {
    for &action in Action::ALL {
        let name = action.info().name;
        assert!(
            name.chars().all(|c| c.is_ascii_lowercase() || c == '-'),
            "{name}"
        );
        assert_eq!(
            Action::from_name(name),
            Some(action),
            "{name} is not unique"
        );
    }
}
