//! Who is let in.

use std::os::unix::process::CommandExt;
use std::process::Command;

use rekeyd::daemon::control::{Limits, Peer, Rule};

use crate::clerk::{Counter, command};

/// An account that is neither root nor anybody's.
const STRANGER: u32 = 65_534;

#[test]
fn root_the_own_account_and_a_groups_members_are_let_in_and_nobody_else() {
    let peer = |account, group| Peer { account, group, pid: None };
    let (alone, shared) = (Rule { own: 990, group: None }, Rule { own: 990, group: Some(70_000) });
    for (rule, peer, allowed) in [
        (&alone, peer(0, 0), true),
        (&alone, peer(990, 990), true),
        (&alone, peer(991, 70_000), false),
        (&shared, peer(991, 70_000), true),
        (&shared, peer(991, 991), false),
        (&shared, peer(991, 990), false),
    ] {
        assert_eq!(rule.allows(&peer), allowed, "{rule:?} {peer:?}");
        let Err(refused) = rule.admit(&peer) else { continue };
        assert!(refused.message.contains("user 990"), "{}", refused.message);
        assert!(refused.message.contains("not to user 991"), "{}", refused.message);
        assert_eq!(refused.message.contains("group 70000"), rule == &shared);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kernel_says_who_asks() {
    let counter = Counter::usual();
    let mut client = counter.call().await;
    client.say(&command(&["echo"])).await;
    while client.hear().await.is_some() {}
    let peers = counter.player.peers.lock().unwrap();
    let own = rustix::process::geteuid().as_raw();
    assert_eq!((peers[0].account, peers[0].pid), (own, Some(std::process::id())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_refused_with_the_rule_and_nothing_is_run() {
    let own = rustix::process::geteuid();
    if own.is_root() {
        let counter = Counter::usual();
        // Past the file's mode, as through a directory that somebody opened by mistake.
        let path = counter.dir.path().join("control.sock");
        let open = |path: &std::path::Path| {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
            std::fs::set_permissions(path, mode).unwrap();
        };
        open(counter.dir.path());
        open(&path);
        let script = "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); \
                      print(s.makefile().read())";
        let mut python = Command::new("python3");
        let python = python.args(["-c", script]).arg(&path).uid(STRANGER).gid(STRANGER);
        let Ok(output) = python.output() else { return };
        let heard = String::from_utf8(output.stdout).unwrap();
        assert!(heard.contains("control/not-allowed"), "{heard}");
        assert!(heard.contains("listens to root"), "{heard}");
        assert_eq!(counter.begun(), 0);
    } else {
        let rule = Rule { own: own.as_raw() + 1, group: None };
        let counter = Counter::open(rule, Limits::default());
        let mut client = counter.call().await;
        client.say(&command(&["echo"])).await;
        assert_eq!(client.refusal().await.code, "control/not-allowed");
        assert_eq!(counter.begun(), 0);
    }
}
