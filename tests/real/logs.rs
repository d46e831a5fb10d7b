//! Logs of pods through the real API server, from a kubelet that breaks off, is restarted, rotates and ends: every line
//! comes once, in order, whatever happens on the way.
//!
//! The test is the program that writes: its lines bear numbers. The kubelet is the one of `control-plane/kubelet.go`,
//! which reads the files of the runtime with the code of the real one. The simulator has logs of its own making, so it is
//! asked only what can be asked of any log.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use bramble::clients::kubernetes;
use bramble::rack::log::{LogLine, LogNews, LogQuery, NamePattern, SourceState};
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, timeout_at};

use crate::bed::Bed;
use crate::boards;
use crate::control_plane::ControlPlane;
use crate::place::{Place, Plane, Who, on_real};

const PATIENCE: Duration = Duration::from_secs(90);
/// The runtime writes a long line in parts of this size.
const PART: usize = 16 << 10;

/// A container that writes what the test wants.
struct Container {
    folder: PathBuf,
    /// Where the kubelet counts what it was asked for.
    asked: PathBuf,
    pod: String,
    file: File,
    /// The number of the next line.
    next: usize,
}

impl Container {
    /// A pod with a container that runs on a board whose kubelet is asked for logs.
    async fn start(bed: &Bed, pod: &str) -> Container {
        let kubelet = plane(bed).folder().join("kubelet");
        let port: u16 = fs::read_to_string(kubelet.join("port"))
            .unwrap()
            .parse()
            .unwrap();
        let board = bed.board().await;
        let status = json!({
            "addresses": [{ "type": "InternalIP", "address": "127.0.0.1" }],
            "daemonEndpoints": { "kubeletEndpoint": { "Port": port } },
        });
        bed.report(&board, status).await;
        let folder = kubelet.join("default").join(pod).join("app");
        fs::create_dir_all(&folder).unwrap();
        let container = Container {
            file: File::create(folder.join("0.log")).unwrap(),
            asked: kubelet.join("asked"),
            folder,
            pod: pod.to_owned(),
            next: 0,
        };
        bed.put(&boards::pod(pod, &board)).await;
        container
    }

    /// So many numbered lines, written at this time.
    fn write(&mut self, count: usize, time: Timestamp) {
        let mut text = String::new();
        for number in self.next..self.next + count {
            let stream = if number % 3 == 0 { "stderr" } else { "stdout" };
            let _ = writeln!(text, "{time:.9} {stream} F {}", numbered(number));
        }
        self.next += count;
        self.file.write_all(text.as_bytes()).unwrap();
    }

    /// So many numbered lines of now, a few in each instant.
    fn write_now(&mut self, count: usize) {
        for _ in 0..count / 5 {
            self.write(5, Timestamp::now());
        }
    }

    /// One line of the runtime as it stands in its file.
    fn put(&mut self, tag: &str, text: &str) {
        let time = Timestamp::now();
        writeln!(self.file, "{time:.9} stdout {tag} {text}").unwrap();
    }

    /// The runtime begins a new file, as it does after ten megabytes.
    fn rotate(&mut self) {
        let file = self.folder.join("0.log");
        fs::rename(&file, self.folder.join("0.log.20261124")).unwrap();
        self.file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(file)
            .unwrap();
    }

    fn asked(&self) -> usize {
        let text = fs::read_to_string(&self.asked).unwrap_or_default();
        text.parse().unwrap_or(0)
    }

    async fn until_asked(&self, times: usize) {
        let mut often = interval(Duration::from_millis(20));
        let end = Instant::now() + PATIENCE;
        while self.asked() < times {
            assert!(
                Instant::now() < end,
                "asked {} times, not {times}",
                self.asked()
            );
            often.tick().await;
        }
    }

    fn query(&self, follow: bool) -> LogQuery {
        LogQuery {
            namespace: Some("default".to_owned()),
            pods: NamePattern::exactly(&self.pod),
            follow,
            ..LogQuery::default()
        }
    }
}

