//! Verdicts without a server. The whole matrix, with OpenSSH's own word beside ours, is in `tests/real/ssh`.

use super::*;

const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIB/3kOSfmc4dd2ZtEmu1MwC72EQjRhto+GWEGaIHu13K";
const OTHER: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIL2f0WtNAc/SoJgpDz8FzgsK7Ww34erukzTfSC41Wsia";

fn key(base64: &str) -> HostKey {
    HostKey::from_base64(base64).unwrap()
}

fn known(text: &str) -> KnownHosts {
    let text = text
        .replace("KEY", &format!("ssh-ed25519 {KEY}"))
        .replace("OTHER", &format!("ssh-ed25519 {OTHER}"));
    KnownHosts::read([(PathBuf::from("known_hosts"), text)])
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Known(_) => "known",
        Verdict::New { .. } => "new",
        Verdict::Changed { .. } => "changed",
        Verdict::Revoked { .. } => "revoked",
    }
}

fn check(text: &str, expected: &str) {
    let names = Names::new("rpi-01", 2222, None);
    let verdict = known(text).verdict(&names, &Offered::Key(key(KEY)), 0);
    assert_eq!(word(&verdict), expected, "{text}");
}

#[test]
fn every_kind_of_line_decides_as_it_should() {
    check("[rpi-01]:2222 KEY", "known");
    check("[RPI-01]:2222\tKEY c", "known");
    check("rpi-01 KEY", "known");
    check("", "new");
    check("rpi-01 OTHER", "new");
    check("[rpi-01]:2222 OTHER", "changed");
    check("[rpi-01]:2222 OTHER\n[rpi-01]:2222 KEY", "known");
    check("[rpi-*]:*,![rpi-01]:* KEY", "new");
    check("@revoked * KEY\n[rpi-01]:2222 KEY", "revoked");
    check("@revoked\t* KEY\n[rpi-01]:2222 KEY", "revoked");
    check("@cert-authority * KEY", "new");
}

#[test]
fn a_verdict_names_file_and_line_with_comments_counted() {
    let names = Names::new("rpi-01", 22, None);
    let verdict = known("# one\n\nrpi-01 OTHER\n").verdict(&names, &Offered::Key(key(KEY)), 0);
    let Verdict::Changed { old, .. } = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(
        (old[0].line, old[0].file.to_str()),
        (3, Some("known_hosts"))
    );
}

fn certificate() -> Certificate {
    Certificate {
        key: key(KEY),
        authority: key(OTHER),
        is_signed: true,
        is_for_host: true,
        principals: vec!["rpi-01".to_owned()],
        valid_after: 100,
        valid_before: 200,
        critical_options: Vec::new(),
    }
}

#[test]
fn a_certificate_counts_only_when_everything_about_it_is_right() {
    let judge = |change: fn(&mut Certificate), now: i64| {
        let mut certificate = certificate();
        change(&mut certificate);
        let offered = Offered::Certificate(Box::new(certificate));
        let verdict = known("@cert-authority * OTHER").verdict(
            &Names::new("rpi-01", 22, None),
            &offered,
            now,
        );
        word(&verdict)
    };
    assert_eq!(judge(|_| {}, 100), "known");
    assert_eq!(judge(|_| {}, 199), "known");
    assert_eq!(judge(|_| {}, 99), "new");
    assert_eq!(judge(|_| {}, 200), "new");
    assert_eq!(judge(|_| {}, -1), "new");
    assert_eq!(judge(|it| it.is_signed = false, 150), "new");
    assert_eq!(judge(|it| it.is_for_host = false, 150), "new");
    assert_eq!(
        judge(|it| it.principals = vec!["rpi-02".to_owned()], 150),
        "new"
    );
    assert_eq!(judge(|it| it.principals.clear(), 150), "new");
    assert_eq!(
        judge(|it| it.critical_options = vec!["x".to_owned()], 150),
        "new"
    );
    assert_eq!(judge(|it| it.authority = key(KEY), 150), "new");
}

#[test]
fn keys_that_could_not_be_written_count_all_the_same() {
    let mut known = KnownHosts::default();
    let names = Names::new("rpi-01", 22, None);
    known.add("rpi-01", &key(OTHER));
    assert_eq!(
        word(&known.verdict(&names, &Offered::Key(key(OTHER)), 0)),
        "known"
    );
    assert_eq!(
        word(&known.verdict(&names, &Offered::Key(key(KEY)), 0)),
        "changed"
    );
}

#[test]
fn known_types_are_asked_for_first() {
    let names = Names::new("rpi-01", 22, None);
    assert_eq!(
        known("rpi-01 KEY\n").known_types(&names),
        (vec!["ssh-ed25519".to_owned()], false)
    );
    assert_eq!(
        known("@cert-authority * KEY\n").known_types(&names),
        (Vec::new(), true)
    );
    assert_eq!(
        known("rpi-02 KEY\n").known_types(&names),
        (Vec::new(), false)
    );
}
