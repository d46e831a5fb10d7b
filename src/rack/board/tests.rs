//! Answers of old and new boards, cut off, hostile, and with tools missing.

use super::*;

const PI4: &str = "board 1
clock\t1795511126
model\tRaspberry Pi 4 Model B Rev 1.4
serial-number\t10000000abcdef01
arch\taarch64
kernel\t6.12.34+rpt-rpi-v8
host\trpi-02
boot\te73ac3ee-7792-441c-8753-d792296be53b
machine\t3d1219c7c4c5404aaa1f6d2a48adfda4
mac\tdc:a6:32:00:00:02
uptime\t3394.47 2673.10
load\t2.79 2.53 2.21 4/133 7042
memory\tMemTotal:        3884904 kB\tMemFree:          210811 kB\tMemAvailable:    2235380 kB
disk\t/\t61156264\t52181356\t6430000\t/
disk\t/var/lib/rancher\t61156264\t52181356\t6430000\t/
root\t/dev/mmcblk0p2 / ext4 rw,noatime 0 0
temperature\t63783\tcpu-thermal
throttled\t50005
undervoltage\t0
fan\t2100
pwm\t125
led\tACT\t0\t\t\tnone usb-gadget [mmc0] timer heartbeat default-on panic
led\tPWR\t255\t100\t120\tnone [timer] heartbeat
cgroup2\tcpuset cpu io memory pids
unit\tId=k3s.service
unit\tLoadState=not-found
unit\tActiveState=inactive
unit\tSubState=dead
unit\tNRestarts=0
unit\t
unit\tId=k3s-agent.service
unit\tLoadState=loaded
unit\tActiveState=activating
unit\tSubState=auto-restart
unit\tNRestarts=7
end
";

#[test]
fn a_board_says_what_it_is_and_how_it_is() {
    let board = parse(PI4).unwrap();
    assert_eq!(
        board.model.as_deref(),
        Some("Raspberry Pi 4 Model B Rev 1.4")
    );
    assert_eq!(board.temperature, Some(63.783));
    assert_eq!(
        (board.uptime, board.load),
        (Some(3_394), Some([2.79, 2.53, 2.21]))
    );
    assert_eq!(board.memory_available, Some(2_235_380 * 1_024));
    assert_eq!(board.least_free_percent(), Some(10));
    assert_eq!(board.is_root_read_only, Some(false));
    let throttle = board.throttle.unwrap();
    assert!(throttle.now.undervoltage && throttle.now.throttled && !throttle.now.capped);
    assert!(throttle.since_boot.undervoltage && throttle.since_boot.throttled);
    assert_eq!(
        board.fan,
        Some(Fan {
            rpm: Some(2_100),
            pwm: Some(125)
        })
    );
    assert_eq!(board.memory_cgroup, Some(true));
    assert_eq!(board.clock.unwrap().as_second(), 1_795_511_126);
    let agent = Unit {
        active: "activating".into(),
        sub: "auto-restart".into(),
        restarts: 7,
    };
    assert_eq!(board.unit(), Some(("k3s-agent", &agent)));
    assert_eq!(board.units.len(), 1, "a unit that is not installed is none");
    let [act, pwr] = board.leds.as_slice() else {
        panic!("{:?}", board.leds)
    };
    assert_eq!(
        (act.trigger.as_deref(), act.is_lit, act.delays),
        (Some("mmc0"), Some(false), None)
    );
    assert!(act.can_blink());
    assert_eq!(
        (pwr.trigger.as_deref(), pwr.delays),
        (Some("timer"), Some((100, 120)))
    );
}