/// Letters of several bytes, so that a cut falls into one now and then.
fn numbered(number: usize) -> String {
    format!("line {number:07} größer 漢字 🍓 and on to its end")
}

fn plane(bed: &Bed) -> &ControlPlane {
    match bed.place() {
        Place::Own(plane) => plane,
        Place::Sim(_) | Place::Shared(_) => panic!("it needs a control plane of its own"),
    }
}

/// The program's reader at work.
struct Reading {
    news: mpsc::Receiver<LogNews>,
    lines: Vec<LogLine>,
    state: Option<SourceState>,
    task: JoinHandle<()>,
}

impl Reading {
    async fn start(bed: &Bed, query: LogQuery) -> Reading {
        let connection = kubernetes::connect(&bed.target(Who::Admin)).await.unwrap();
        let (tell, news) = mpsc::channel(64);
        Reading {
            news,
            lines: Vec::new(),
            state: None,
            task: tokio::spawn(kubernetes::read_logs(connection, query, tell)),
        }
    }

    /// Reads on until this is so, or nothing more comes.
    async fn until(&mut self, what: &str, is_so: impl Fn(&Reading) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so(self) {
            let news = timeout_at(end, self.news.recv()).await;
            match news.unwrap_or_else(|_| panic!("{what}: {}", self.standing())) {
                Some(LogNews::Lines(lines)) => self.lines.extend(lines),
                Some(LogNews::State(_, state)) => self.state = Some(state),
                Some(_) => {}
                None => return,
            }
        }
    }

    async fn until_lines(&mut self, count: usize) {
        self.until("lines", |it| it.lines.len() >= count).await;
    }

    /// Everything there is of what is not followed.
    async fn all(bed: &Bed, query: LogQuery) -> Vec<String> {
        let mut reading = Reading::start(bed, query).await;
        reading.until("the end", |_| false).await;
        reading.texts()
    }

    fn texts(&self) -> Vec<String> {
        self.lines.iter().map(text).collect()
    }

    fn standing(&self) -> String {
        let last = self.lines.last().map(text);
        format!(
            "{} lines, the last {last:?}, {:?}",
            self.lines.len(),
            self.state
        )
    }

