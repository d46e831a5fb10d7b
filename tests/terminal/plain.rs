//! Without a terminal: one sentence on standard error, the exit code of the help page, and no panic when a reader goes.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use bramble::sim::{Scenario, Sim};

use crate::harness::Start;

/// `bramble` in an empty home.
fn bramble(home: &tempfile::TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bramble"));
    command
        .env_clear()
        .env("HOME", home.path())
        .env("TMPDIR", home.path())
        .stdin(Stdio::null());
    command
}

/// One line on standard error, nothing on standard output.
fn sentence(output: &Output) -> String {
    assert!(output.stdout.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with("bramble: "), "{text}");
    text
}

#[test]
fn without_a_cluster_nodes_exits_2_with_a_sentence() {
    let home = tempfile::tempdir().unwrap();
    for command in ["nodes", "problems", "logs"] {
        let output = bramble(&home).arg(command).output().unwrap();
        let text = sentence(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("no kubeconfig was found"), "{text}");
        assert!(text.contains("bramble demo"), "{text}");
    }
}

#[test]
fn a_length_of_time_that_is_none_is_said_with_an_example() {
    let home = tempfile::tempdir().unwrap();
    let output = bramble(&home)
        .args(["logs", "--since", "5x"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        sentence(&output),
        "bramble: --since: \"5x\" is no length of time; write 30s, 10m, 2h or 1d\n"
    );
}

#[test]
fn a_file_that_is_not_there_is_said_before_a_passphrase_is_asked_for() {
    let home = tempfile::tempdir().unwrap();
    for arguments in [
        &["backup", "verify", "/nope"][..],
        &["restore", "/nope", "rpi-01"],
    ] {
        let output = bramble(&home).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(sentence(&output), "bramble: there is no file /nope\n");
    }
}

#[test]
fn resuming_without_a_run_that_was_cut_off_is_said() {
    let home = tempfile::tempdir().unwrap();
    let output = bramble(&home)
        .args(["onboard", "--resume"])
        .output()
        .unwrap();
    let text = sentence(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("no run was cut off"), "{text}");
}

/// Nobody is there to see that it waits, and for what.
#[test]
fn logs_that_wait_for_a_pod_say_so_once() {
    use std::io::{BufRead, BufReader};
    let home = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let scenario = Scenario::shipped("office").unwrap();
    let sim = runtime.block_on(Sim::start(scenario, 1)).unwrap();
    let kubeconfig = home.path().join("kubeconfig");
    std::fs::write(&kubeconfig, sim.kubeconfig()).unwrap();
    for (arguments, expected) in [
        (
            &["zzz"][..],
            "no pod was found for \"zzz\" in the namespace \"default\" yet",
        ),
        (
            &["pod/x", "-n", "nope"],
            "there is no namespace \"nope\" yet",
        ),
    ] {
        let mut running = bramble(&home)
            .arg("logs")
            .args(arguments)
            .arg("--kubeconfig")
            .arg(&kubeconfig)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut errors = BufReader::new(running.stderr.take().unwrap());
        errors.read_line(&mut line).unwrap();
        running.kill().unwrap();
        running.wait().unwrap();
        assert!(line.contains(expected), "{line}");
        assert!(line.contains("waiting for one"), "{line}");
    }
}

#[test]
fn without_a_terminal_the_cockpit_exits_4_with_a_sentence() {
    let home = tempfile::tempdir().unwrap();
    for arguments in [&[][..], &["demo"][..]] {
        let output = bramble(&home).args(arguments).output().unwrap();
        let text = sentence(&output);
        assert_eq!(output.status.code(), Some(4), "{text}");
        assert!(text.contains("needs a terminal"), "{text}");
    }
    let left = std::fs::read_dir(home.path()).unwrap().count();
    assert_eq!(left, 0, "files were left in the temporary folder");
}

#[test]
fn an_unknown_scenario_exits_2_and_names_the_known_ones() {
    let home = tempfile::tempdir().unwrap();
    let output = bramble(&home)
        .args(["demo", "--scenario", "offise"])
        .output()
        .unwrap();
    let text = sentence(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("office, bad-day, large"), "{text}");
}

#[test]
fn an_unknown_theme_or_keymap_exits_2_and_names_the_nearest() {
    let home = tempfile::tempdir().unwrap();
    for (flag, name, nearest) in [
        ("--theme", "drak", "did you mean \"dark\"?"),
        ("--keymap", "vin", "did you mean \"vim\"?"),
        ("--theme", "zzzzzzzz", "there are"),
    ] {
        let output = bramble(&home).args([flag, name, "keys"]).output().unwrap();
        let text = sentence(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(nearest), "{text}");
    }
}

#[test]
fn no_kubeconfig_at_all_is_a_first_screen_that_says_what_to_do() {
    let mut session = Start::bramble([]).go();
    let text = session.until("No cluster to show yet").contents();
    assert!(text.contains("no cluster"), "{text}");
    assert!(text.contains("bramble demo"), "{text}");
    assert!(text.contains("kubeconfig"), "{text}");
    session.press("q");
    assert_eq!(session.ended(), (0, String::new()));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let home = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let scenario = Scenario::shipped("office").unwrap();
    let sim = runtime.block_on(Sim::start(scenario, 1)).unwrap();
    let kubeconfig = home.path().join("kubeconfig");
    std::fs::write(&kubeconfig, sim.kubeconfig()).unwrap();
    let kubeconfig = kubeconfig.display().to_string();

    let whole = bramble(&home)
        .args(["nodes", "--kubeconfig", &kubeconfig])
        .output()
        .unwrap();
    let text = String::from_utf8(whole.stdout).unwrap();
    assert_eq!(text.lines().count(), 5, "{text}");
    assert_eq!(whole.status.code(), Some(0));

    for arguments in [
        &["nodes", "--kubeconfig", &kubeconfig][..],
        &["nodes", "-o", "json", "--kubeconfig", &kubeconfig][..],
        &["problems", "--kubeconfig", &kubeconfig][..],
        &["keys"][..],
        &["themes"][..],
        &["man"][..],
        &["completions", "bash"][..],
        &["--help"][..],
    ] {
        // A pipe that nobody reads: what `| head -1` becomes after its line.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = bramble(&home)
            .args(arguments)
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said, "", "{arguments:?}");
        assert_ne!(output.status.code(), Some(101), "{arguments:?}");
    }
    runtime.block_on(sim.shutdown());
}

