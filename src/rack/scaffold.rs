//! Files that build an image for ARM in GitLab: `Dockerfile.arm` and `.gitlab-ci.yml`, in today's form and in the classic
//! one, and what writing them into a folder would change.
//!
//! Not here: reading and writing files. Invariant: what stands in the folder is only replaced by a plan that shows it.

use std::fmt::Write;

use similar::{ChangeTag, TextDiff};

/// The files, by name.
pub const NAMES: [&str; 2] = ["Dockerfile.arm", ".gitlab-ci.yml"];

/// How the image is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// buildx: one image for every platform.
    Today,
    /// qemu-user-static: a job and a tag for each architecture.
    Classic,
}

/// One file that would be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub name: &'static str,
    /// What stands there now; `None`: there is no such file.
    pub old: Option<String>,
    pub new: &'static str,
}

/// What would be written into a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub folder: String,
    /// Files that are as they would be are left out.
    pub changes: Vec<Change>,
    /// What is to be known of the files that are there.
    pub note: Option<&'static str>,
}

impl Form {
    fn text(self, name: &str) -> &'static str {
        match (self, name) {
            (Form::Today, "Dockerfile.arm") => include_str!("scaffold/today.Dockerfile"),
            (Form::Today, _) => include_str!("scaffold/today.yml"),
            (Form::Classic, "Dockerfile.arm") => include_str!("scaffold/classic.Dockerfile"),
            (Form::Classic, _) => include_str!("scaffold/classic.yml"),
        }
    }
}

/// The plan for a folder in which these texts stand, in the order of [`NAMES`].
pub fn plan(folder: &str, form: Form, standing: [Option<String>; 2]) -> Plan {
    let was_classic = standing.iter().flatten().any(|text| is_classic(text));
    let changes = NAMES.into_iter().zip(standing).map(|(name, old)| Change {
        name,
        old,
        new: form.text(name),
    });
    let note = match form {
        Form::Today if was_classic => Some(
            "what stands there builds in the classic way (qemu-user-static): this replaces it by one image for all platforms",
        ),
        _ => None,
    };
    Plan {
        folder: folder.to_owned(),
        changes: changes
            .filter(|it| it.old.as_deref() != Some(it.new))
            .collect(),
        note,
    }
}

/// Recognises how images for ARM were built before buildx.
pub fn is_classic(text: &str) -> bool {
    let words = [
        "arm32v7/",
        "arm64v8/",
        "qemu-arm-static",
        "qemu-aarch64-static",
        "multiarch/",
    ];
    words.iter().any(|word| text.contains(word))
}

impl Plan {
    /// `Dockerfile.arm (new), .gitlab-ci.yml (changed)`.
    pub fn summary(&self) -> String {
        let words = self.changes.iter().map(|it| match it.old {
            None => format!("{} (new)", it.name),
            Some(_) => format!("{} (changed)", it.name),
        });
        words.collect::<Vec<_>>().join(", ")
    }

    /// Every line that comes and goes, with some around it.
    pub fn diff(&self) -> String {
        let mut text = String::new();
        if let Some(note) = self.note {
            let _ = writeln!(text, "Note: {note}\n");
        }
        for change in &self.changes {
            let old = change.old.as_deref().unwrap_or_default();
            let from = if change.old.is_some() {
                change.name
            } else {
                "nothing"
            };
            let _ = writeln!(text, "--- {from}\n+++ {}", change.name);
            let diff = TextDiff::from_lines(old, change.new);
            for (number, group) in diff.grouped_ops(3).iter().enumerate() {
                if number > 0 {
                    text.push_str("  …\n");
                }
                for line in group.iter().flat_map(|op| diff.iter_changes(op)) {
                    let sign = match line.tag() {
                        ChangeTag::Delete => '-',
                        ChangeTag::Insert => '+',
                        ChangeTag::Equal => ' ',
                    };
                    let _ = writeln!(text, "{sign} {}", line.value().trim_end_matches('\n'));
                }
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_what_their_names_say_and_valid_yaml() {
        for (form, wanted) in [
            (Form::Today, "--platform linux/arm/v7,linux/arm64"),
            (Form::Classic, "multiarch/qemu-user-static"),
        ] {
            let plan = plan("hub", form, [None, None]);
            assert_eq!(plan.summary(), "Dockerfile.arm (new), .gitlab-ci.yml (new)");
            let yaml = plan.changes[1].new;
            assert!(yaml.contains(wanted), "{yaml}");
            let value: serde_yaml::Value = serde_yaml::from_str(yaml).unwrap();
            let stages = value.get("stages").unwrap().as_sequence().unwrap();
            let stages: Vec<&str> = stages.iter().map(|it| it.as_str().unwrap()).collect();
            assert_eq!(stages, ["build", "release"]);
            // No secret is an argument: anybody on the runner can read those.
            assert!(yaml.contains("--password-stdin") && !yaml.contains(" -p "));
            assert!(plan.changes[0].new.contains("FROM "));
        }
    }

    #[test]
    fn what_stands_there_is_shown_line_by_line_and_what_is_equal_left_out() {
        let old = "image: multiarch/qemu-user-static\n".to_owned();
        let same = Form::Today.text("Dockerfile.arm").to_owned();
        let changed = plan("hub", Form::Today, [Some(same), Some(old)]);
        assert_eq!(changed.summary(), ".gitlab-ci.yml (changed)");
        let diff = changed.diff();
        assert!(
            diff.contains("- image: multiarch/qemu-user-static\n"),
            "{diff}"
        );
        assert!(diff.contains("+ stages: [build, release]\n"), "{diff}");
        assert!(diff.starts_with("Note: what stands there builds in the classic way"));
        let texts = NAMES.map(|name| Some(Form::Classic.text(name).to_owned()));
        assert!(plan("hub", Form::Classic, texts).changes.is_empty());
    }
}
