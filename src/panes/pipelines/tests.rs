//! What keys do in the pane, and what it shows, on builds written here.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::effect::Effect;
use crate::form::{Answer, FormId};
use crate::rack::pipeline::state::{InstanceName, News, Token, Topic};
use crate::rack::pipeline::waiting::Runners;
use crate::rack::pipeline::{
    Detail, Downstream, JobId, JobKind, Order, Pipeline, PipelineId, Project, ProjectId, Status,
};
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::time::Now;
use crate::rack::trace::Trace;
use crate::ui::testing;

const AREA: Rect = Rect::new(0, 0, 80, 20);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn project() -> ProjectRef {
    ProjectRef {
        instance: Arc::from("office"),
        project: ProjectId(7),
    }
}

fn pipeline(id: u64) -> PipelineRef {
    PipelineRef {
        project: project(),
        pipeline: PipelineId(id),
    }
}

fn job(id: u64, name: &str, stage: &str, status: &str) -> Job {
    Job {
        id: JobId(id),
        name: name.to_owned(),
        stage: stage.to_owned(),
        status: Status::from_word(status),
        allow_failure: false,
        failure_reason: None,
        branch: "main".to_owned(),
        created: Some(at("2026-11-24T12:00:00Z")),
        started: None,
        finished: None,
        erased: None,
        duration: Some(Duration::from_secs(65)),
        queued: None,
        archived: false,
        tags: vec!["arm64".to_owned()],
        runner: None,
        url: format!("https://git.example.com/ops/thermo-hub/-/jobs/{id}"),
        kind: JobKind::Job,
    }
}

/// A rack with a project, a pipeline and its jobs.
fn rack() -> Rack {
    let mut rack = Rack::new(Now {
        mono: Duration::from_secs(100),
        wall: "2026-11-24T12:05:00Z".parse().unwrap(),
    });
    let name: InstanceName = Arc::from("office");
    let about = Project {
        id: ProjectId(7),
        path: "ops/thermo-hub".to_owned(),
        url: "https://git.example.com/ops/thermo-hub".to_owned(),
        default_branch: None,
        access_level: None,
        registry: None,
    };
    let one = Pipeline {
        id: PipelineId(9311),
        project: ProjectId(7),
        status: Status::Running,
        source: "push".to_owned(),
        branch: "main".to_owned(),
        sha: "356a192b7913b04c54574d18c28d46e6395428ab".to_owned(),
        name: None,
        url: "https://git.example.com/ops/thermo-hub/-/pipelines/9311".to_owned(),
        created: Some(at("2026-11-24T12:00:00Z")),
        updated: None,
    };
    let mut bridge = job(6, "deploy", "deploy", "success");
    bridge.kind = JobKind::Bridge(Some(Downstream {
        project: ProjectId(8),
        pipeline: PipelineId(9400),
        status: Status::Running,
        url: String::new(),
    }));
    let jobs = vec![
        job(1, "build", "build", "success"),
        job(2, "unit", "test", "failed"),
        job(3, "unit", "test", "failed"),
        job(4, "arm", "test", "pending"),
        job(5, "release", "deploy", "manual"),
        bridge,
    ];
    for news in [
        News::Projects(name, vec![about]),
        News::Pipelines(project(), vec![one]),
        News::Jobs(pipeline(9311), jobs, Detail::default()),
    ] {
        rack.builds.apply(news, Duration::from_secs(97));
    }
    rack
}

struct Hands {
    pane: PipelinesPane,
    rack: Rack,
    msgs: Vec<Msg>,
    effects: Vec<Effect>,
}

impl Hands {
    fn new(rack: Rack) -> Hands {
        let mut pane = PipelinesPane::default();
        pane.builds_changed(&rack, AREA);
        Hands {
            pane,
            rack,
            msgs: Vec::new(),
            effects: Vec::new(),
        }
    }

    fn press(&mut self, actions: &[Action]) {
        for action in actions {
            let mut cx = Cx {
                rack: &self.rack,
                area: AREA,
                msgs: Vec::new(),
                effects: Vec::new(),
            };
            self.pane.on_action(*action, &mut cx);
            self.msgs = cx.msgs;
            self.effects = cx.effects;
        }
    }