const POOL: &str = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: lan, namespace: metallb-system}\n\
                    spec: {addresses: [192.168.7.200-192.168.7.219]}\n";
const ADVERTISEMENT: &str = "apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: lan, namespace: metallb-system}\n";

/// Runs with a text on standard input.
fn fed(home: &tempfile::TempDir, arguments: &[&str], text: &str) -> Output {
    let mut child = bramble(home)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn pools_check_says_by_its_exit_code_what_metallb_would_say() {
    let home = tempfile::tempdir().unwrap();
    let check = |text: &str| {
        let output = fed(&home, &["pools", "check", "-"], text);
        let out = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), out)
    };
    assert_eq!(
        check(&format!("{POOL}---\n{ADVERTISEMENT}")),
        (Some(0), String::new())
    );
    let (code, out) = check(POOL);
    assert_eq!(code, Some(0));
    assert!(
        out.starts_with("<stdin>:3:18: warning: nothing announces IPAddressPool lan"),
        "{out}"
    );
    let (code, out) = check(&POOL.replace(".219", ""));
    assert_eq!(code, Some(1));
    assert!(
        out.contains("<stdin>:4:34: error: \"192.168.7.200-192.168.7\""),
        "{out}"
    );
}

#[test]
fn pools_check_is_told_what_no_pool_may_hold() {
    let home = tempfile::tempdir().unwrap();
    let told = [
        "pools",
        "check",
        "-",
        "--node",
        "192.168.7.201",
        "--gateway",
        "192.168.7.202",
        "--dhcp",
        "192.168.7.100-192.168.7.203",
    ];
    let output = fed(&home, &told, &format!("{POOL}---\n{ADVERTISEMENT}"));
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "MetalLB checks none of it");
    for said in [
        "contains node 192.168.7.201",
        "contains the gateway 192.168.7.202",
        "shares 192.168.7.200-192.168.7.203 with the DHCP",
    ] {
        assert!(out.contains(said), "{out}");
    }
}

