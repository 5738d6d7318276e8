//! `explain`, `completions`, `man`: words about the product, from the binary.

use insta::assert_snapshot;

use crate::stage::{Ended, end, rekeyd};

fn ran(arguments: &[&str]) -> Ended {
    let home = tempfile::tempdir().unwrap();
    end(rekeyd(home.path()).args(arguments))
}

#[test]
fn a_page_says_what_happened_what_is_left_and_what_to_type() {
    let ended = ran(&["explain", "parked/pin_differs"]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    assert_snapshot!(ended.out, @r"
    parked/pin_differs: somebody changed a key after it was disabled here

    What happened
      The etag of the old key is not the one that our own disable left, or the key
      is enabled again.

    What state that leaves
      Consumers are not affected: current holds the new key. The old key was not
      deleted and may be alive.

    What rekeyd does by itself
      It does not delete the key.

    What to do
      Find who changed it, and why. If the key is still to go, resume: it is
      disabled again and soaks anew. If it is still needed, abort.

    Commands
      rekeyd resume NAME
      rekeyd abort NAME

    Where the rule comes from
      A delete carries the etag that our own disable left, so that it cannot hit a
      key that somebody revived (R21).
    ");
}

#[test]
fn the_list_has_one_line_a_code_and_each_can_be_explained() {
    let list = ran(&["explain"]);
    assert_eq!((list.code, list.err.as_str()), (0, ""));
    let json = ran(&["explain", "--output", "json"]).json();
    let codes = json["codes"].as_array().unwrap();
    assert_eq!(list.out.lines().count(), codes.len());
    for (line, code) in list.out.lines().zip(codes) {
        assert!(line.starts_with(code["code"].as_str().unwrap()), "{line}");
        assert!(line.ends_with(code["title"].as_str().unwrap()), "{line}");
    }
    // The pages themselves are read by the unit tests; the binary finds the first and the last.
    for code in [codes.first().unwrap(), codes.last().unwrap()] {
        let page = ran(&["explain", code["code"].as_str().unwrap(), "--output", "json"]).json();
        assert_eq!(page["pages"][0]["code"], code["code"]);
        assert!(page["pages"][0]["commands"][0].is_string(), "{page}");
    }
}

#[test]
fn an_unknown_code_is_usage_and_names_the_nearest() {
    let ended = ran(&["explain", "parked/curent_dead"]);
    assert_eq!((ended.code, ended.out.as_str()), (2, ""));
    assert_snapshot!(ended.err, @r"
    error[usage]: there is no code `parked/curent_dead`; did you mean `parked/current_dead`?
    next: rekeyd explain parked/current_dead
    ");
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ended = ran(&["completions", shell]);
        assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{shell}");
        for word in ["rotate", "explain", "audit", "kill-first"] {
            assert!(ended.out.contains(word), "{shell} does not know {word}");
        }
    }
    assert_eq!(ran(&["completions", "tcsh"]).code, 2);
}

#[test]
fn bash_completes_a_command_with_what_it_was_given() {
    let script = ran(&["completions", "bash"]).out;
    let asks = "COMP_WORDS=(rekeyd exp); COMP_CWORD=1; _rekeyd rekeyd exp rekeyd\n\
                echo \"${COMPREPLY[@]}\"\n";
    let mut bash = assert_cmd::Command::new("bash");
    let output = bash.arg("-c").arg(format!("{script}\n{asks}")).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.trim(), "explain", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let main = ran(&["man"]);
    assert_eq!((main.code, main.err.as_str()), (0, ""));
    assert!(main.out.contains(".TH rekeyd 1"), "{}", main.out);
    assert!(main.out.is_ascii(), "a formatter may read ASCII only");
    let dir = tempfile::tempdir().unwrap();
    let ended = ran(&["man", "--dir", dir.path().to_str().unwrap()]);
    assert_eq!((ended.code, ended.out.as_str()), (0, ""));
    let file = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    assert_eq!(file("rekeyd.1").lines().next(), main.out.lines().next());
    for (name, holds) in [
        ("rekeyd-run.1", "budget"),
        ("rekeyd-audit-verify.1", "HASH"),
        ("rekeyd-orphans-keep.1", "KEY"),
        ("rekeyd-explain.1", "CODE"),
    ] {
        assert!(file(name).contains(holds), "{name}");
    }
}

#[test]
fn a_manual_that_cannot_be_written_says_where_and_what_to_type() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    let ended = ran(&["man", "--dir", missing.to_str().unwrap()]);
    assert_eq!((ended.code, ended.out.as_str()), (3, ""));
    assert!(ended.err.contains("error[man/unwritable]"), "{}", ended.err);
    assert!(ended.err.contains("next: mkdir -p"), "{}", ended.err);
}