    /// In the table of jobs, `down` rows below the first.
    fn at_job(rack: Rack, down: usize) -> Hands {
        let mut hands = Hands::new(rack);
        hands.press(&[Action::RowOpen, Action::RowOpen]);
        hands.press(&vec![Action::RowDown; down]);
        hands
    }

    fn screen(&self) -> String {
        let theme = testing::theme();
        let lines = testing::drawn(AREA.width, AREA.height, |area, buf| {
            self.pane.view(&self.rack, &theme, area, buf);
        });
        lines.join("\n")
    }
}

#[test]
fn one_goes_from_projects_to_the_log_and_back() {
    let mut hands = Hands::new(rack());
    assert!(hands.screen().contains("ops/thermo-hub"));
    hands.press(&[Action::RowOpen]);
    assert!(
        hands.screen().contains("main 356a192b"),
        "{}",
        hands.screen()
    );
    hands.press(&[Action::RowOpen]);
    let screen = hands.screen();
    assert!(screen.contains("attempt 2 of 2"), "{screen}");
    assert!(screen.contains("starts #9400 (running)"), "{screen}");
    hands.press(&[Action::RowOpen]);
    let look = hands.pane.looking(true, &hands.rack);
    assert_eq!(look.job.map(|job| job.job), Some(JobId(1)));
    assert!(look.trace && look.pipeline == Some(pipeline(9311)));
    for _ in 0..3 {
        assert!(hands.pane.close());
    }
    assert!(!hands.pane.close());
    assert_eq!(hands.pane.looking(true, &hands.rack).project, None);
}

#[test]
fn nothing_but_lists_is_asked_for_while_nobody_looks() {
    let hands = Hands::at_job(rack(), 0);
    let look = hands.pane.looking(false, &hands.rack);
    assert_eq!((look.pipeline, look.job, look.trace), (None, None, false));
}

#[test]
fn a_bridge_leads_to_its_child() {
    let mut hands = Hands::at_job(rack(), 4);
    hands.press(&[Action::RowOpen]);
    let child = hands.pane.looking(true, &hands.rack).pipeline.unwrap();
    assert_eq!(
        (child.project.project, child.pipeline),
        (ProjectId(8), PipelineId(9400))
    );
}

#[test]
fn earlier_attempts_have_rows_when_they_are_wanted() {
    let mut hands = Hands::at_job(rack(), 0);
    assert!(!hands.screen().contains("attempt 1 of 2"));
    hands.press(&[Action::AttemptsToggle]);
    assert!(
        hands.screen().contains("attempt 1 of 2"),
        "{}",
        hands.screen()
    );
}

#[test]
fn a_retry_is_asked_about_with_the_job_named_in_full() {
    let mut hands = Hands::at_job(rack(), 1);
    hands.press(&[Action::JobRetry]);
    let [Msg::Ask(question)] = hands.msgs.as_slice() else {
        panic!("{:?}", hands.msgs);
    };
    assert_eq!(question.title, "retry job \"unit\" (#3)?");
    assert!(question.lines[0].contains("ops/thermo-hub on GitLab office"));
    let [Effect::ActOnJob { seen, order, .. }] = question.then.as_slice() else {
        panic!("{:?}", question.then);
    };
    assert_eq!((seen.id, order), (JobId(3), &Order::Retry));
    assert!(question.then[0].is_write());
    hands.press(&[Action::JobCancel]);
    assert!(
        matches!(hands.msgs.as_slice(), [Msg::Notice(_)]),
        "nothing to cancel"
    );
}

#[test]
fn a_manual_job_is_played_with_variables() {
    let mut hands = Hands::at_job(rack(), 3);
    hands.press(&[Action::JobPlay]);
    let [Msg::Fill(form)] = hands.msgs.as_slice() else {
        panic!("{:?}", hands.msgs);
    };
    assert!(matches!(&form.id, FormId::PlayJob { job, .. } if job.id == JobId(5)));
}