#[test]
fn several_files_are_one_configuration() {
    let home = tempfile::tempdir().unwrap();
    let (pool, advertisement) = (home.path().join("pool.yaml"), home.path().join("l2.yaml"));
    std::fs::write(&pool, POOL).unwrap();
    std::fs::write(&advertisement, ADVERTISEMENT).unwrap();
    let output = bramble(&home)
        .args(["pools", "check"])
        .arg(&pool)
        .arg(&advertisement)
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(0), Vec::new()));
    let output = bramble(&home)
        .args(["pools", "check", "/no/such.yaml"])
        .output()
        .unwrap();
    let text = sentence(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("/no/such.yaml"), "{text}");
}

#[test]
fn pools_convert_writes_resources_or_says_why_not() {
    let home = tempfile::tempdir().unwrap();
    let legacy = "address-pools:\n- name: lan\n  protocol: layer2\n  addresses: [192.168.7.200-192.168.7.219] # mine\n";
    let output = fed(&home, &["pools", "convert", "-"], legacy);
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(
        out.contains("kind: IPAddressPool")
            && out.contains("kind: L2Advertisement")
            && out.contains("# mine"),
        "{out}"
    );
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("keep the ConfigMap")
    );
    let again = fed(&home, &["pools", "check", "-"], &out);
    assert_eq!((again.status.code(), again.stdout), (Some(0), Vec::new()));

    let output = fed(
        &home,
        &["pools", "convert", "-"],
        &legacy.replace("layer2", "l2"),
    );
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("protocol l2")
    );
    let output = fed(&home, &["pools", "convert", "-"], POOL);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn pools_of_a_rack_are_a_table_and_json() {
    let home = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let kubeconfig = home.path().join("kubeconfig");
    let pools = |scenario: &str, more: &[&str]| {
        let scenario = Scenario::shipped(scenario).unwrap();
        let sim = runtime.block_on(Sim::start(scenario, 1)).unwrap();
        std::fs::write(&kubeconfig, sim.kubeconfig()).unwrap();
        let output = bramble(&home)
            .arg("pools")
            .args(more)
            .arg("--kubeconfig")
            .arg(&kubeconfig)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let table = pools("office", &[]);
    assert!(
        table.starts_with("POOL") && table.contains("company-office"),
        "{table}"
    );
    let json: serde_json::Value = serde_json::from_str(&pools("office", &["-o", "json"])).unwrap();
    let office = json
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == "company-office")
        .unwrap();
    let used = office["usedIPv4"].as_u64().unwrap();
    assert!(
        used > 0 && used <= office["capacityIPv4"].as_u64().unwrap(),
        "{office}"
    );
    assert!(
        office["announcedBy"][0]
            .as_str()
            .unwrap()
            .starts_with("L2Advertisement"),
        "{office}"
    );
    // The ConfigMap of an old MetalLB says the same.
    let table = pools("old-metallb", &[]);
    assert!(
        table.lines().count() > 1 && table.contains("layer2"),
        "{table}"
    );
}

#[test]
fn claims_of_a_rack_are_a_table_and_json() {
    let home = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let kubeconfig = home.path().join("kubeconfig");
    let sim = runtime.block_on(Sim::start(Scenario::shipped("storage").unwrap(), 1));
    let sim = sim.unwrap();
    std::fs::write(&kubeconfig, sim.kubeconfig()).unwrap();
    let storage = |more: &[&str]| {
        let mut command = bramble(&home);
        command.arg("storage").args(more).arg("--kubeconfig");
        let output = command.arg(&kubeconfig).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let table = storage(&[]);
    let line = |claim: &str| table.lines().find(|it| it.starts_with(claim)).unwrap();
    for (claim, words) in [
        (
            "office/paperless-media",
            &[
                "bound ",
                "100Gi",
                "nas ",
                "10.40.0.5:/srv/nfs/office-paperless-media-pvc-",
                "paperless-",
            ][..],
        ),
        (
            "office/data-db-0",
            &["8Gi", "local-path", "rpi-02 /var/lib/rancher/k3s/storage/"],
        ),
        ("office/backup", &["waits for a volume", "nas-old"]),
        ("home/scratch", &["waits for a pod"]),
    ] {
        for words in words {
            assert!(line(claim).contains(words), "{words}: {table}");
        }
    }
    let json: serde_json::Value = serde_json::from_str(&storage(&["-o", "json"])).unwrap();
    let all = json.as_array().unwrap();
    let backup = all.iter().find(|it| it["name"] == "backup").unwrap();
    let why = backup["problem"]["why"].as_str().unwrap();
    assert!(
        why.contains("fuseim.pri/ifs") && why.contains("k8s-sigs.io"),
        "{backup}"
    );
}
