//! What is printed where: a terminal, a narrow one, a pipe, a pipe that nobody reads, a full disk.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::stage::Stage;

/// Every command that prints data, on a stage that has rotated once.
const PRINTS: &[&[&str]] = &[
    &["status"],
    &["status", "--output", "json"],
    &["history", "demo"],
    &["history", "demo", "--decisions"],
    &["check"],
    &["plan"],
    &["orphans", "list"],
    &["audit", "verify"],
    &["audit", "export"],
    &["explain"],
    &["explain", "orphans"],
    &["schema", "policy"],
    &["completions", "bash"],
    &["man"],
    &["--help"],
    &["--version"],
    &["run", "--once", "--budget", "0s"],
];

async fn rotated() -> Stage {
    let stage = Stage::new().await;
    let ended = stage.run(&["--rotate-now", "demo"]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    stage
}

/// Exit code and stderr with stdout at a place of our choice.
async fn with_stdout(stage: &Stage, arguments: &[&str], stdout: Stdio) -> (Option<i32>, String) {
    let mut command = stage.plain(arguments);
    command.stdout(stdout).stderr(Stdio::piped()).stdin(Stdio::null());
    let ended = tokio::task::spawn_blocking(move || {
        let child = command.spawn().unwrap();
        drop(command);
        child.wait_with_output().unwrap()
    });
    let ended = ended.await.unwrap();
    (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
}

/// What a terminal of so many columns shows; stdout and stderr are both the terminal.
async fn on_terminal(stage: &Stage, columns: u16, arguments: &[&str], no_color: bool) -> String {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&theirs, size).unwrap();
    let mut command = stage.plain(arguments);
    command.env("TERM", "xterm").env_remove("NO_COLOR").env_remove("CLICOLOR").env_remove("CI");
    if no_color {
        command.env("NO_COLOR", "1");
    }
    command.stdin(Stdio::null()).stdout(theirs.try_clone().unwrap()).stderr(theirs);
    let shown = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        drop(command);
        let mut shown = Vec::new();
        // A terminal whose other side has closed ends with an error.
        File::from(ours).read_to_end(&mut shown).ok();
        child.wait().unwrap();
        String::from_utf8(shown).unwrap()
    });
    shown.await.unwrap().replace('\r', "")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_went_away_changes_neither_the_exit_code_nor_stderr() {
    let stage = rotated().await;
    for arguments in PRINTS {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (code, err) = with_stdout(&stage, arguments, writer.into()).await;
        assert_eq!(code, Some(0), "{arguments:?}: {err}");
        assert!(!err.contains("error") && !err.contains("bug"), "{arguments:?}: {err}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn what_a_full_disk_did_not_take_is_no_success() {
    let stage = rotated().await;
    for arguments in [&["audit", "export"][..], &["status"], &["explain"], &["man"]] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let (code, err) = with_stdout(&stage, arguments, full.into()).await;
        assert_eq!(code, Some(3), "{arguments:?}: {err}");
        assert!(err.contains("error[output/lost]"), "{arguments:?}: {err}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrow_terminal_gets_narrow_lines_and_whole_ids() {
    let stage = rotated().await;
    for arguments in [&["status"][..], &["explain", "parked/trouble"], &["check"]] {
        let shown = on_terminal(&stage, 40, arguments, true).await;
        // Paths and commands are there to be copied, so they are not broken.
        let long = |line: &&str| line.chars().count() > 40 && line.trim().contains(' ');
        let typed = |line: &str| line.trim_start().starts_with("rekeyd ") || line.contains("next:");
        let wide: Vec<&str> = shown.lines().filter(long).filter(|line| !typed(line)).collect();
        assert!(wide.is_empty() || arguments == ["check"], "{arguments:?}: {wide:#?}");
        assert!(shown.lines().count() > 0 && !shown.contains('\u{1b}'), "{shown}");
    }
    let shown = on_terminal(&stage, 40, &["status"], true).await;
    assert!(shown.contains(&stage.current()), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_are_for_terminals_that_want_them() {
    let stage = rotated().await;
    assert!(on_terminal(&stage, 80, &["status"], false).await.contains('\u{1b}'));
    assert!(!on_terminal(&stage, 80, &["status"], true).await.contains('\u{1b}'));
    assert!(!on_terminal(&stage, 80, &["status", "--no-color"], false).await.contains('\u{1b}'));
    assert!(!stage.run(&["status"]).await.out.contains('\u{1b}'));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_points_at_its_page_on_a_terminal_and_nowhere_else() {
    let stage = Stage::new().await;
    let shown = on_terminal(&stage, 80, &["status", "dmeo"], true).await;
    assert!(shown.ends_with("more: rekeyd explain policy/unknown\n"), "{shown}");
    let piped = stage.run(&["status", "dmeo"]).await;
    assert!(!piped.err.contains("more:"), "{}", piped.err);
    // A slip of the keyboard needs no page.
    let shown = on_terminal(&stage, 80, &["rotate"], true).await;
    assert!(shown.contains("error[usage]") && !shown.contains("more:"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_are_plain_lines_in_a_pipe_and_coloured_on_a_terminal() {
    let stage = Stage::new().await;
    let shown = on_terminal(&stage, 80, &["--rotate-now", "demo"], false).await;
    assert!(shown.contains("demo: ") && shown.contains('\u{1b}'), "{shown}");
    let piped = stage.run(&["--rotate-now", "demo", "--leaked"]).await;
    assert_eq!(piped.code, 0, "{}", piped.err);
    assert!(piped.err.lines().all(|line| line.starts_with("demo: ")), "{}", piped.err);
    assert!(!piped.err.contains('\u{1b}') && !piped.err.contains('\r'), "{}", piped.err);
}