#[test]
fn a_token_that_may_only_read_does_nothing() {
    let mut rack = rack();
    let token = Token {
        scopes: vec!["read_api".to_owned()],
        expires: None,
    };
    let name: InstanceName = Arc::from("office");
    rack.builds.apply(News::Token(name, token), Duration::ZERO);
    let mut hands = Hands::at_job(rack, 1);
    hands.press(&[Action::JobRetry]);
    assert!(matches!(hands.msgs.as_slice(), [Msg::Notice(_)]));
    assert!(
        hands.screen().contains("has no scope api"),
        "{}",
        hands.screen()
    );
}

#[test]
fn a_job_that_waits_says_for_what() {
    let mut rack = rack();
    let at = JobRef {
        project: project(),
        job: JobId(4),
    };
    let news = News::Runners(at, Runners::Fitting(Vec::new()));
    rack.builds.apply(news, Duration::ZERO);
    let hands = Hands::at_job(rack, 2);
    let screen = hands.screen();
    assert!(screen.contains("no runner of this project"), "{screen}");
}

#[test]
fn trouble_is_a_banner_and_the_old_rows_stay() {
    let mut rack = rack();
    let problem = Problem::new(
        Severity::Warning,
        Subject::Gitlab,
        "GitLab office: no answer",
    )
    .why("the server failed (502): Bad Gateway");
    let name: InstanceName = Arc::from("office");
    rack.builds.apply(
        News::Trouble(name, Topic::Token, Box::new(problem)),
        Duration::ZERO,
    );
    let hands = Hands::at_job(rack, 0);
    let screen = hands.screen();
    assert!(
        screen.contains("(502)") && screen.contains("build"),
        "{screen}"
    );
    assert!(screen.contains("answered 3s ago"), "{screen}");
}

/// The pane with a log open, which has come just now.
fn with_log(body: &[u8]) -> Hands {
    let mut hands = Hands::at_job(rack(), 1);
    hands.press(&[Action::RowOpen]);
    let job = hands.pane.looking(true, &hands.rack).job.unwrap();
    let mut trace = Trace::new();
    trace.take(body, true);
    hands.rack.builds.open_trace(Some(job.clone()));
    let news = News::Trace(job, Arc::new(trace));
    hands.rack.builds.apply(news, Duration::from_secs(98));
    hands.pane.builds_changed(&hands.rack, AREA);
    hands
}

#[test]
fn a_log_folds_leads_to_its_error_and_shows_nothing_that_acts() {
    let log = b"section_start:10:prep[collapsed=true]\r\x1b[0KPreparing\nhidden line\nsection_end:75:prep\r\x1b[0K\n\
section_start:80:step\r\x1b[0KRunning\n\x1b]52;c;evil\x07harmless\nexec /bin/sh: exec format error\n\
\x1b[31;1mERROR: Job failed: exit code 1\x1b[0;m\n";
    let mut hands = with_log(log);
    let screen = hands.screen();
    assert!(!screen.contains("hidden line"), "{screen}");
    assert!(screen.contains("1:05"), "the section's duration: {screen}");
    assert!(
        screen.contains("harmless") && !screen.contains("evil"),
        "{screen}"
    );
    assert!(screen.contains("it has no ARM emulation"), "{screen}");
    hands.press(&[Action::LogError]);
    let row = hands.pane.log.shown()[hands.pane.log.cursor];
    let trace = &hands.rack.builds.trace.as_ref().unwrap().trace;
    assert!(
        trace
            .plain(&trace.rows()[row])
            .contains("exec format error")
    );
    hands.press(&[Action::GoTop, Action::RowOpen]);
    assert!(hands.screen().contains("hidden line"), "{}", hands.screen());
}

