//! The way to a board: jump hosts, commands as proxies, shared and lost connections, limits of the server.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use bramble::clients::ssh::{Command, Error};
use bramble::rack::ssh::Question;

use super::bed::{Bed, destination, run, unwilling, willing};
use super::sshd::{Sshd, is_there};

fn hello() -> Command {
    Command::script("echo in")
}

#[test]
fn two_jump_hosts_lead_to_a_board_and_are_shared() {
    if !is_there() {
        return;
    }
    run(async {
        let (mut board, one, mut two) = (Sshd::start(&[]), Sshd::start(&[]), Sshd::start(&[]));
        // board-2 and board-3 are the jump hosts; the aliases are ssh's, also on the way.
        let config = "Host board\n ProxyJump board-2,pi@board-3\nHost twin\n HostName 127.0.0.1\n User pi\n \
                      HostKeyAlias twin\n ProxyJump board-2,pi@board-3\n IdentityFile KEY(user)\n";
        let config = format!(
            "{config} Port {}\nHost board*\n IdentityFile KEY(user)\n",
            board.port
        );
        let bed = Bed::for_boards(&[&board, &one, &two], &config, willing);
        let known = format!("twin {}\n", super::sshd::public("host-ed25519"));
        bed.write_known_hosts(&(bed.known_hosts() + &known));
        let (command, twin) = (hello(), hello());
        let (first, second) = tokio::join!(bed.run("board", &command), bed.run("twin", &twin));
        assert_eq!(
            (
                first.unwrap().text().as_str(),
                second.unwrap().text().as_str()
            ),
            ("in\n", "in\n")
        );
        assert_eq!(bed.questions(), []);
        let logins = |said: Vec<String>| {
            said.iter()
                .filter(|line| line.contains("Accepted publickey"))
                .count()
        };
        assert_eq!(logins(one.said()), 1, "one connection to the first hop");
        assert_eq!(logins(two.said()), 1, "one connection to the second hop");
        assert_eq!(logins(board.said()), 2);

        // A hop that is gone is the one that is named.
        two.stop();
        board.cut_sessions();
        let error = loop {
            bed.ssh.retry(&destination("board"));
            if let Err(error) = bed.run("board", &hello()).await
                && matches!(error, Error::Hop { .. })
            {
                break error;
            }
        };
        let problem = error.problem(bramble::rack::problem::Subject::Program);
        assert!(problem.what.contains("board-3"), "{problem:?}");
        board.stop();
    });
}

#[test]
fn an_unknown_jump_host_is_asked_about_too() {
    if !is_there() {
        return;
    }
    run(async {
        let (board, hop) = (Sshd::start(&[]), Sshd::start(&[]));
        let bed = Bed::for_boards(&[&board, &hop], "Host board\n ProxyJump board-2\n", willing);
        bed.write_known_hosts("");
        assert_eq!(bed.says("echo in").await, "in\n");
        let asked: Vec<_> = bed
            .questions()
            .into_iter()
            .map(|question| match question {
                Question::NewHostKey { name, through, .. } => (name, through),
                other => panic!("{other:?}"),
            })
            .collect();
        let name = |server: &Sshd| format!("[127.0.0.1]:{}", server.port);
        assert_eq!(
            asked,
            [
                (name(&hop), vec![]),
                (name(&board), vec!["board-2".to_owned()])
            ]
        );
    });
}

#[test]
fn jump_hosts_in_a_circle_are_told() {
    if !is_there() {
        return;
    }
    run(async {
        let config = "Host a\n ProxyJump b\nHost b\n ProxyJump c\nHost c\n ProxyJump b\n";
        let bed = Bed::new(config, unwilling);
        let error = bed.ssh.run(&destination("a"), &hello()).await.unwrap_err();
        assert!(error.to_string().contains("in a circle"), "{error}");
    });
}

#[test]
fn a_proxy_command_is_a_way_too() {
    if !is_there() {
        return;
    }
    run(async {
        let (board, hop) = (Sshd::start(&[]), Sshd::start(&[]));
        let config = "Host board\n ProxyCommand ssh -F DIR/config -W %h:%p board-2\n";
        let bed = Bed::for_boards(&[&board, &hop], config, unwilling);
        assert_eq!(bed.says("echo in").await, "in\n");
        let bed = Bed::for_boards(&[&board], "Host board\n ProxyCommand false\n", unwilling);
        let error = bed.run("board", &hello()).await.unwrap_err();
        assert!(matches!(error, Error::Handshake { .. }), "{error:?}");
    });
}

#[test]
fn everybody_shares_one_connection_to_a_board() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&[]);
        let bed = Bed::for_boards(&[&server], "", unwilling);
        let commands: Vec<_> = (0..12)
            .map(|number| Command::script(format!("echo {number}")))
            .collect();
        let outputs =
            futures::future::join_all(commands.iter().map(|it| bed.run("board", it))).await;
        for (number, output) in outputs.into_iter().enumerate() {
            assert_eq!(output.unwrap().text(), format!("{number}\n"));
        }
        let logins = server
            .said()
            .iter()
            .filter(|line| line.contains("Accepted publickey"))
            .count();
        assert_eq!(logins, 1);
    });
}

#[test]
fn a_server_that_allows_one_session_is_used_one_at_a_time() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&["MaxSessions 1"]);
        let bed = Bed::for_boards(&[&server], "", unwilling);
        let commands: Vec<_> = (0..6)
            .map(|number| Command::script(format!("echo {number}")))
            .collect();
        let outputs =
            futures::future::join_all(commands.iter().map(|it| bed.run("board", it))).await;
        assert!(
            outputs.iter().all(|output| output
                .as_ref()
                .is_ok_and(bramble::clients::ssh::Output::is_success)),
            "{outputs:?}"
        );
    });
}

