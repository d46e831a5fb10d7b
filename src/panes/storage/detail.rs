//! Pages of storage: one claim from its pods to its folder, and the whole of it: classes, who holds what, what is kept.

use crate::panes::page::{self, LABEL, Line, Piece, heading, nothing, row, toned};
use crate::panes::storage::columns::abbreviated;
use crate::rack::Rack;
use crate::rack::link::Source;
use crate::rack::pod::{Pod, PodHealth};
use crate::rack::problem::Subject;
use crate::rack::storage::directory::{self, Fate, Trap};
use crate::rack::storage::reach::Exports;
use crate::rack::storage::view::{ClaimView, Hold, Holder, holders, place, size, volume_state};
use crate::rack::storage::{Claim, Reclaim, StorageClass, Volume, VolumePhase, VolumePlace};
use crate::rack::time::short;

/// Pods named under a server or a board.
const NAMED: usize = 6;

/// One claim.
pub(super) fn claim(rack: &Rack, view: &ClaimView<'_>) -> Vec<Line> {
    let claim = view.claim;
    let mut lines = Vec::new();
    page::problems(rack, &Subject::Claim(claim.name.clone()), &mut lines);
    heading(&mut lines, "From the pods to the data");
    pods(&view.pods, &mut lines);
    lines.push(row("claim", format!("{}, {}", claim.name, view.state().1)));
    match view.volume {
        Some(volume) => {
            lines.push(row(
                "volume",
                format!("{}, {}", volume.name, volume_state(volume).1),
            ));
            lines.push(row("where", place(volume)));
            lines.extend(board(rack, volume));
        }
        None => lines.push(toned("volume", "none yet", Piece::Label)),
    }
    heading(&mut lines, "What it asks for");
    let wanted = claim.wanted.map_or_else(|| "?".to_owned(), size);
    let has = claim
        .capacity
        .map(|it| format!(", has {}", size(it)))
        .unwrap_or_default();
    lines.push(row("size", format!("{wanted}{has}")));
    let access: Vec<&str> = claim.access.iter().map(|it| abbreviated(it)).collect();
    lines.push(row("access", access.join(" ")));
    lines.push(match (claim.class.as_deref(), view.class) {
        (None | Some(""), _) => toned("class", "none", Piece::Label),
        (Some(name), Some(class)) => row("class", format!("{name}, made by {}", class.provisioner)),
        (Some(name), None) => toned(
            "class",
            format!("{name}, which does not exist"),
            Piece::Warn,
        ),
    });
    if let Some(created) = claim.created {
        lines.push(row("age", short(rack.now.age_of(created))));
    }
    deletion(rack, view, &mut lines);
    heading(&mut lines, "What was said of it");
    let before = lines.len();
    for event in rack.storage.events(&claim.uid) {
        let age = event
            .last
            .map_or_else(|| "?".to_owned(), |at| short(rack.now.age_of(at)));
        let piece = if event.is_warning {
            Piece::Warn
        } else {
            Piece::Plain
        };
        lines.push(vec![
            (format!("{age:LABEL$}"), Piece::Label),
            (format!("{} ", event.reason), piece),
            (event.message.to_string(), Piece::Plain),
        ]);
    }
    if lines.len() == before {
        let text = nothing(rack, Source::ClaimEvents, "nothing within the last hour");
        lines.push(toned("", text, Piece::Label));
    }
    lines
}

fn pods(pods: &[&Pod], lines: &mut Vec<Line>) {
    if pods.is_empty() {
        lines.push(toned("pods", "none uses it", Piece::Label));
    }
    for (number, pod) in pods.iter().enumerate() {
        let piece = match pod.health() {
            PodHealth::Running | PodHealth::Done => Piece::Plain,
            PodHealth::Waiting => Piece::Warn,
            PodHealth::Failing => Piece::Bad,
        };
        let node = pod
            .node
            .as_ref()
            .map_or_else(String::new, |it| format!(" on {it}"));
        let label = if number == 0 { "pods" } else { "" };
        lines.push(toned(
            label,
            format!("{}{node}, {}", pod.name, pod.status),
            piece,
        ));
    }
}

/// The board the data are on, when it is one of this rack.
fn board(rack: &Rack, volume: &Volume) -> Option<Line> {
    let VolumePlace::Nfs { server, .. } = &volume.place else {
        return None;
    };
    let holder = Holder::NfsServer(server.clone());
    let board = holder.board(rack)?;
    Some(toned(
        "",
        format!("the server is board {board} of this rack"),
        Piece::Warn,
    ))
}

