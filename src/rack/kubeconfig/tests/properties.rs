//! What holds for any two kubeconfigs, written in any of the ways people and tools write them.

use proptest::prelude::*;

use super::*;
use crate::rack::kubeconfig::render;
use crate::rack::kubeconfig::{How, Kind};

const NAMES: [&str; 9] = [
    "default", "rack", "rack-2", "no", "0644", "it's", "a: b", "ü", "- x",
];

/// One entry with the very bytes it is written in.
#[derive(Debug, Clone)]
struct Written {
    kind: Kind,
    name: String,
    text: String,
}

/// A kubeconfig, and what each context must lead to.
#[derive(Debug, Clone)]
struct Config {
    text: String,
    entries: Vec<Written>,
    /// Authority (or server) and credential, by context.
    leads_to: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is drawn by itself")]
struct Style {
    indent: usize,
    is_flow: bool,
    name_first: bool,
    has_comments: bool,
    quotes: bool,
}

fn style() -> impl Strategy<Value = Style> {
    (
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(deep, is_flow, name_first, has_comments, quotes)| Style {
            indent: if deep { 2 } else { 0 },
            is_flow,
            name_first,
            has_comments,
            quotes,
        })
}

fn entry(style: Style, kind: Kind, name: &str, fields: &[(&str, String)]) -> Written {
    let scalar = |text: &str| {
        if style.quotes {
            render::quoted(text)
        } else {
            render::scalar(text, style.is_flow)
        }
    };
    let blank = " ".repeat(style.indent);
    let field = kind.field();
    let text = if style.is_flow {
        let fields: Vec<String> = fields
            .iter()
            .map(|(key, value)| format!("{key}: {}", scalar(value)))
            .collect();
        let (name, body) = (
            format!("name: {}", scalar(name)),
            format!("{field}: {{{}}}", fields.join(", ")),
        );
        let (first, second) = if style.name_first {
            (name, body)
        } else {
            (body, name)
        };
        format!("{blank}- {{{first},  {second}}}\n")
    } else {
        let comment = |text: &str| {
            if style.has_comments {
                format!("   # {text}")
            } else {
                String::new()
            }
        };
        let lines: Vec<String> = (fields.iter())
            .map(|(key, value)| format!("{blank}    {key}:  {}{}\n", scalar(value), comment(key)))
            .collect();
        let lines = lines.concat();
        let name = format!("name: {}{}\n", scalar(name), comment("called so"));
        let between = if style.has_comments {
            format!("{blank}  # {kind:?}\n\n")
        } else {
            String::new()
        };
        if style.name_first {
            format!("{blank}- {name}{between}{blank}  {field}:\n{lines}")
        } else {
            format!("{blank}- {field}:\n{lines}{between}{blank}  {name}")
        }
    };
    Written {
        kind,
        name: name.to_owned(),
        text,
    }
}

/// Which authority (4: none), credential (0-2: admins, 3: alice, 4-5: tokens) and names.
type Row = (usize, usize, usize, usize, usize);

fn config() -> impl Strategy<Value = Config> {
    let rows = proptest::collection::vec(
        (0..5_usize, 0..6_usize, 0..9_usize, 0..9_usize, 0..9_usize),
        1..5,
    );
    (rows, [style(), style(), style()], any::<[bool; 3]>())
        .prop_map(|(rows, styles, [crlf, bom, cut])| build(&rows, styles, (crlf, bom, cut)))
}

fn build(rows: &[Row], styles: [Style; 3], (crlf, bom, cut): (bool, bool, bool)) -> Config {
    let mut entries: Vec<Written> = Vec::new();
    let mut leads_to = Vec::new();
    let mut known: Vec<(Kind, usize, String)> = Vec::new();
    for &(authority, credential, cluster, user, context) in rows {
        // The first to take a name says what it is.
        let mut first = |kind: Kind, name: usize, value: String| {
            let found = known
                .iter()
                .find(|(of, it, _)| (*of, *it) == (kind, name))
                .map(|(_, _, it)| it.clone());
            let is_new = found.is_none();
            known.push((kind, name, value.clone()));
            (is_new, found.unwrap_or(value))
        };
        let trust = match PKI.authorities.get(authority) {
            Some(data) => ("certificate-authority-data", data.clone()),
            None => ("server", format!("https://10.0.0.{cluster}:6443")),
        };
        let (is_new, trusts) = first(Kind::Cluster, cluster, trust.1.clone());
        if is_new {
            let mut fields = vec![("server", format!("https://10.0.0.{cluster}:6443"))];
            if trust.0 != "server" {
                fields.push(trust);
            }
            entries.push(entry(styles[0], Kind::Cluster, NAMES[cluster], &fields));
        }
        let fields = match credential {
            0..3 => vec![
                ("client-certificate-data", PKI.admins[credential].clone()),
                ("client-key-data", PKI.key.clone()),
            ],
            3 => vec![
                ("client-key-data", PKI.key.clone()),
                ("client-certificate-data", PKI.alice.clone()),
            ],
            token => vec![("token", format!("s3cr3t-{token}"))],
        };
        let proof = fields
            .iter()
            .find(|it| it.0 != "client-key-data")
            .unwrap()
            .1
            .clone();
        let (is_new, proves) = first(Kind::User, user, proof);
        if is_new {
            entries.push(entry(styles[1], Kind::User, NAMES[user], &fields));
        }
        if first(Kind::Context, context, String::new()).0 {
            let fields = [
                ("cluster", NAMES[cluster].to_owned()),
                ("user", NAMES[user].to_owned()),
            ];
            entries.push(entry(styles[2], Kind::Context, NAMES[context], &fields));
            leads_to.push((trusts, proves));
        }
    }
    let mut text = "# kept by hand\napiVersion: v1\nkind: Config\n".to_owned();
    for (kind, style) in [
        (Kind::Context, styles[2]),
        (Kind::Cluster, styles[0]),
        (Kind::User, styles[1]),
    ] {
        let comment = if style.has_comments { " # all" } else { "" };
        text = format!("{text}{}:{comment}\n", kind.section());
        entries
            .iter()
            .filter(|it| it.kind == kind)
            .for_each(|it| text.push_str(&it.text));
        if style.has_comments {
            text.push_str("# end of the list\n\n");
        }
    }
    if cut {
        text.truncate(text.trim_end().len());
    }
    if crlf {
        text = text.replace('\n', "\r\n");
        for it in &mut entries {
            it.text = it.text.replace('\n', "\r\n");
        }
    }
    if bom {
        text.insert(0, '\u{feff}');
    }
    Config {
        text,
        entries,
        leads_to,
    }
}

/// What the contexts of a text lead to, read by other code than ours.
fn leads_to(text: &str) -> Vec<(String, String)> {
    let text = text.trim_start_matches('\u{feff}');
    let root: serde_json::Value = serde_yaml::from_str(text).unwrap();
    let body = |kind: Kind, name: &serde_json::Value| {
        let all = root[kind.section()].as_array().unwrap();
        let found: Vec<_> = all.iter().filter(|it| &it["name"] == name).collect();
        assert_eq!(found.len(), 1, "{kind:?} {name}");
        found[0][kind.field()].clone()
    };
    let text = |value: &serde_json::Value| value.as_str().map(ToOwned::to_owned);
    let contexts = root["contexts"].as_array().unwrap().iter().map(|it| {
        let cluster = body(Kind::Cluster, &it["context"]["cluster"]);
        let user = body(Kind::User, &it["context"]["user"]);
        let trusts =
            text(&cluster["certificate-authority-data"]).or_else(|| text(&cluster["server"]));
        let proves = text(&user["client-certificate-data"]).or_else(|| text(&user["token"]));
        (trusts.unwrap(), proves.unwrap())
    });
    contexts.collect()
}

fn request(source: &Config, on_conflict: OnConflict, name: Option<usize>) -> Request {
    let mut merge = merge_of(&source.text);
    merge.server = None;
    merge.on_conflict = on_conflict;
    if source.leads_to.len() == 1 {
        merge.name = name.map(|name| NAMES[name].to_owned());
    }
    Request::Merge(merge)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_merge_loses_nothing_and_a_second_one_changes_nothing(
        target in config(),
        source in config(),
        rename in any::<bool>(),
        name in proptest::option::of(0..9_usize),
    ) {
        let on_conflict = if rename { OnConflict::Rename } else { OnConflict::Replace };
        let request = request(&source, on_conflict, name);
        // Two contexts for one person of one cluster: which one is meant is asked, and nothing is written.
        let Ok(plan) = plan(&one(&target.text), &request) else { return Ok(()) };
        prop_assert!(plan.conflicts.is_empty());
        let after = plan.edits.first().map_or(&target.text, |edit| &edit.after);

        let is_touched = |it: &Written| plan.entries.iter()
            .any(|change| change.kind == it.kind && change.name == it.name && change.how != How::Unchanged);
        for it in target.entries.iter().filter(|it| !is_touched(it)) {
            prop_assert!(after.contains(it.text.trim_end()), "{:?} is not the same in\n{}", it, after);
        }
        let now = leads_to(after);
        for wanted in &source.leads_to {
            prop_assert!(now.contains(wanted), "{:?} is missing in\n{}", wanted, after);
        }
        if rename {
            // Only the same person's credentials may have been renewed.
            let same = |one: &str, two: &str| one == two || PKI.admins.iter().any(|it| it == one) && PKI.admins.iter().any(|it| it == two);
            for old in &target.leads_to {
                prop_assert!(now.iter().any(|new| new.0 == old.0 && same(&new.1, &old.1)), "{:?} is lost in\n{}", old, after);
            }
        }
        let again = super::plan(&one(after), &request).unwrap();
        prop_assert!(again.is_nothing(), "{:?}\n{}", again.entries, after);
    }

    #[test]
    fn every_other_request_touches_only_its_own_entries(
        target in config(),
        context in 0..9_usize,
        which in 0..4_usize,
    ) {
        let context = NAMES[context].to_owned();
        let request = match which {
            0 => Request::UseContext { context },
            1 => Request::SetNamespace { context, namespace: Some("no".to_owned()) },
            2 => Request::RenameContext { from: context, to: "yes".to_owned() },
            _ => Request::DeleteContext { context, with_orphans: true },
        };
        let Ok(plan) = plan(&one(&target.text), &request) else { return Ok(()) };
        let after = plan.edits.first().map_or(&target.text, |edit| &edit.after);
        let is_touched = |it: &Written| plan.entries.iter()
            .any(|change| change.kind == it.kind && (change.name == it.name || change.was.as_ref() == Some(&it.name)));
        for it in target.entries.iter().filter(|it| !is_touched(it)) {
            prop_assert!(after.contains(it.text.trim_end()), "{:?} is not the same in\n{}", it, after);
        }
        let left = one(after).contexts().len();
        let before = one(&target.text).contexts().len();
        prop_assert_eq!(left, if which == 3 { before - 1 } else { before });
    }
}
