//! Help, version, usage.

use insta::assert_snapshot;

use crate::stage::{end, rekeyd};

fn ran(arguments: &[&str]) -> (i32, String, String) {
    let home = tempfile::tempdir().unwrap();
    let ended = end(rekeyd(home.path()).args(arguments));
    (ended.code, ended.out, ended.err)
}

#[test]
fn the_help_names_every_command_and_flag() {
    let (code, out, err) = ran(&["--help"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_snapshot!(out, @r#"
    Rotates API keys before anyone notices, and kills a leaked one in seconds

    Usage: rekeyd [OPTIONS] [COMMAND]

    Commands:
      run           Rotate what is due until stopped, or with --once what is due now
      rotate        Rotate policies' keys now
      check         Check settings, policies, and journal; with --online also servers, keys, and rights
      plan          Say what the next step would be; changes nothing
      status        Show where every policy stands
      history       Tell what happened to a policy's key
      resume        Go on with a parked policy
      abort         Take the open rotation back
      ack           Say that a consumer uses the new key, where the policy waits for its word
      adopt         Accept what the store holds as right, or write a credential: piped in, or minted
      decommission  Retire a policy and its key for good
      forget        Stop looking after a secret that no policy names any more; changes no key
      orphans       List keys that nobody accounts for, or rule on one: keep, disable, delete
      reload        Tell the running daemon to read its policies anew
      audit         Check the journal's hash chain, or write its events as JSON lines
      explain       Say what a code means, and what to type
      schema        Print a JSON Schema for editors
      completions   Print what a shell needs to complete commands and flags
      man           Print the manual
      sandbox       Serve stand-ins for ION and AWS Secrets Manager on loopback until interrupted
      demo          Rotate a key of a stand-in ION under running consumers, then drill a leak

    Options:
          --config <FILE>           Settings file (rekeyd.toml)
          --policies <DIR>          Directory of policies, one TOML file each
          --state-dir <DIR>         Directory of the journal
          --init                    Begin a new journal where none is yet
          --output <FORM>           How results are printed [default: table] [possible values: table,
                                    json]
          --reason <TEXT>           Why, for the journal
          --log-level <LEVEL>       How much is logged on stderr; warn by default, and info for the
                                    daemon [possible values: off, error, warn, info, debug, trace]
          --log-format <FORM>       How log lines are written [default: text] [possible values: text,
                                    json]
          --no-color                No colours, also on a terminal
          --rotate-now [<NAME>...]  Rotate these policies' keys now (also: `rekeyd rotate NAME…`)
      -h, --help                    Print help
      -V, --version                 Print version

    With --rotate-now:
          --all            All policies; needs --yes
          --yes            Yes, all of them
          --leaked         The key leaked: replace it, kill it, and wait for the proof
          --key <ID>       Only this key leaked, also one that rekeyd does not manage
          --since <TIME>   When it may have leaked; keys that appeared since await a ruling
          --grace <TIME>   Let the leaked key live so long after the promote
          --kill-first     Kill the leaked key before consumers have the new one
          --again          Start anew even if one is open already
          --wait <WHEN>    When to return: the new key is current (default), the drain is over, or the
                           old key is gone [possible values: current, drained, complete]
          --budget <TIME>  Give up waiting after so long [default: 10m; none with --wait drained or
                           complete]
          --dry-run        Only say what the next step would be

    Exit codes: 0 done or waiting, 1 failed and rolled back, 2 usage, 3 configuration,
    4 rejected by issuer or store, 5 unreachable or throttled, 6 needs an operator,
    7 another process holds the lock, 8 journal unreadable, newer, or broken,
    128+n stopped by signal n.
    "#);
}

#[test]
fn a_command_says_what_its_flags_do() {
    let (code, out, _) = ran(&["run", "--help"]);
    assert_eq!(code, 0);
    assert_snapshot!(out, @r#"
    Rotate what is due until stopped, or with --once what is due now

    Usage: rekeyd run [OPTIONS]

    Options:
          --config <FILE>      Settings file (rekeyd.toml)
          --once               Do what can be done now, then end; without it, go on until stopped
          --budget <TIME>      Wait at most this long for what comes due meanwhile; 10m by default
          --policies <DIR>     Directory of policies, one TOML file each
          --state-dir <DIR>    Directory of the journal
          --init               Begin a new journal where none is yet
          --output <FORM>      How results are printed [default: table] [possible values: table, json]
          --reason <TEXT>      Why, for the journal
          --log-level <LEVEL>  How much is logged on stderr; warn by default, and info for the daemon
                               [possible values: off, error, warn, info, debug, trace]
          --log-format <FORM>  How log lines are written [default: text] [possible values: text, json]
          --no-color           No colours, also on a terminal
      -h, --help               Print help
    "#);
}

#[test]
fn check_says_how_far_it_looks() {
    let (code, out, _) = ran(&["check", "--help"]);
    assert_eq!(code, 0);
    let (own, _) = out.split_once("      --policies").unwrap();
    assert_snapshot!(own, @r#"
    Check settings, policies, and journal; with --online also servers, keys, and rights

    Usage: rekeyd check [OPTIONS] [NAME]...

    Arguments:
      [NAME]...  Only these policies; with --online or --print-iam

    Options:
          --config <FILE>      Settings file (rekeyd.toml)
          --online             Look at store and issuer too; changes nothing
    "#);
}

#[test]
fn the_new_words_say_what_they_take() {
    for (arguments, said) in [
        (&["audit", "verify", "--help"][..], "--head <HASH>"),
        (&["audit", "export", "--help"], "[NAME]"),
        (&["explain", "--help"], "[CODE]"),
        (&["completions", "--help"], "bash, elvish, fish, powershell, zsh"),
        (&["man", "--help"], "--dir <DIR>"),
    ] {
        let (code, out, err) = ran(arguments);
        assert_eq!((code, err.as_str()), (0, ""), "{arguments:?}");
        assert!(out.contains(said), "{arguments:?}: {out}");
    }
}

#[test]
fn what_a_command_takes_was_not_described() {
    for arguments in [
        &["orphans", "keep"][..],
        &["orphans", "disable"],
        &["orphans", "delete"],
        &["decommission"],
        &["resume"],
        &["abort"],
        &["adopt"],
        &["history"],
        &["forget"],
        &["status"],
        &["rotate"],
    ] {
        let (code, out, _) = ran(&[arguments, &["--help"]].concat());
        assert_eq!(code, 0);
        let (_, taken) = out.split_once("Arguments:\n").unwrap();
        let line = taken.lines().next().unwrap();
        assert!(line.split_whitespace().count() > 2, "{arguments:?}: {line}");
    }
}

#[test]
fn what_does_not_go_together_is_usage() {
    for (arguments, said) in [
        (&[][..], "no command was given"),
        (&["--leaked", "status"], "those flags go with --rotate-now NAME"),
        (&["--rotate-now", "a", "--", "status"], ""),
        (&["run", "--budget", "5m"], "--once"),
        (&["frobnicate"], "frobnicate"),
        (&["rotate", "a", "--since", "soon", "--leaked"], "is no time such as"),
        (&["run", "--once", "--budget", "5"], "needs a unit"),
        (&["status", "--reason", "a\u{7}b"], "control character"),
    ] {
        let (code, _, err) = ran(arguments);
        assert!(code == 2 || said.is_empty(), "{arguments:?}: {code} {err}");
        assert!(err.contains(said), "{arguments:?}: {err}");
    }
}

#[test]
fn schemas_are_json() {
    for what in ["policy", "settings"] {
        let (code, out, _) = ran(&["schema", what]);
        assert_eq!(code, 0);
        let schema: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(schema["additionalProperties"], false, "{what}");
    }
}

#[test]
fn the_stand_ins_say_what_their_flags_do() {
    let (code, out, _) = ran(&["sandbox", "--help"]);
    assert_eq!(code, 0);
    for said in [
        "--secret-id <NAME>    Make this secret with a first key, for a policy with",
        "--region <REGION>     Region of --secret-id [default: us-east-1]",
    ] {
        assert!(out.contains(said), "{out}");
    }
    let (code, out, _) = ran(&["demo", "--help"]);
    assert_eq!(code, 0);
    assert!(out.contains("[default: file] [possible values: file,"), "{out}");
    let (code, _, err) = ran(&["sandbox", "--region", "eu-west-1"]);
    assert_eq!(code, 2);
    assert!(err.contains("--secret-id"), "{err}");
}