#[test]
fn an_answer_that_is_cut_off_is_none_and_a_greeting_before_it_is_left_out() {
    for end in 1..PI4.len() {
        let (head, _) = PI4.split_at(end);
        let whole = head.ends_with("end") || head.ends_with("end\n");
        assert_eq!(parse(head).is_ok(), whole, "{end}");
    }
    assert_eq!(parse(""), Err(Unreadable::NotAnAnswer));
    assert_eq!(
        parse("bash: sh: command not found"),
        Err(Unreadable::NotAnAnswer)
    );
    assert_eq!(parse("board 1\narch\tx"), Err(Unreadable::CutOff));
    let greeted = format!("Welcome!\nhost\tevil\n{PI4}");
    assert_eq!(parse(&greeted), parse(PI4));
}

#[test]
fn what_makes_no_sense_is_not_known_and_the_rest_counts() {
    let check = |line: &str| parse(&format!("board 1\n{line}\nend\n")).unwrap();
    let nothing = check("");
    for line in [
        "temperature\tNaN\tx",
        "temperature\t-273000\tx",
        "temperature\t999999999\tx",
        "temperature\t",
        "throttled\tzz",
        "throttled\t",
        "uptime\t-4",
        "load\t1 2",
        "load\tinf nan 1",
        "memory\tMemTotal: 99999999999999999999 kB",
        "disk\t/\tx\ty\tz",
        "disk\t/",
        "led\t",
        "clock\t9999999999999999",
        "clock\t",
        "model\t   ",
        "unit\tActiveState=active",
        "unit\t=",
        "journal\tno tab",
        "something\tnew",
        "\t",
    ] {
        assert_eq!(check(line), nothing, "{line:?}");
    }
    let odd = check("model\t\u{1b}]0;owned\u{7}");
    assert!(odd.model.is_some(), "cleaning is the view's business");
    assert!(!check("no-systemd").has_systemd);
}

#[test]
fn the_same_facts_are_read_from_older_and_smaller_systems() {
    let check = |line: &str| parse(&format!("board 1\n{line}\nend\n")).unwrap();
    assert_eq!(
        check("temperature\ttemp=51.0'C\tvcgencmd").temperature,
        Some(51.0)
    );
    let bits = |text: &str| check(text).throttle.map(Throttle::word);
    for (line, word) in [
        ("throttled\t0", "ok"),
        ("throttled\tthrottled=0x0", "ok"),
        ("throttled\tthrottled=0x50005", "low"),
        ("throttled\t50000", "dips"),
        ("throttled\t80008", "slow"),
        ("throttled\t2", "slow"),
        ("undervoltage\t1", "low"),
        ("undervoltage\t0", "ok"),
    ] {
        assert_eq!(bits(line), Some(word), "{line}");
    }
    for (line, expected) in [
        ("cgroup2\tcpuset cpu io pids", Some(false)),
        ("cgroup2\tcpuset memory_other", Some(false)),
        ("cgroup1\tmemory\t4\t15\t1", Some(true)),
        ("cgroup1\tmemory\t0\t1\t0", Some(false)),
        ("cgroup1\t", Some(false)),
    ] {
        assert_eq!(check(line).memory_cgroup, expected, "{line}");
    }
    let old = check("led\tled0\t1\t\t\tnone rc-feedback [mmc0]");
    assert_eq!(
        (old.leds[0].name.as_ref(), old.leds[0].can_blink()),
        ("led0", false)
    );
    let worn = check("root\t/dev/mmcblk0p2 / ext4 ro,noatime 0 0");
    assert_eq!(worn.is_root_read_only, Some(true));
    let errors = check("root\t/dev/mmcblk0p2 / ext4 rw,errors=remount-ro 0 0");
    assert_eq!(errors.is_root_read_only, Some(false));
}

#[test]
fn the_last_lines_of_each_unit_are_kept_in_their_order() {
    let text = "board 1\nlistens\t6443\njournal\tk3s\tone\njournal\tk3s\ttwo\ttabs\nend\n";
    let board = parse(text).unwrap();
    assert!(board.listens_on_6443);
    let lines: Vec<&str> = board.journal.iter().map(|(_, line)| &**line).collect();
    assert_eq!(lines, ["one", "two\ttabs"]);
}
