//! Every code has a page, and every page holds what it promises.

use clap::Parser;

use super::pages::page;
use super::*;
use crate::cli::args::Cli;

#[test]
fn every_page_says_everything_and_in_sentences() {
    for code in Code::all() {
        let Page { title, happened, leaves, by_itself, to_do, commands, rule } = page(code);
        assert!(title.len() <= 80 && !title.ends_with('.'), "{code}: {title}");
        for text in [happened, leaves, by_itself, to_do, rule] {
            assert!(text.ends_with('.'), "{code}: {text}");
            assert!(!text.contains("  "), "{code}: {text}");
        }
        assert!(!commands.is_empty(), "{code} names no command");
    }
}

#[test]
fn every_command_that_a_page_names_can_be_typed() {
    for code in Code::all() {
        for command in page(code).commands {
            let typed = command.split(" < ").next().unwrap().trim_start_matches("sudo -u rekeyd ");
            if typed.starts_with("rekeyd") {
                let words = typed.replace("HASH", &"0".repeat(64));
                let parsed = Cli::try_parse_from(words.split(' '));
                let asks = |e: &clap::Error| !e.use_stderr();
                assert!(parsed.as_ref().err().is_none_or(asks), "{code}: {command}: {parsed:?}");
            }
        }
    }
}

#[test]
fn every_state_page_says_what_becomes_of_consumers_or_keys() {
    let said = ["onsumer", "key", "Keys", "file", "page"];
    for code in Code::all() {
        let leaves = page(code).leaves;
        assert!(said.iter().any(|word| leaves.contains(word)), "{code}: {leaves}");
    }
}

#[test]
fn no_two_codes_of_one_kind_share_a_title() {
    let kind = |code: Code| std::mem::discriminant(&code);
    for code in Code::all() {
        let twins = Code::all().filter(|other| kind(*other) == kind(code));
        let same = |other: &Code| page(*other).title == page(code).title;
        let expected =
            if matches!(code, Code::Finding(_, problem) if problem.in_settings()) { 2 } else { 1 };
        assert_eq!(twins.filter(same).count(), expected, "{code}");
    }
}

#[test]
fn a_code_is_found_whole_by_its_half_and_in_brackets() {
    for (typed, found) in [
        ("parked/current_dead", &["parked/current_dead"][..]),
        ("[journal/broken]", &["journal/broken"]),
        ("STAGED_CHANGED", &["parked/staged_changed"]),
        ("orphans", &["parked/orphans", "refused/orphans"]),
        ("orphan", &["orphan"]),
    ] {
        let codes: Vec<String> = meant(typed).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(codes, found, "{typed}");
    }
    let error = meant("parked/curent_dead").unwrap_err();
    assert_eq!(error.next_command.unwrap(), "rekeyd explain parked/current_dead");
    let error = meant("curent_dead").unwrap_err();
    assert_eq!(error.next_command.unwrap(), "rekeyd explain current_dead");
    assert_eq!(meant("no such thing at all").unwrap_err().exit, Exit::Usage);
}
