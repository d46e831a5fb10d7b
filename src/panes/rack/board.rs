//! What a board says of itself over SSH, in words: the cells of its row, its section on the page, its tray.

use crate::panes::listing::Tone;
use crate::panes::page::{LABEL, Line, Piece, heading, row, toned};
use crate::rack::Rack;
use crate::rack::board::outage::Outage;
use crate::rack::board::state::Board;
use crate::rack::board::{BoardLed, Reading};
use crate::rack::node::Node;
use crate::rack::time::short;
use crate::theme::roles::Theme;
use crate::ui::strip::sparkline;
use crate::ui::tray::Light;

/// Degrees at which a sparkline is full, and at which boards slow down.
const TOP: f64 = 85.0;

fn fresh<'a>(rack: &'a Rack, node: &Node) -> Option<&'a Reading> {
    rack.boards.get(&node.name)?.fresh(rack.now)
}

/// `51°C`; nothing when the board is not asked or does not answer.
pub(super) fn temperature(rack: &Rack, node: &Node) -> (String, Tone) {
    let Some(degrees) = fresh(rack, node).and_then(|reading| reading.temperature) else {
        return (String::new(), Tone::Muted);
    };
    let tone = match degrees {
        80.0.. => Tone::Bad,
        70.0.. => Tone::Warn,
        _ => Tone::Plain,
    };
    (format!("{degrees:.0}°C"), tone)
}

/// `ok`, `low`, `slow`, `was low`.
pub(super) fn power(rack: &Rack, node: &Node) -> (&'static str, Tone) {
    let Some(throttle) = fresh(rack, node).and_then(|reading| reading.throttle) else {
        return ("", Tone::Muted);
    };
    let word = throttle.word();
    let tone = match word {
        "low" => Tone::Bad,
        "slow" => Tone::Warn,
        "ok" => Tone::Plain,
        _ => Tone::Muted,
    };
    (word, tone)
}

/// Sorts the hottest first.
pub(super) fn heat(rack: &Rack, node: &Node) -> Option<u64> {
    let degrees = fresh(rack, node)?.temperature?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between -40 and 125, and lifted above zero"
    )]
    let tenths = ((degrees + 100.0) * 10.0) as u64;
    Some(tenths)
}

/// The light of the board's own activity.
pub(super) fn activity(rack: &Rack, node: &Node, theme: &Theme) -> Light {
    let led = fresh(rack, node).and_then(|reading| activity_led(reading));
    let (sign, style) = match led.map(|led| (led.trigger.as_deref(), led.is_lit)) {
        // A blinking light is lit half of the time: what was read is chance.
        Some((Some("timer"), _)) => (theme.symbols.led_pulse, theme.led_late),
        Some((_, Some(true))) => (theme.symbols.led_ok, theme.led_ok),
        Some((_, Some(false))) => (theme.symbols.led_off, theme.led_unknown),
        _ => (theme.symbols.led_unknown, theme.led_unknown),
    };
    Light {
        sign,
        style,
        label: "act",
    }
}

/// The line under a row while the API is not heard: what the board itself says, over SSH.
pub(super) fn outage(rack: &Rack, node: &Node) -> Option<(String, Tone)> {
    if !rack.link.is_stale() {
        return None;
    }
    let board = rack.boards.get(&node.name)?;
    let Some(reading) = board.fresh(rack.now) else {
        let failure = board.failure.as_ref()?;
        return Some((failure.what.clone(), Tone::Muted));
    };
    let outage = Outage::of(reading);
    let tone = if outage.is_suspect() {
        Tone::Bad
    } else {
        Tone::Muted
    };
    Some((outage.line(), tone))
}

fn activity_led(reading: &Reading) -> Option<&BoardLed> {
    let is_activity = |led: &&BoardLed| matches!(&*led.name, "ACT" | "led0");
    reading.leds.iter().find(is_activity)
}

/// The last temperatures as a little picture of `cells`.
pub(super) fn temperatures(board: &Board, cells: usize, theme: &Theme) -> String {
    let values: Vec<Option<f64>> = board
        .temperatures
        .iter()
        .map(|it| Some(f64::from(*it)))
        .collect();
    sparkline(&values, TOP, cells, &theme.symbols)
}

/// The section of the page.
pub(super) fn section(rack: &Rack, node: &Node, lines: &mut Vec<Line>) {
    heading(lines, "Board over SSH");
    let Some(board) = rack.boards.get(&node.name) else {
        let text = "not asked: no SSH host is set for this node; hosts in config.toml does";
        lines.push(toned("", text, Piece::Label));
        return;
    };
    if let Some(failure) = &board.failure {
        lines.push(toned(
            "answers",
            format!("no: {}", failure.what),
            Piece::Warn,
        ));
        for text in [&failure.why, &failure.next] {
            if !text.is_empty() {
                lines.push(vec![(format!("{:LABEL$}{text}", ""), Piece::Label)]);
            }
        }
    }
    let Some(reading) = &board.reading else {
        if board.failure.is_none() {
            lines.push(toned("answers", "not yet", Piece::Label));
        }
        return;
    };
    if let Some(at) = board.at {
        lines.push(row("asked", format!("{} ago", short(rack.now.since(at)))));
    }
    hardware(reading, lines);
    health(board, reading, lines);
    for led in &reading.leds {
        lines.push(row(&format!("LED {}", led.name), light_words(led)));
    }
    units(reading, lines);
    cause(reading, lines);
}

