//! A server's certificate is looked at before its address is written.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection};

use serde_json::Value;

use crate::home::{Home, done, refused};

/// A cluster: its authority, and a server on 127.0.0.1 whose certificate is for these names.
struct Cluster {
    authority: String,
    port: u16,
}

fn authority() -> (rcgen::Certificate, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "k3s-server-ca@1");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap();
    (certificate, Issuer::new(params, key))
}

fn start(names: &[&str], ends: i32) -> Cluster {
    let (authority, issuer) = authority();
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_after = rcgen::date_time_ymd(ends, 1, 1);
    let leaf = params.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            // A client that does not like the certificate goes away in the middle of it.
            let _ = connection.complete_io(&mut stream);
        }
    });
    Cluster {
        authority: authority.pem(),
        port,
    }
}

impl Cluster {
    fn kubeconfig(&self) -> String {
        let text = crate::home::rack(&format!("https://127.0.0.1:{}", self.port), "t");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, &self.authority).unwrap();
        let output = std::process::Command::new("base64")
            .arg("-w0")
            .arg(&path)
            .output()
            .unwrap();
        let data = String::from_utf8(output.stdout).unwrap();
        text.replace(
            "    server",
            &format!("    certificate-authority-data: {data}\n    server"),
        )
    }
}

#[test]
fn an_address_the_certificate_covers_is_written_without_a_word() {
    let cluster = start(&["127.0.0.1", "kubernetes"], 2040);
    let home = Home::new();
    let output = home.bramble_reading(&["merge", "-", "--name", "rack"], &cluster.kubeconfig());
    done(&output);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains("could not be checked"), "{said}");
}

#[test]
fn an_address_it_does_not_cover_is_refused_with_what_to_do() {
    let cluster = start(&["kubernetes", "10.43.0.1"], 2040);
    let home = Home::new();
    let merge = ["merge", "-", "--name", "rack"];
    let said = refused(&home.bramble_reading(&merge, &cluster.kubeconfig()), 5);
    for part in [
        "is not for \"127.0.0.1\"",
        "kubernetes, 10.43.0.1",
        "tls-san: [\"127.0.0.1\"]",
        "--tls-server-name kubernetes",
        "--no-check",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!home.config().exists());

    let with_name = [
        "merge",
        "-",
        "--name",
        "rack",
        "--tls-server-name",
        "kubernetes",
    ];
    done(&home.bramble_reading(&with_name, &cluster.kubeconfig()));
    assert!(
        home.text().contains("tls-server-name: kubernetes"),
        "{}",
        home.text()
    );
    // The name stays, and with it the next merge is right.
    done(&home.bramble_reading(&merge, &cluster.kubeconfig()));
}

#[test]
fn another_cluster_at_the_address_is_refused() {
    let (one, other) = (start(&["127.0.0.1"], 2040), start(&["127.0.0.1"], 2040));
    let mut mixed = one.kubeconfig();
    mixed = mixed.replace(&one.port.to_string(), &other.port.to_string());
    let home = Home::new();
    let said = refused(
        &home.bramble_reading(&["merge", "-", "--name", "rack"], &mixed),
        5,
    );
    assert!(said.contains("is another cluster"), "{said}");
    assert!(!home.config().exists());
    done(&home.bramble_reading(&["merge", "-", "--name", "rack", "--no-check"], &mixed));
}