#[test]
fn the_attempt_before_stands_beside_a_log_and_moves_with_it() {
    let mut hands = with_log(b"one\ntwo\nthree\n");
    hands.press(&[Action::AttemptsToggle]);
    let look = hands.pane.looking(true, &hands.rack);
    let (job, other) = (look.job.unwrap(), look.beside.unwrap());
    assert_eq!((job.job, other.job), (JobId(3), JobId(2)));
    let mut trace = Trace::new();
    trace.take(b"uno\ndue\ntre\n", true);
    hands.rack.builds.open_beside(Some(other.clone()));
    let news = News::Trace(other, Arc::new(trace));
    hands.rack.builds.apply(news, Duration::from_secs(98));
    hands.pane.builds_changed(&hands.rack, AREA);
    let screen = hands.screen();
    let has = |words: [&str; 2]| {
        let mut lines = screen.lines();
        lines.any(|line| words.iter().all(|word| line.contains(word)))
    };
    assert!(has(["#3", "#2"]) && has(["two", "due"]), "{screen}");
    hands.press(&[Action::GoTop]);
    let (_, page) = hands.pane.beside.as_ref().unwrap();
    assert_eq!((hands.pane.log.cursor, page.cursor), (0, 0));
    // There is none before that: only this log is left.
    hands.press(&[Action::AttemptsToggle]);
    assert!(!hands.screen().contains("due"));
    assert!(hands.pane.looking(true, &hands.rack).beside.is_none());
}

#[test]
fn a_log_is_saved_whole_or_as_it_is_shown() {
    let mut hands = with_log(b"one\ntwo\n\x1b[31mthree\x1b[0m\n");
    hands.press(&[Action::LogSave]);
    let [Msg::Fill(form)] = hands.msgs.as_slice() else {
        panic!("{:?}", hands.msgs);
    };
    assert_eq!(form.id, FormId::TraceSave);
    hands.pane.set_filter("two");
    hands.pane.builds_changed(&hands.rack, AREA);
    for (which, expected) in [(0, "one\ntwo\n\u{1b}[31mthree"), (1, "two\n")] {
        let answers = [
            ("file", Answer::Text("a.log".to_owned())),
            ("which", Answer::Choice(which)),
        ];
        let mut cx = Cx {
            rack: &hands.rack,
            area: AREA,
            msgs: Vec::new(),
            effects: Vec::new(),
        };
        save::filled_in(&hands.pane, &answers.into_iter().collect(), &mut cx);
        let [Effect::SaveLogs { lines, .. }] = cx.effects.as_slice() else {
            panic!("{:?}", cx.effects);
        };
        let text = String::from_utf8_lossy(lines);
        assert!(text.starts_with(expected), "{text:?}");
    }
}

#[test]
fn what_the_token_may_and_when_it_ends_stands_with_the_projects() {
    let mut rack = rack();
    let token = Token {
        scopes: vec!["read_api".to_owned(), "read_registry".to_owned()],
        expires: Some("2027-01-31".parse().unwrap()),
    };
    let name: InstanceName = Arc::from("office");
    rack.builds.apply(News::Token(name, token), Duration::ZERO);
    let screen = Hands::new(rack).screen();
    let words = screen.split_whitespace().filter(|word| *word != "│");
    let flat = words.collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains("may read_api, read_registry: to look"),
        "{screen}"
    );
    assert!(flat.contains("ends 2027-01-31, in 68 days"), "{screen}");
}

#[test]
fn a_log_is_filtered_and_esc_shows_all_again() {
    let mut hands = with_log(b"one\ntwo\nthree\n");
    hands.pane.set_filter("TW");
    hands.pane.builds_changed(&hands.rack, AREA);
    let screen = hands.screen();
    assert!(
        screen.contains("two") && !screen.contains("three"),
        "{screen}"
    );
    assert!(hands.pane.close());
    hands.pane.builds_changed(&hands.rack, AREA);
    assert!(hands.screen().contains("three"));
}

#[test]
fn every_size_can_be_drawn() {
    let hands = with_log(b"section_start:1:a\r\x1b[0KTitle\nline\n");
    let table = Hands::at_job(rack(), 0);
    let theme = testing::theme();
    for hands in [&hands, &table] {
        testing::at_every_size(|area, buf| hands.pane.view(&hands.rack, &theme, area, buf));
    }
}