/// What deleting the claim would do to the data.
fn deletion(rack: &Rack, view: &ClaimView<'_>, lines: &mut Vec<Line>) {
    let Some((text, piece)) = fate(rack, view) else {
        return;
    };
    heading(lines, "If it is deleted");
    lines.push(toned("", text, piece));
    if !view.pods.is_empty() {
        let text = format!(
            "only when its {} no longer use it",
            pods_word(view.pods.len())
        );
        lines.push(toned("", text, Piece::Label));
    }
}

/// What becomes of its data; `None` when it has no volume.
pub(super) fn fate(rack: &Rack, view: &ClaimView<'_>) -> Option<(String, Piece)> {
    let Some(volume) = view.volume else {
        // Volumes may not be read, or are not read yet: nothing is promised of one that is only named.
        let name = view.claim.volume.as_deref()?;
        let text = format!("its volume {name} is not known here: its data may be removed");
        return Some((text, Piece::Warn));
    };
    let folder = match &volume.place {
        VolumePlace::Nfs { path, .. } => path.rsplit('/').next().unwrap_or_default(),
        _ => "",
    };
    let fate = match view.class {
        Some(class) if is_nfs(rack, class) => directory::fate(volume.reclaim, class),
        _ if volume.reclaim == Reclaim::Delete => Fate::Removed,
        _ => Fate::Stays,
    };
    if let (Fate::Archived | Fate::Removed, Some(danger)) = (&fate, danger(rack, view)) {
        return Some((danger, Piece::Bad));
    }
    Some(match fate {
        Fate::Stays => (format!("the data stay at {}", place(volume)), Piece::Good),
        Fate::Archived => (
            format!("the folder is renamed to archived-{folder}; nothing is lost"),
            Piece::Good,
        ),
        Fate::Removed => ("the data are gone".to_owned(), Piece::Bad),
        Fate::Refused => (
            "it fails: archiveOnDelete of its class is neither true nor false".to_owned(),
            Piece::Warn,
        ),
    })
}

/// What else goes along when the provisioner takes its folder away or renames it.
fn danger(rack: &Rack, view: &ClaimView<'_>) -> Option<String> {
    let class = view.class.filter(|class| is_nfs(rack, class))?;
    let folder =
        |claim: &Claim| directory::of(claim, class, claim.volume.as_deref().unwrap_or_default());
    let own = folder(view.claim);
    let shares = |other: &&Claim| {
        other.name != view.claim.name
            && other.class.as_deref() == Some(&*class.name)
            && folder(other) == own
    };
    if let Some(other) = rack.storage.claims().find(shares) {
        let name = &other.name;
        return Some(format!("claim {name} shares its folder: its data go along"));
    }
    let text = match directory::trap(view.claim, class)? {
        Trap::WholeExport => "its folder is the whole export: everything in it goes along",
        Trap::Nested => {
            "its folder is more than one deep: provisioner v4.0.2 may take another of that name"
        }
    };
    Some(text.to_owned())
}

pub(super) fn is_nfs(rack: &Rack, class: &StorageClass) -> bool {
    rack.storage
        .provisioners()
        .any(|it| it.provisions == class.provisioner)
        || class
            .provisioner
            .contains("nfs-subdir-external-provisioner")
}

fn pods_word(count: usize) -> String {
    if count == 1 {
        "1 pod".to_owned()
    } else {
        format!("{count} pods")
    }
}

/// The whole of it.
pub(super) fn overview(rack: &Rack) -> Vec<Line> {
    let mut lines = Vec::new();
    page::problems(rack, &Subject::Storage, &mut lines);
    heading(&mut lines, "Classes");
    let defaults = rack.storage.defaults();
    for class in rack.storage.classes() {
        let mark = match defaults.as_slice() {
            [first, ..] if first.name == class.name => ", the default",
            _ if class.is_default => ", a default too",
            _ => "",
        };
        let binding = if class.waits_for_pod {
            "when a pod wants it"
        } else {
            "at once"
        };
        let text = format!(
            "{}, {binding}, {}{mark}",
            class.provisioner,
            class.reclaim.word()
        );
        let piece = if class.is_default && defaults.len() > 1 {
            Piece::Warn
        } else {
            Piece::Plain
        };
        lines.push(toned(&format!("{} ", class.name), text, piece));
    }
    if rack.storage.classes().next().is_none() {
        lines.push(toned(
            "",
            nothing(rack, Source::StorageClasses, "none"),
            Piece::Label,
        ));
    }
    for provisioner in rack.storage.provisioners() {
        heading(
            &mut lines,
            format!(
                "NFS provisioner {}/{}",
                provisioner.namespace, provisioner.name
            ),
        );
        let ready = format!(
            "{} of {} pods ready",
            provisioner.ready, provisioner.desired
        );
        let piece = if provisioner.ready > 0 {
            Piece::Good
        } else {
            Piece::Bad
        };
        lines.push(toned("state", ready, piece));
        lines.push(row("answers to", &*provisioner.provisions));
        lines.push(row(
            "export",
            format!("{}:{}", provisioner.server, provisioner.path),
        ));
        lines.push(row("image", &*provisioner.image));
    }
    for (holder, hold) in holders(rack) {
        held(rack, &holder, &hold, &mut lines);
    }
    kept(rack, &mut lines);
    lines
}

