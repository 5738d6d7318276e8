//! This binary as its own child: a process to kill, to limit, and to take the disk away from.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use rekeyd::journal::{RESERVE_FILE, SqliteJournal, StateLock};
use rekeyd::port::{Journal, JournalError};

use crate::disk::use_up_a_small_disk;
use crate::harness::{at, event, large_event, one};

const ROLE: &str = "REKEYD_TEST_CHILD_ROLE";
const DIR: &str = "REKEYD_TEST_CHILD_DIR";

/// What the child does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Appends small events until it is killed: `ack POSITION` after each.
    Append,
    /// Appends a few small events: `ack POSITION`, or `refused`, after each.
    AppendSome,
    /// Appends large events until one is refused.
    AppendLarge,
    /// Reads, and tries to open for writing.
    Read,
    /// Takes the lock and waits.
    Lock,
    /// Runs the full-disk story on a small file system of its own.
    SmallDisk,
}

const ROLES: [Role; 6] =
    [Role::Append, Role::AppendSome, Role::AppendLarge, Role::Read, Role::Lock, Role::SmallDisk];

/// Not a test of its own: what the others start.
#[tokio::test]
async fn child_process() {
    let (Ok(role), Some(dir)) = (std::env::var(ROLE), std::env::var_os(DIR)) else { return };
    let role = ROLES.into_iter().find(|known| format!("{known:?}") == role).unwrap();
    let dir = PathBuf::from(dir);
    // The harness has begun a line with the test's name.
    println!();
    match role {
        Role::Append => append(&dir, u64::MAX).await,
        Role::AppendSome => append(&dir, 5).await,
        Role::AppendLarge => append_large(&dir).await,
        Role::Read => read(&dir).await,
        Role::Lock => {
            let _lock = StateLock::acquire(&dir).unwrap();
            println!("locked");
            // Until the parent kills us, or is gone itself.
            std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        }
        Role::SmallDisk => use_up_a_small_disk(&dir).await,
    }
}

async fn append(dir: &Path, count: u64) {
    let journal = match SqliteJournal::open(dir) {
        Ok(journal) => journal,
        Err(error) => {
            println!("not opened: {error}");
            return;
        }
    };
    let mut position = journal.replay(&one()).await.unwrap().len() as u64;
    for _ in 0..count {
        match journal.append(&one(), position, &at(position), &[event(position + 1)]).await {
            Ok(now) => {
                position = now;
                println!("ack {now}");
            }
            Err(JournalError::Unwritable(_)) => println!("refused"),
            Err(other) => panic!("{other}"),
        }
    }
}

async fn append_large(dir: &Path) {
    let journal = SqliteJournal::open(dir).unwrap();
    println!("reserve {}", dir.join(RESERVE_FILE).exists());
    for n in 0..1000 {
        match journal.append(&one(), n, &at(n), &[large_event(n + 1)]).await {
            Ok(now) => println!("ack {now}"),
            Err(JournalError::Unwritable(_)) => {
                println!("refused");
                println!("reserve {}", dir.join(RESERVE_FILE).exists());
                return;
            }
            Err(other) => panic!("{other}"),
        }
    }
}

async fn read(dir: &Path) {
    let journal = SqliteJournal::open_read_only(dir).unwrap();
    println!("read {}", journal.replay(&one()).await.unwrap().len());
    if matches!(SqliteJournal::open(dir), Err(JournalError::NotOurs(_))) {
        println!("not ours to write");
    }
}

/// A child and what it says.
pub(crate) struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line that the child said, without what the test harness says around it.
    pub(crate) fn next_word(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            // A line without an end was cut off by the kill.
            if self.lines.read_line(&mut line).unwrap() == 0 || !line.ends_with('\n') {
                return None;
            }
            let said =
                ["ack ", "refused", "reserve ", "read ", "not ", "locked", "mounted", "done"];
            if said.iter().any(|word| line.starts_with(word)) {
                return Some(line.trim_end().to_owned());
            }
        }
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Everything to the end, and whether it ended well.
    pub(crate) fn finish(mut self) -> (Vec<String>, bool) {
        let said = std::iter::from_fn(|| self.next_word()).collect();
        (said, self.child.wait().unwrap().success())
    }

    pub(crate) fn output_of_success(self) -> Vec<String> {
        let (said, good) = self.finish();
        assert!(good, "the child failed: {said:?}");
        said
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn start(role: Role, dir: &Path) -> Running {
    spawn(Command::new(std::env::current_exe().unwrap()), role, dir)
}

/// Through a program that ends by running its last argument with what follows.
pub(crate) fn start_through(program: &[&str], role: Role, dir: &Path) -> Running {
    let mut command = Command::new(program[0]);
    command.args(&program[1..]).arg(std::env::current_exe().unwrap());
    spawn(command, role, dir)
}

/// As somebody who may read the files and may not write them.
pub(crate) fn start_as_other_user(role: Role, dir: &Path) -> Running {
    use std::os::unix::fs::PermissionsExt;
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    let root = rustix::process::geteuid().is_root();
    for entry in fs::read_dir(dir).unwrap() {
        set(&entry.unwrap().path(), if root { 0o444 } else { 0o400 }).unwrap();
    }
    // The other user must get at the binary, wherever it was built. Without root there is no
    // other user: the directory itself may not be written, which `open` must survive.
    let binary = dir.join("child");
    fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
    set(&binary, 0o555).unwrap();
    set(dir, 0o555).unwrap();
    let mut command = Command::new(binary);
    if root {
        command.uid(12345).gid(12345);
    }
    spawn(command, role, dir)
}

fn spawn(mut command: Command, role: Role, dir: &Path) -> Running {
    let mut child = command
        .args(["--exact", "child::child_process", "--nocapture", "--test-threads=1"])
        .env(ROLE, format!("{role:?}"))
        .env(DIR, dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    Running { child, lines }
}
