//! A daemon that runs on a stage. It is killed when dropped.

use std::fs::OpenOptions;
use std::process::{Child, ExitStatus};

use rustix::process::{Pid, Signal, kill_process};

use crate::ear::Ear;
use crate::stage::{BOUND, Stage, came};

pub struct Daemon {
    child: Child,
    pub ear: Ear,
}

impl Daemon {
    /// Starts one, and waits until it says that it is ready.
    pub async fn start(stage: &Stage) -> Self {
        let mut daemon = Self::begin(stage, &[]);
        daemon.is_ready(stage).await;
        daemon
    }

    /// Starts one with more of an environment.
    pub fn begin(stage: &Stage, environment: &[(&str, &str)]) -> Self {
        let ear = Ear::at(&stage.path("notify.sock"));
        let log = stage.path("daemon.log");
        let log = OpenOptions::new().create(true).append(true).open(log).unwrap();
        let mut command = stage.command(&["--log-level", "info", "run"]);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        command.env("NOTIFY_SOCKET", &ear.path).envs(environment.iter().copied());
        Self { child: command.spawn().unwrap(), ear }
    }

    pub async fn is_ready(&mut self, stage: &Stage) {
        let (ear, child) = (&mut self.ear, &mut self.child);
        let ready = came(BOUND, || ear.has("READY=1") || child.try_wait().unwrap().is_some()).await;
        let running = self.child.try_wait().unwrap().is_none();
        assert!(ready && running, "the daemon is not ready: {}", stage.log());
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for the end.
    pub async fn ended(&mut self, stage: &Stage) -> ExitStatus {
        let child = &mut self.child;
        let over = came(BOUND, || child.try_wait().unwrap().is_some()).await;
        assert!(over, "the daemon goes on: {}", stage.log());
        self.child.wait().unwrap()
    }

    /// SIGTERM, and the end.
    pub async fn stop(mut self, stage: &Stage) {
        self.signal(Signal::TERM);
        let status = self.ended(stage).await;
        assert_eq!(status.code(), Some(0), "{}", stage.log());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
