//! ssh's configuration: `ssh -G` and our own reading of the same files, side by side.

use std::fs;

use bramble::clients::ssh::Error;
use bramble::rack::ssh::resolved::{By, Resolved};

use super::bed::{Bed, destination, run, unwilling};
use super::sshd::is_there;

async fn resolve(config: &str, to: &str, is_own: bool) -> Resolved {
    let program = (!is_own).then(|| "/usr/bin/ssh".into());
    let bed = Bed::with(config, unwilling, program);
    let included = bed.dir.path().join(".ssh/conf.d");
    fs::create_dir(&included).unwrap();
    fs::write(
        included.join("a.conf"),
        "Host inc*\n User from-a\n Port 2201\n",
    )
    .unwrap();
    fs::write(
        included.join("b.conf"),
        "User from-b\nHost never\n User nobody\n",
    )
    .unwrap();
    fs::write(included.join(".hidden.conf"), "User hidden\n").unwrap();
    let mut resolved = bed.ssh.resolve(&destination(to)).await.unwrap();
    // The two beds differ in their directories.
    let here = bed.dir.path().display().to_string();
    let files = [
        &mut resolved.identity_files,
        &mut resolved.certificate_files,
        &mut resolved.known_hosts,
        &mut resolved.global_known_hosts,
    ];
    for file in files.into_iter().flatten() {
        // ssh takes the home of the account, we take the one we are told.
        *file = file.replace(&here, "DIR").replace("/root/", "DIR/");
    }
    resolved.proxy_command = resolved
        .proxy_command
        .map(|command| command.replace(&here, "DIR"));
    resolved.by = By::OpenSsh;
    resolved
}

#[test]
fn our_own_reading_agrees_with_ssh() {
    if !is_there() {
        return;
    }
    run(async {
        let mut wrong = Vec::new();
        for (config, hosts) in CASES {
            for to in *hosts {
                let (theirs, ours) = (
                    resolve(config, to, false).await,
                    resolve(config, to, true).await,
                );
                if theirs != ours {
                    let (theirs, ours) = (format!("{theirs:#?}"), format!("{ours:#?}"));
                    let differing = theirs.lines().zip(ours.lines()).filter(|(a, b)| a != b);
                    let differing: Vec<_> = differing.map(|(a, b)| format!("{a} | {b}")).collect();
                    wrong.push(format!("{config}--- {to}\n{}", differing.join("\n")));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    });
}

const CASES: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "rpi-01",
            "pi@rpi-01",
            "pi@rpi-01:2222",
            "10.0.0.5",
            "RPI-01",
            "fe80::1",
        ],
    ),
    // The first value wins, also over patterns further down.
    (
        "Host rpi-*\n User pi\n Port 2222\nHost *\n User root\n Port 22\n",
        &["rpi-01", "other", "root@rpi-01"],
    ),
    ("User first\nHost rpi\n User second\n", &["rpi"]),
    (
        "Host rpi rpi-?? !rpi-02\n User pi\n",
        &["rpi", "rpi-01", "rpi-02", "rpi-003", "RPI-01"],
    ),
    ("Host !rpi-02 *\n User pi\n", &["rpi-02", "x"]),
    ("Host !rpi-02\n User pi\n", &["rpi-02", "x"]),
    ("HostName %h.lan\nHost a\n HostName b\n", &["a", "x"]),
    ("Host a\n HostName %h.LAN\n Port=2222\n", &["a"]),
    ("Host a\n Port = 2222\n User\t=\tbob\n", &["a"]),
    ("Host a\n\tPort\t2222\n\tuser \"a b\"\n", &["a"]),
    ("host a\r\n PORT 2200 # c\r\n", &["a"]),
    ("Host \"a\" b\n User 'quoted'\n", &["a", "b"]),
    (
        "Host a\n IdentityFile ~/.ssh/%h_%r\n IdentityFile \"~/my keys/id\"\n IdentityFile none\n User u\n",
        &["a"],
    ),
    ("Host a\n IdentityFile none\n", &["a"]),
    (
        "Host a\n IdentityFile %d/x\n IdentityFile /k/%n/%p/%%\nHost *\n IdentityFile /k/all\n",
        &["a", "b", "a:77"],
    ),
    (
        "Host a\n CertificateFile ~/c-cert.pub\n CertificateFile /d-cert.pub\n",
        &["a"],
    ),
    ("Host a\n IdentitiesOnly yes\n IdentityAgent none\n", &["a"]),
    ("Host a\n ProxyJump b\n", &["a"]),
    (
        "Host a\n ProxyJump one@b:2200,c,[fe80::1]:77\nHost *\n ProxyJump z\n",
        &["a", "q"],
    ),
    (
        "Host a\n ProxyJump none\nHost *\n ProxyJump z\n",
        &["a", "q"],
    ),
    (
        "Host a\n ProxyCommand nc -x \"p q\" %h %p # no comment\nHost *\n ProxyJump z\n",
        &["a"],
    ),
    ("Host a\n ProxyCommand none\n", &["a"]),
    (
        "Host a\n UserKnownHostsFile ~/.ssh/known_hosts ~/k2\n GlobalKnownHostsFile /g1 /g2\n",
        &["a"],
    ),
    (
        "Host a\n UserKnownHostsFile ~/k_%h\n HostKeyAlias alias\n HashKnownHosts yes\n",
        &["a"],
    ),
    (
        "Host a\n StrictHostKeyChecking yes\nHost b\n StrictHostKeyChecking accept-new\n",
        &["a", "b", "c"],
    ),
    (
        "Host a\n StrictHostKeyChecking no\nHost b\n StrictHostKeyChecking off\nHost c\n StrictHostKeyChecking ask\n",
        &["a", "b", "c"],
    ),
    (
        "Host a\n ConnectTimeout 7\n ServerAliveInterval 1m\n ServerAliveCountMax 2\n BatchMode yes\n",
        &["a"],
    ),
    (
        "Host a\n PasswordAuthentication no\n KbdInteractiveAuthentication no\n",
        &["a"],
    ),
    (
        "Host a\n PubkeyAuthentication no\n ChallengeResponseAuthentication no\n",
        &["a"],
    ),
    (
        "Host a\n PreferredAuthentications password,publickey\n",
        &["a"],
    ),
    // Match.
    ("Match all\n User pi\n", &["a"]),
    (
        "Match host a,b\n User pi\nMatch host *.lan\n User lan\n",
        &["a", "b", "c", "x.lan"],
    ),
    ("Match host *,!b\n User pi\n", &["a", "b"]),
    ("Match !host a\n User pi\n", &["a", "b"]),
    (
        "Host a\n HostName real.lan\nMatch host real.lan\n User by-name\nMatch originalhost a\n Port 2222\n",
        &["a", "real.lan"],
    ),
    (
        "Match user pi\n Port 2222\nMatch user root\n Port 2223\n",
        &["pi@a", "root@a", "a"],
    ),
    (
        "User pi\nMatch user pi host a\n Port 2222\nMatch user pi !host a\n Port 2223\n",
        &["a", "b"],
    ),
    (
        "Match host=a\n User eq\nMatch host \"b\"\n User quoted\n",
        &["a", "b"],
    ),
    (
        "Match final all\n User last\nHost a\n User early\n",
        &["a", "b"],
    ),
    (
        "Host a\n HostName x.lan\nMatch final host x.lan\n User last\n",
        &["a", "b"],
    ),
    ("Match canonical all\n User canon\n", &["a"]),
    // Include.
    (
        "Include DIR/.ssh/conf.d/*.conf\nHost *\n Port 2299\n",
        &["inc-1", "never", "x"],
    ),
    ("Include DIR/.ssh/conf.d/a.conf\n", &["inc-1"]),
    (
        "Host inc-1\n Include DIR/.ssh/conf.d/*.conf\n",
        &["inc-1", "inc-2", "never"],
    ),
    (
        "Host other\n Include DIR/.ssh/conf.d/a.conf\n User in-other\nHost inc-1\n Port 3\n",
        &["inc-1", "other"],
    ),
    (
        "Include DIR/nowhere/*.conf DIR/.ssh/conf.d/b.conf\n",
        &["x"],
    ),
    ("# only a comment\n\n   \n", &["a"]),
];