/// Whether a server answers, as far as it was looked at.
fn reached(rack: &Rack, server: &str, lines: &mut Vec<Line>) {
    let Some(reach) = rack.storage.reach(server, rack) else {
        return;
    };
    let (text, piece) = match &reach.here {
        Ok(took) => (
            format!("answers after {:.1} ms", took.as_secs_f64() * 1e3),
            Piece::Good,
        ),
        Err(why) => (format!("no answer: {why}"), Piece::Warn),
    };
    lines.push(toned("from here", text, piece));
    let Some(board) = &reach.board else {
        let text = "no board could be asked over SSH";
        return lines.push(toned("from a board", text, Piece::Label));
    };
    let (text, piece) = match board.is_open {
        Some(true) => ("answers", Piece::Good),
        Some(false) => ("does not answer", Piece::Bad),
        None => ("? the board has neither bash nor nc", Piece::Label),
    };
    lines.push(toned(board.node.as_str(), text, piece));
    let text = match &board.exports {
        Exports::NoTool => "? showmount is not installed on the board".to_owned(),
        Exports::Untold(words) => format!("? not told: {words}"),
        Exports::Listed(all) if all.is_empty() => "none".to_owned(),
        Exports::Listed(all) => all.join(", "),
    };
    lines.push(row("exports", text));
}

/// What hangs when a server or a board goes.
fn held(rack: &Rack, holder: &Holder, hold: &Hold<'_>, lines: &mut Vec<Line>) {
    let name = match holder {
        Holder::NfsServer(server) => format!("NFS server {server}"),
        Holder::Board(node) => format!("Board {node}"),
    };
    heading(lines, name);
    if let (Holder::NfsServer(_), Some(board)) = (holder, holder.board(rack)) {
        let text =
            format!("it is board {board}: draining it stops no export, powering it off does");
        lines.push(toned("", text, Piece::Warn));
    }
    if let Holder::NfsServer(server) = holder {
        reached(rack, server, lines);
    }
    let unclaimed = match hold.unclaimed {
        0 => String::new(),
        count => format!(", {count} more without a claim"),
    };
    lines.push(row("claims", format!("{}{unclaimed}", hold.claims.len())));
    let text = match (holder, hold.pods.len()) {
        (_, 0) => "no pod uses them".to_owned(),
        (Holder::NfsServer(_), count) => format!("if it goes, {} hang", pods_word(count)),
        (Holder::Board(_), count) => format!("{} can run nowhere else", pods_word(count)),
    };
    lines.push(row("pods", text));
    for pod in hold.pods.iter().take(NAMED) {
        let node = pod
            .node
            .as_ref()
            .map_or_else(String::new, |it| format!(" on {it}"));
        lines.push(toned(
            "",
            format!("{}/{}{node}", pod.namespace, pod.name),
            Piece::Label,
        ));
    }
    if hold.pods.len() > NAMED {
        lines.push(toned(
            "",
            format!("and {} more", hold.pods.len() - NAMED),
            Piece::Label,
        ));
    }
}

/// Volumes that no claim is bound to.
fn kept(rack: &Rack, lines: &mut Vec<Line>) {
    let loose = |it: &&Volume| it.phase != VolumePhase::Bound;
    let volumes: Vec<&Volume> = rack.storage.volumes().filter(loose).collect();
    if volumes.is_empty() {
        return;
    }
    heading(lines, "Volumes without a claim");
    for volume in volumes {
        let capacity = volume.capacity.map_or_else(|| "?".to_owned(), size);
        let claim = volume
            .claim
            .as_ref()
            .map_or_else(String::new, |it| format!(", of {}", it.name));
        let text = format!(
            "{}{claim}, {capacity}, {}",
            volume_state(volume).1,
            place(volume)
        );
        lines.push(row(&format!("{} ", volume.name), text));
    }
}
