//! From a node to the host behind it: where its board is, a shell on it, and how ssh gets there.

use std::collections::BTreeMap;

use crate::app::Model;
use crate::app::popup::Popup;
use crate::effect::Effect;
use crate::msg::Level;
use crate::rack::node::NodeName;
use crate::rack::ssh::Destination;

/// Where the board of a node is: by the settings of the context, else by the node's name, else at its `InternalIP`.
pub(super) fn destination(model: &Model, node: &NodeName) -> Result<Destination, String> {
    let hosts = model.context_settings().map(|context| &context.hosts);
    let known = model.rack.nodes().find(|it| it.name == *node);
    let address = known.and_then(|node| {
        let mut internal = node.addresses.iter().filter(|it| &*it.kind == "InternalIP");
        internal.next().map(|it| &*it.address)
    });
    Destination::of_node(node, hosts.unwrap_or(&BTreeMap::new()), address)
}

pub(super) fn open_shell(model: &mut Model, node: &NodeName, effects: &mut Vec<Effect>) {
    match destination(model, node) {
        Ok(to) => effects.push(Effect::Shell(to)),
        Err(why) => model.notify(Level::Warning, format!("no shell on node {node}: {why}")),
    }
}

/// `:host NODE`, or any other host ssh may know.
pub(super) fn show(model: &mut Model, name: &str, effects: &mut Vec<Effect>) {
    match destination(model, &NodeName::new(name)) {
        Ok(to) => {
            let request = model.request();
            model.awaited_yaml = Some(request);
            model.popup = Some(Popup::loading(format!("host {name}")));
            effects.push(Effect::ResolveHost { request, to });
        }
        Err(why) => model.notify(Level::Warning, why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::update;
    use crate::app::{ContextSettings, Settings};
    use crate::keymap::Keymap;
    use crate::msg::Msg;
    use crate::rack::time::Now;
    use crate::theme::roles::Theme;
    use ratatui::layout::Size;

    fn model(read_only: bool) -> Model {
        let context = ContextSettings {
            hosts: BTreeMap::from([("rpi-01".to_owned(), "pi@10.0.0.5:2222".to_owned())]),
            ..ContextSettings::default()
        };
        let settings = Settings {
            read_only,
            contexts: BTreeMap::from([(String::new(), context)]),
            ..Settings::default()
        };
        let (theme, keymap) = (
            Theme::load("terminal", None).0,
            Keymap::load("default", None).0,
        );
        Model::new(Now::ZERO, Size::new(80, 24), theme, keymap, settings)
    }

    fn shell(node: &str, read_only: bool) -> Vec<Effect> {
        update(&mut model(read_only), Msg::OpenShell(NodeName::new(node)))
    }

    #[test]
    fn a_shell_goes_where_the_settings_say_or_to_the_nodes_name() {
        let to = |text: &str| Effect::Shell(Destination::parse(text).unwrap());
        assert!(shell("rpi-01", false).contains(&to("pi@10.0.0.5:2222")));
        assert!(shell("rpi-02", false).contains(&to("rpi-02")));
    }

    #[test]
    fn read_only_opens_no_shell_and_a_hostile_name_neither() {
        for effects in [shell("rpi-01", true), shell("-oProxyCommand=x", false)] {
            assert!(
                !effects.iter().any(|it| matches!(it, Effect::Shell(_))),
                "{effects:?}"
            );
        }
    }
}