#[test]
fn a_server_without_sessions_or_shell_says_so() {
    if !is_there() {
        return;
    }
    run(async {
        let server = Sshd::start(&["MaxSessions 0"]);
        let bed = Bed::for_boards(&[&server], "", unwilling);
        let error = bed.run("board", &hello()).await.unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    });
}

#[test]
fn many_boards_behind_few_startups_all_come_through() {
    if !is_there() {
        return;
    }
    run(async {
        // The default of sshd: from ten on, some are dropped.
        let server = Sshd::start(&["MaxStartups 10:30:100"]);
        let mut config = String::new();
        for number in 0..50 {
            config += &[
                "Host many-",
                &number.to_string(),
                "\n HostName 127.0.0.1\n User pi\n Port ",
            ]
            .concat();
            config += &[&server.port.to_string(), "\n IdentityFile KEY(user)\n"].concat();
        }
        config += "Host board\n IdentityFile KEY(user)\n";
        let bed = Bed::for_boards(&[&server], &config, unwilling);
        let one = Instant::now();
        bed.run("board", &hello()).await.unwrap();
        let one = one.elapsed();
        let names: Vec<String> = (0..50).map(|number| format!("many-{number}")).collect();
        let command = hello();
        let many = Instant::now();
        let outputs =
            futures::future::join_all(names.iter().map(|name| bed.run(name, &command))).await;
        eprintln!("one connection {one:?}, fifty at once {:?}", many.elapsed());
        for output in outputs {
            assert_eq!(output.unwrap().text(), "in\n");
        }
        let again = Instant::now();
        futures::future::join_all(names.iter().map(|name| bed.run(name, &command))).await;
        eprintln!(
            "fifty commands on standing connections {:?}",
            again.elapsed()
        );
    });
}

#[test]
fn a_connection_cut_in_the_middle_is_noticed_and_comes_back() {
    if !is_there() {
        return;
    }
    run(async {
        let mut server = Sshd::start(&[]);
        let bed = Bed::for_boards(&[&server], "", unwilling);
        assert_eq!(bed.says("echo in").await, "in\n");
        let slow = Command::script("echo begun; sleep 60");
        let (error, ()) = tokio::join!(bed.run("board", &slow), async {
            while !begun(&bed).await {}
            server.stop();
        });
        let error = error.unwrap_err();
        assert!(matches!(error, Error::Lost { .. }), "{error:?}");
        // While it is down it fails at once, and the pause is kept.
        let refused = loop {
            match bed.run("board", &hello()).await {
                Err(error @ Error::Unreachable { .. }) => break error,
                Err(_) => bed.ssh.retry(&destination("board")),
                Ok(output) => panic!("{output:?}"),
            }
        };
        assert!(refused.to_string().contains("refused"), "{refused}");
        server.restart();
        let end = Instant::now() + Duration::from_secs(20);
        while bed.run("board", &hello()).await.is_err() {
            assert!(Instant::now() < end, "it never came back by itself");
            tokio::task::yield_now().await;
        }
    });
}

/// Whether the slow command of the test runs; asked over the same connection.
async fn begun(bed: &Bed) -> bool {
    let running = bed
        .run(
            "board",
            &Command::script("pgrep -f 'sleep 60' >/dev/null && echo yes"),
        )
        .await;
    running.is_ok_and(|output| output.text() == "yes\n")
}

#[test]
fn silence_has_an_end() {
    if !is_there() {
        return;
    }
    run(async {
        // Accepts and says nothing.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let config = format!(
            "Host mute\n HostName 127.0.0.1\n Port {}\n ConnectTimeout 1\n",
            listener.local_addr().unwrap().port()
        );
        let bed = Bed::new(&config, unwilling);
        let begun = Instant::now();
        let error = bed.run("mute", &hello()).await.unwrap_err();
        assert!(
            matches!(
                error,
                Error::TimedOut {
                    doing: "shaking hands",
                    ..
                }
            ),
            "{error:?}"
        );
        assert!(begun.elapsed() < Duration::from_secs(30));
    });
}

#[test]
fn what_is_no_ssh_is_told() {
    if !is_there() {
        return;
    }
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            use std::io::Write;
            for stream in listener.incoming() {
                let _ = stream
                    .unwrap()
                    .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n\x1b[2J");
            }
        });
        let bed = Bed::new(
            &format!("Host web\n HostName 127.0.0.1\n Port {port}\n"),
            unwilling,
        );
        let error = bed.run("web", &hello()).await.unwrap_err();
        assert!(matches!(error, Error::Handshake { .. }), "{error:?}");
    });
}

#[test]
fn a_name_nobody_knows_is_told_with_the_next_step() {
    if !is_there() {
        return;
    }
    run(async {
        let bed = Bed::new("", unwilling);
        let error = bed
            .run("no-such-board.invalid", &hello())
            .await
            .unwrap_err();
        let problem = error.problem(bramble::rack::problem::Subject::Program);
        assert!(
            problem.what.contains("no-such-board.invalid") && problem.next.contains("HostName"),
            "{problem:?}"
        );
    });
}

#[test]
fn a_banner_with_escapes_disturbs_nothing() {
    if !is_there() {
        return;
    }
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let banner = dir.path().join("banner");
        std::fs::write(
            &banner,
            "\u{1b}[2J\u{1b}]0;owned\u{7} welcome \u{202e}\n".repeat(100),
        )
        .unwrap();
        let server = Sshd::start(&[&format!("Banner {}", banner.display())]);
        let bed = Bed::for_boards(&[&server], "", unwilling);
        assert_eq!(bed.says("echo in").await, "in\n");
    });
}