    /// Nothing is missing, nothing came twice, and everything is in its place.
    fn assert_whole(&self, from: usize, container: &Container) {
        let numbered: Vec<String> = (from..container.next).map(numbered).collect();
        for (index, (line, expected)) in self.texts().iter().zip(&numbered).enumerate() {
            assert_eq!(line, expected, "line {index} of {}", numbered.len());
        }
        assert_eq!(self.lines.len(), numbered.len());
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn text(line: &LogLine) -> String {
    String::from_utf8_lossy(&line.text).into_owned()
}

#[test]
fn twenty_cuts_an_api_and_a_kubelet_restart_lose_nothing_and_repeat_nothing() {
    on_real(Plane::Own, |bed| async move {
        let mut web = Container::start(&bed, "web").await;
        // Seven lines in each instant, ten instants in each second.
        let begun = Timestamp::now() - Duration::from_secs(600);
        for instant in 0..1_000 {
            web.write(7, begun + Duration::from_millis(100) * instant);
        }
        // Two seconds are read again each time, some twelve thousand bytes.
        plane(&bed).order("cut-logs 25013");
        let mut reading = Reading::start(&bed, web.query(true)).await;
        let cut = async {
            web.until_asked(11).await;
            plane(&bed).order("end-logs 25013");
            web.until_asked(21).await;
            plane(&bed).order("cut-logs 0");
        };
        let count = web.next;
        tokio::join!(cut, reading.until_lines(count));
        reading.assert_whole(0, &web);
        let asked = web.asked();
        eprintln!("{count} lines were whole after {asked} readings");

        // What is written now, and broken off in the middle of a line.
        web.write_now(200);
        web.put("P", "line ");
        reading.until_lines(web.next).await;
        plane(&bed).order("cut-now");
        let whole = numbered(web.next);
        web.put("F", whole.strip_prefix("line ").unwrap());
        web.next += 1;
        web.write_now(100);
        reading.until_lines(web.next).await;
        reading.assert_whole(0, &web);

        web.rotate();
        web.write_now(200);
        reading.until_lines(web.next).await;
        reading.assert_whole(0, &web);

        plane(&bed).order("stop-kubelet");
        web.write_now(200);
        plane(&bed).order("start-kubelet");
        web.write_now(200);
        reading.until_lines(web.next).await;
        reading.assert_whole(0, &web);

        bed.stop_api().await;
        web.write_now(200);
        bed.start_api().await;
        web.write_now(200);
        reading.until_lines(web.next).await;
        reading.assert_whole(0, &web);

        // It ends, and its last line has no end.
        web.write_now(5);
        web.put("P", &numbered(web.next));
        web.next += 1;
        fs::write(web.folder.join("ended"), "").unwrap();
        let status = json!({ "status": { "phase": "Succeeded" } });
        bed.hand()
            .patch("/api/v1/namespaces/default/pods/web/status", &status)
            .await;
        let has_ended = |it: &Reading| matches!(it.state, Some(SourceState::Ended(_)));
        reading.until("the end", has_ended).await;
        reading.assert_whole(0, &web);
    });
}

#[test]
fn a_million_lines_a_long_one_and_the_life_before_come_whole() {
    on_real(Plane::Own, |bed| async move {
        let mut web = Container::start(&bed, "web").await;
        // The API server asks the kubelet in whole seconds.
        let begun = Timestamp::from_second(Timestamp::now().as_second() - 5_000).unwrap();
        for instant in 0..10_000 {
            web.write(100, begun + Duration::from_millis(100) * instant);
        }
        let started = Instant::now();
        let mut reading = Reading::start(&bed, web.query(false)).await;
        reading.until_lines(web.next).await;
        let took = started.elapsed();
        eprintln!("{} lines in {took:?}", web.next);
        reading.assert_whole(0, &web);

        let tail = LogQuery {
            tail: Some(30),
            ..web.query(false)
        };
        let expected: Vec<String> = (web.next - 30..web.next).map(numbered).collect();
        assert_eq!(Reading::all(&bed, tail).await, expected);
        let since = LogQuery {
            since: Some(begun + Duration::from_secs(999)),
            ..web.query(false)
        };
        assert_eq!(Reading::all(&bed, since).await.len(), 1_000);

        // Before its restart: the file that was.
        fs::rename(
            web.folder.join("0.log"),
            web.folder.join("previous.log.big"),
        )
        .unwrap();
        web.file = File::create(web.folder.join("previous.log")).unwrap();
        let first = web.next;
        web.write_now(50);
        let last = web.next;
        web.file = File::create(web.folder.join("0.log")).unwrap();
        let previous = LogQuery {
            previous: true,
            ..web.query(false)
        };
        let expected: Vec<String> = (first..last).map(numbered).collect();
        assert_eq!(Reading::all(&bed, previous).await, expected);

        // Ten megabytes without an end of line, in parts as the runtime writes them.
        let part = "x".repeat(PART);
        for _ in 0..640 {
            web.put("P", &part);
        }
        web.put("F", "its end");
        web.write_now(5);
        let mut reading = Reading::start(&bed, web.query(false)).await;
        reading.until_lines(6).await;
        let long = &reading.lines[0];
        let all = 640 * PART + "its end".len();
        assert_eq!(long.text.len() + long.cut as usize, all);
        assert!(long.cut > 0, "it is cut, and how much is known");
        assert_eq!(text(&reading.lines[5]), numbered(web.next - 1));
    });
}