#[test]
fn a_configuration_that_ssh_refuses_is_told_in_its_words() {
    if !is_there() {
        return;
    }
    run(async {
        let bed = Bed::new("Host a\n Prot 22\n", unwilling);
        let error = bed.ssh.resolve(&destination("a")).await.unwrap_err();
        let Error::Config { why, .. } = &error else {
            panic!("{error:?}")
        };
        assert!(
            why.contains("line 2") && why.to_lowercase().contains("prot"),
            "{why}"
        );

        let bed = Bed::new("Host a\n Port 99999\n", unwilling);
        assert!(matches!(
            bed.ssh.resolve(&destination("a")).await,
            Err(Error::Config { .. })
        ));
    });
}

#[test]
fn how_a_host_was_resolved_can_be_shown() {
    if !is_there() {
        return;
    }
    run(async {
        let bed = Bed::new(
            "Host a\n HostName 10.0.0.5\n User pi\n ProxyJump b\n",
            unwilling,
        );
        let lines = bed.ssh.resolve(&destination("a")).await.unwrap().lines();
        let line = |word: &str| {
            lines
                .iter()
                .find(|(it, _)| *it == word)
                .map(|(_, value)| value.as_str())
        };
        assert_eq!(line("connects to"), Some("10.0.0.5 port 22"));
        assert_eq!(line("as user"), Some("pi"));
        assert_eq!(line("through"), Some("b"));
        assert_eq!(line("resolved by"), Some("ssh -G"));
    });
}

#[test]
fn a_node_nobody_knows_by_name_is_reached_by_its_address() {
    if !is_there() {
        return;
    }
    run(async {
        let bed = Bed::new("Host known.invalid\n HostName 10.0.0.5\n", unwilling);
        let reach = async |name: &str| {
            let mut to = destination(name);
            to.or_address = Some("10.0.0.9".to_owned());
            bed.ssh.resolve(&to).await.unwrap().host_name
        };
        assert_eq!(reach("unknown.invalid").await, "10.0.0.9");
        assert_eq!(reach("known.invalid").await, "10.0.0.5");
        assert_eq!(reach("127.0.0.1").await, "127.0.0.1");
    });
}
