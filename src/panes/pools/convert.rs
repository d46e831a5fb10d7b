//! The old ConfigMap as objects: previewed, and where the cluster has those kinds written into the text to be applied.

use crate::msg::Msg;
use crate::panes::Cx;
use crate::panes::pools::review::{Look, Review};
use crate::panes::pools::{Half, PoolsPane, Right};
use crate::rack::pool_text::Form;
use crate::rack::pools::convert::convert;
use crate::rack::pools::finding::Finding;
use crate::rack::pools::live::asking;
use crate::rack::pools::read::Form as ReadForm;

impl PoolsPane {
    pub(super) fn convert(&mut self, cx: &mut Cx<'_>) {
        let Some(session) = &mut self.session else {
            return cx
                .msgs
                .push(Msg::warn("there is no configuration of MetalLB here"));
        };
        let is_old = matches!(session.live.form, Form::ConfigMap { .. });
        let leftover = cx.rack.metallb.leftover_config_map(&cx.rack.link);
        let source = if is_old {
            session.editor.text()
        } else if let Some(config) = leftover.and_then(|it| it.config.as_ref()) {
            config.as_str().to_owned()
        } else {
            return cx
                .msgs
                .push(Msg::info("there is no old ConfigMap here to convert"));
        };
        let converted = match convert(&source, ReadForm::Inner, &asking(cx.rack)) {
            Ok(converted) => converted,
            Err(report) => {
                let why = report.findings.first().map(Finding::sentence);
                return cx.msgs.push(Msg::warn(format!(
                    "the ConfigMap cannot be converted: {}",
                    why.unwrap_or_default()
                )));
            }
        };
        self.half = Half::Text;
        let mut lines: Vec<(Look, String)> = converted
            .notes
            .iter()
            .map(|note| (Look::Warn, note.clone()))
            .collect();
        if is_old {
            let version = cx.rack.metallb.version();
            let version = version.map_or_else(String::new, |it| format!(" {it}"));
            lines.insert(
                0,
                (
                    Look::Heading,
                    format!(
                        "MetalLB{version} reads the ConfigMap; these objects are for 0.13 and newer. \
                         Have them ready before the upgrade: nothing is announced until they are applied."
                    ),
                ),
            );
            lines.push((Look::Plain, String::new()));
            let yaml = converted.yaml.lines();
            lines.extend(yaml.map(|line| (Look::Added, format!("+ {line}"))));
            self.right = Right::Review(Review::page("The ConfigMap as objects", lines));
            return;
        }
        let mut text = session.editor.text();
        if !text.trim().is_empty() {
            if !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str("---\n");
        }
        text.push_str(&converted.yaml);
        session.editor.replace(&text);
        session.edited(cx);
        session.check(cx.rack);
        session.settle();
        lines.insert(
            0,
            (
                Look::Heading,
                "The ConfigMap stays as it is, as a backup that nothing reads.".to_owned(),
            ),
        );
        let mut review = Review::of(session, cx.rack);
        review.put_first(lines);
        self.right = Right::Review(review);
    }
}
