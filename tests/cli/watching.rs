//! `status --watch`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn in_a_pipe_only_lines_that_changed_follow_until_an_interrupt() {
    let stage = Stage::with_drain("1h").await;
    let mut watch = stage.plain(&["status", "--watch"]);
    watch.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = watch.spawn().unwrap();
    let pid = Pid::from_child(&child);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = move || lines.next().unwrap().unwrap();
    assert!(next().starts_with("POLICY"));
    assert!(next().starts_with("demo"), "the policy's own line");
    let ended = stage.run(&["--rotate-now", "demo"]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    let seen = tokio::task::spawn_blocking(move || {
        let mut seen = Vec::new();
        while !seen.last().is_some_and(|line: &String| line.contains("rotation is at")) {
            seen.push(next());
        }
        seen
    });
    let seen = seen.await.unwrap();
    assert!(!seen.iter().any(|line| line.starts_with("POLICY")), "{seen:?}");
    assert!(seen.iter().any(|line| line.contains(&stage.current())), "{seen:?}");
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
