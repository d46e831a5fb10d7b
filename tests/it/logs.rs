//! Screens of the log viewer at the sizes the design names, made of lines that are always the same.

use bramble::app::{Model, update};
use bramble::msg::Msg;
use bramble::rack::log::feed::{FeedId, FeedNews, Opening};
use bramble::rack::log::{LogLine, SourceId, SourceState, query};
use insta::assert_snapshot;
use jiff::Timestamp;
use ratatui::layout::Size;

use crate::fixtures::{at, office};
use crate::screens::{draw, press, text};

/// What two pods of a shop write in the two minutes before now.
const WRITTEN: [(u16, u64, &str); 12] = [
    (0, 2, "listening on :8443"),
    (1, 3, "listening on :8443"),
    (
        0,
        20,
        r#"{"level":"info","msg":"order taken","order":4711,"ms":12}"#,
    ),
    (
        1,
        31,
        r#"level=warn msg="slow answer of the database" ms=1830"#,
    ),
    (0, 31, "GET /cart 200 18 ms"),
    (
        1,
        45,
        "\x1b[31mERROR\x1b[0m connection to shop-db:5432 refused",
    ),
    (1, 45, "  retrying in 2s"),
    (
        0,
        46,
        "\x1b[31mERROR\x1b[0m connection to shop-db:5432 refused",
    ),
    (0, 60, "download  10%\rdownload  55%\rdownload 100%"),
    (
        1,
        61,
        "größer 漢字 🍓 \x1b[2J\x1b]0;owned\x07 what a terminal would obey is shown instead, and this line is so long that it does not fit",
    ),
    (0, 90, "panic: everything is lost"),
    (
        0,
        91,
        r#"{"level":"error","msg":"order lost","order":4712}"#,
    ),
];

fn viewer(size: Size) -> Model {
    let mut model = office(size, "terminal");
    let logs = query::parse("deploy/shop -n web", "office", Timestamp::UNIX_EPOCH).unwrap();
    update(
        &mut model,
        Msg::OpenLogs(Opening::pods("deploy/shop -n web", logs)),
    );
    let tell = |model: &mut Model, news| {
        let feed = FeedId(1);
        update(model, Msg::Feed { feed, news });
    };
    for (number, name) in [(0, "shop-6f9-x2x4z"), (1, "shop-6f9-b7k2p")] {
        let source = SourceId(number);
        let (long, short) = (format!("web/{name} (shop)"), name[9..].to_owned());
        let found = FeedNews::Source {
            source,
            name: long,
            short: format!("shop-{short}"),
        };
        tell(&mut model, found);
        tell(&mut model, FeedNews::State(source, SourceState::Reading));
    }
    let line = |(source, second, text): &(u16, u64, &str)| LogLine {
        source: SourceId(*source),
        time: Some(at(*second).wall),
        text: text.as_bytes().into(),
        cut: 0,
    };
    let lines = WRITTEN.iter().map(line).collect();
    tell(&mut model, FeedNews::Lines(lines));
    let ended = SourceState::Ended("Error, exit code 2".to_owned());
    tell(&mut model, FeedNews::State(SourceId(0), ended));
    tell(&mut model, FeedNews::Lost(SourceId(1), 3));
    model
}

#[test]
fn the_viewer_at_three_sizes() {
    assert_snapshot!("logs-80x24", text(&viewer(Size::new(80, 24))));
    assert_snapshot!("logs-60x20", text(&viewer(Size::new(60, 20))));
    assert_snapshot!("logs-160x48", text(&viewer(Size::new(160, 48))));
}

#[test]
fn what_is_looked_for_and_where_lines_come_from() {
    let mut model = viewer(Size::new(80, 24));
    // Wrapped, with times, and only what is wrong with two lines around it.
    press(&mut model, "w t ! C");
    assert_snapshot!("logs-faults", text(&model));
    let mut model = viewer(Size::new(80, 24));
    press(&mut model, "s");
    assert_snapshot!("logs-sources", text(&model));
}

/// Xorshift: the same bytes in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % bound
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// What programs write, and what nobody should.
const PIECES: [&[u8]; 28] = [
    b"\x1b[",
    b"\x1b]",
    b"\x1b",
    b"31m",
    b"38;5;196m",
    b"38;2;1;2;3m",
    b"0m",
    b"2J",
    b"999;",
    b"m",
    b"\x07",
    b"\r",
    b"\t",
    b"\x00",
    b"\x7f",
    b"\x9b",
    b"\xc2\x9b2J",
    b"\xff\xfe",
    b"text",
    " größer ".as_bytes(),
    "漢字".as_bytes(),
    "e\u{301}\u{302}\u{303}".as_bytes(),
    "👩\u{200d}👩\u{200d}👧".as_bytes(),
    "\u{202e}\u{2066}".as_bytes(),
    b"{\"level\":\"error\",\"msg\":\"",
    b"\"}",
    b"msg=\"a\" level=",
    b"\x1b\\",
];

#[test]
fn nothing_but_printable_cells_reaches_the_screen() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for _ in 0..150 {
        let sizes = [Size::new(60, 20), Size::new(80, 24), Size::new(41, 12)];
        let mut model = viewer(*random.pick(&sizes));
        let line = |random: &mut Random| {
            let count = random.below(40);
            let text: Vec<u8> = (0..count)
                .flat_map(|_| random.pick(&PIECES).to_vec())
                .collect();
            LogLine {
                source: SourceId(u16::try_from(random.below(2)).unwrap()),
                time: Some(at(100).wall),
                text: text.into(),
                cut: u32::try_from(random.below(2)).unwrap(),
            }
        };
        let lines = (0..30).map(|_| line(&mut random)).collect();
        let (feed, news) = (FeedId(1), FeedNews::Lines(lines));
        update(&mut model, Msg::Feed { feed, news });
        for _ in 0..random.below(6) {
            let key: &&str = random.pick(&["w", "J", "t", "k", "enter", "s", "!"]);
            press(&mut model, key);
        }
        let buf = draw(&model);
        for y in 0..buf.area.height {
            for x in 0..buf.area.width {
                let symbol = buf[(x, y)].symbol();
                let is_safe = |c: char| {
                    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
                    !c.is_control() && !turns
                };
                assert!(symbol.chars().all(is_safe), "{symbol:?} at {x}, {y}");
                let width = unicode_width::UnicodeWidthStr::width(symbol);
                assert!(width <= 2, "{symbol:?} at {x}, {y} is {width} wide");
            }
        }
    }
}