fn hardware(reading: &Reading, lines: &mut Vec<Line>) {
    if let Some(model) = &reading.model {
        lines.push(row("model", &**model));
    }
    let system = [reading.kernel.as_deref(), reading.architecture.as_deref()];
    let system: Vec<&str> = system.into_iter().flatten().collect();
    if !system.is_empty() {
        lines.push(row("kernel", system.join(", ")));
    }
    if let Some(serial) = &reading.serial {
        lines.push(row("serial", &**serial));
    }
    if let Some(uptime) = reading.uptime {
        let boot = reading.boot_id.as_deref().unwrap_or("?");
        let up = short(std::time::Duration::from_secs(uptime));
        lines.push(row("up", up));
        lines.push(row("boot", boot));
    }
}

fn health(board: &Board, reading: &Reading, lines: &mut Vec<Line>) {
    if let Some(degrees) = reading.temperature {
        let piece = if degrees >= 80.0 {
            Piece::Bad
        } else {
            Piece::Plain
        };
        let range = range(board).unwrap_or_default();
        lines.push(toned(
            "temperature",
            format!("{degrees:.1} C{range}"),
            piece,
        ));
    }
    if let Some(throttle) = reading.throttle {
        let (now, since) = (limits(throttle.now), limits(throttle.since_boot));
        let piece = if now.is_empty() {
            Piece::Plain
        } else {
            Piece::Bad
        };
        let or_nothing = |words: String| {
            if words.is_empty() {
                "nothing".to_owned()
            } else {
                words
            }
        };
        lines.push(toned("limits now", or_nothing(now), piece));
        lines.push(row("since boot", or_nothing(since)));
    }
    if let Some(fan) = reading.fan {
        let known = |value: Option<u32>| value.map_or("?".to_owned(), |it| it.to_string());
        lines.push(row(
            "fan",
            format!("{} rpm, {} of 255", known(fan.rpm), known(fan.pwm)),
        ));
    }
    if let Some([one, five, fifteen]) = reading.load {
        lines.push(row("load", format!("{one:.2} {five:.2} {fifteen:.2}")));
    }
    if let (Some(total), Some(free)) = (reading.memory_total, reading.memory_available) {
        lines.push(row(
            "memory",
            format!("{} free of {}", mebibytes(free), mebibytes(total)),
        ));
    }
    for disk in &reading.disks {
        let text = format!(
            "{} free of {} on {}",
            mebibytes(disk.free),
            mebibytes(disk.size),
            disk.mount
        );
        lines.push(row("disk", text));
    }
    if let Some(ahead) = board.clock_ahead.filter(|it| it.abs() > 2) {
        let side = if ahead > 0 { "ahead of" } else { "behind" };
        lines.push(toned(
            "clock",
            format!("{}s {side} ours", ahead.abs()),
            Piece::Warn,
        ));
    }
    if reading.memory_cgroup == Some(false) {
        lines.push(toned("cgroup", "no memory controller", Piece::Bad));
    }
}

/// Known only while the API is down, when it is looked for.
fn cause(reading: &Reading, lines: &mut Vec<Line>) {
    let outage = Outage::of(reading);
    match outage.is_serving {
        Some(true) => lines.push(row("port 6443", "open")),
        Some(false) => lines.push(toned(
            "port 6443",
            "closed: nothing serves the API",
            Piece::Bad,
        )),
        None => {}
    }
    if let Some(cause) = outage.cause {
        lines.push(toned("last cause", cause, Piece::Bad));
    }
}

fn units(reading: &Reading, lines: &mut Vec<Line>) {
    if !reading.has_systemd {
        lines.push(toned("k3s", "? this board has no systemd", Piece::Warn));
    }
    for (name, unit) in &reading.units {
        let piece = if &*unit.active == "active" {
            Piece::Good
        } else {
            Piece::Bad
        };
        let text = format!(
            "{} ({}), restarted {} times",
            unit.active, unit.sub, unit.restarts
        );
        lines.push(toned(name, text, piece));
    }
}

fn range(board: &Board) -> Option<String> {
    let low = board.temperatures.iter().copied().reduce(f32::min)?;
    let high = board.temperatures.iter().copied().reduce(f32::max)?;
    (board.temperatures.len() > 1).then(|| format!(", {low:.0} to {high:.0} lately"))
}

fn limits(limits: crate::rack::board::Limits) -> String {
    let words = [
        (limits.undervoltage, "under-voltage"),
        (limits.capped, "frequency capped"),
        (limits.throttled, "throttled"),
        (limits.soft_temperature, "soft temperature limit"),
    ];
    let words: Vec<&str> = words
        .into_iter()
        .filter(|(is_so, _)| *is_so)
        .map(|(_, word)| word)
        .collect();
    words.join(", ")
}

fn light_words(led: &BoardLed) -> String {
    let lit = match led.is_lit {
        Some(true) => "lit",
        Some(false) => "dark",
        None => "?",
    };
    match (led.trigger.as_deref(), led.delays) {
        (Some("timer"), Some((on, off))) => format!("blinks, {on}/{off} ms"),
        (Some("timer"), None) => "blinks".to_owned(),
        (Some("heartbeat"), _) => "beats".to_owned(),
        (Some("none"), _) => lit.to_owned(),
        (Some(trigger), _) => format!("{lit} now, driven by {trigger}"),
        (None, _) => format!("{lit} now"),
    }
}

fn mebibytes(bytes: u64) -> String {
    match bytes >> 20 {
        mebibytes @ 10_240.. => format!("{}Gi", mebibytes >> 10),
        mebibytes => format!("{mebibytes}Mi"),
    }
}