#[test]
fn no_answer_no_tls_and_an_old_certificate_are_warnings() {
    let cluster = start(&["127.0.0.1"], 2020);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let plain_port = plain.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in plain.incoming() {
            let _ = std::io::Write::write_all(
                &mut stream.unwrap(),
                b"HTTP/1.1 400 Bad Request\r\n\r\n",
            );
        }
    });
    for (port, expected) in [
        (cluster.port, "is over, or the clock here is wrong"),
        (closed, "refuses the connection"),
        (plain_port, "not TLS"),
        (
            silent.local_addr().unwrap().port(),
            "does not answer within 5 s",
        ),
    ] {
        let home = Home::new();
        let text = cluster
            .kubeconfig()
            .replace(&cluster.port.to_string(), &port.to_string());
        let output = home.bramble_reading(&["merge", "-", "--name", "rack"], &text);
        done(&output);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn the_verdict_on_the_server_is_in_the_json_whether_it_is_written_or_not() {
    let (good, other) = (
        start(&["127.0.0.1"], 2040),
        start(&["kubernetes", "10.43.0.1"], 2040),
    );
    let merge = ["merge", "-", "--name", "rack", "-o", "json"];
    let said = |output: &std::process::Output| -> Value {
        let all: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(all["servers"].as_array().unwrap().len(), 1, "{all}");
        all
    };
    let home = Home::new();
    let refused_one = home.bramble_reading(&merge, &other.kubeconfig());
    refused(&refused_one, 5);
    let all = said(&refused_one);
    assert_eq!(all["written"], false);
    let server = &all["servers"][0];
    assert_eq!(server["check"], "not covered");
    assert_eq!(
        server["names"],
        serde_json::json!(["kubernetes", "10.43.0.1"])
    );
    let next = server["problem"]["next"].as_str().unwrap();
    assert!(next.contains("tls-san"), "{next}");

    let all =
        said(&home.bramble_reading(&[&merge[..], &["--dry-run"]].concat(), &good.kubeconfig()));
    assert_eq!(
        (&all["written"], &all["servers"][0]["check"]),
        (&false.into(), &"covered".into())
    );
    let all =
        said(&home.bramble_reading(&[&merge[..], &["--no-check"]].concat(), &good.kubeconfig()));
    assert_eq!(
        (&all["written"], &all["servers"][0]["check"]),
        (&true.into(), &"not asked".into())
    );
    assert_eq!(all["servers"][0]["problem"], Value::Null);
}

/// Answers every request as an API server that is well, and lets nobody see its nodes.
fn api_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let mut asked = String::new();
                while let Some(Ok(line)) = lines.next() {
                    if asked.is_empty() {
                        asked = line;
                    } else if line.is_empty() {
                        let body = match asked.split(' ').nth(1) {
                            Some("/version") => {
                                r#"{"gitVersion":"v1.33.4+k3s1","major":"1","minor":"33"}"#
                            }
                            Some("/readyz") => "ok",
                            _ => "{}",
                        };
                        let answer = format!(
                            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                            body.len()
                        );
                        (&stream).write_all(answer.as_bytes()).unwrap();
                        asked.clear();
                    }
                }
            });
        }
    });
    port
}

#[test]
fn contexts_say_who_answers_all_asked_at_the_same_time_or_not_at_all() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    let well = api_server();
    let ports = [("well", well), ("closed", closed)]
        .into_iter()
        .map(|(name, port)| (name.to_owned(), port))
        .chain((0..6).map(|number| (format!("silent-{number}"), silent_port)));
    let mut text = "kind: Config\ncurrent-context: well\nusers: [{name: u, user: {token: t}}]\ncontexts:\n- {name: lost, context: {cluster: none, user: u}}\n".to_owned();
    let mut clusters = "clusters:\n".to_owned();
    for (name, port) in ports {
        writeln!(
            text,
            "- {{name: {name}, context: {{cluster: {name}, user: u}}}}"
        )
        .unwrap();
        writeln!(
            clusters,
            "- {{name: {name}, cluster: {{server: \"http://127.0.0.1:{port}\"}}}}"
        )
        .unwrap();
    }
    let home = Home::new();
    home.write(".kube/config", text + &clusters);
    let begun = std::time::Instant::now();
    let all: Value =
        serde_json::from_str(&done(&home.bramble(&["contexts", "-o", "json"]))).unwrap();
    assert!(
        begun.elapsed().as_secs() < 9,
        "one after the other: {:?}",
        begun.elapsed()
    );
    let find = |all: &Value, name: &str| -> Value {
        let mut found = all
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["name"] == name);
        found.next().unwrap().clone()
    };
    let one = find(&all, "well");
    assert_eq!(
        (&one["reachable"], &one["current"]),
        (&true.into(), &true.into())
    );
    assert_eq!(one["health"]["version"], "v1.33.4+k3s1");
    let one = find(&all, "closed");
    assert_eq!(one["reachable"], false);
    assert_eq!(one["health"]["says"], "refuses connections");
    for number in 0..6 {
        let one = find(&all, &format!("silent-{number}"));
        assert_eq!(one["health"]["says"], "no answer for 3 s", "{one}");
    }
    let one = find(&all, "lost");
    assert_eq!(
        (&one["reachable"], &one["health"]),
        (&Value::Null, &Value::Null)
    );
    assert!(
        one["problem"]["what"]
            .as_str()
            .unwrap()
            .contains("\"none\"")
    );

    let table = done(&home.bramble(&["contexts"]));
    for part in [
        "up v1.33.4+k3s1",
        "down: refuses connections",
        "down: no answer for 3 s",
        "cannot be used",
    ] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let all: Value = serde_json::from_str(&done(&home.bramble(&[
        "contexts",
        "--no-probe",
        "-o",
        "json",
    ])))
    .unwrap();
    assert_eq!(find(&all, "well")["reachable"], Value::Null);
    assert!(!done(&home.bramble(&["contexts", "--no-probe"])).contains("up v1"));
}
