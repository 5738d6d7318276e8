//! What is said and heard.

use rekeyd::wire::{
    Answer, Bytes, End, Input, MAX_INPUT_BYTES, Request, Stream, Text, VERSION, Wish,
};

use crate::clerk::{Counter, command, hello};

fn text(stream: Stream, text: &str) -> Option<Answer> {
    Some(Answer::Text(Text { stream, text: text.into() }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_shown_line_by_line_and_ends_with_its_exit_code() {
    let counter = Counter::usual();
    let mut client = counter.call().await;
    client.say(&command(&["echo", "ü \"quoted\"\n", "x"])).await;
    assert_eq!(client.hear().await, text(Stream::Stdout, "echo ü \"quoted\"\n x\n"));
    assert_eq!(client.hear().await, text(Stream::Stderr, "beside\n"));
    assert_eq!(client.hear().await, Some(Answer::End(End { exit: 3 })));
    assert_eq!(client.hear().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_says_what_it_is_and_runs_nothing_for_that() {
    let counter = Counter::usual();
    let mut client = counter.call().await;
    client.say(&hello(Wish::About)).await;
    let Some(Answer::About(about)) = client.hear().await else { panic!("it says nothing") };
    assert_eq!((about.pid, about.reload_error.as_deref()), (7, Some("why")));
    assert_eq!(counter.begun(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_clerk_refuses_is_refused_in_its_words() {
    let counter = Counter::usual();
    let mut client = counter.call().await;
    client.say(&command(&["refuse"])).await;
    let refused = client.refusal().await;
    assert_eq!((refused.exit, refused.code.as_str()), (9, "c"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_is_refused_naming_both_whatever_else_it_says() {
    let counter = Counter::usual();
    for line in [
        "{\"hello\":{\"version\":99,\"wish\":{\"sing\":[1]},\"places\":7}}\n",
        "{\"hello\":{\"version\":0,\"wish\":\"about\"}}\n",
    ] {
        let mut client = counter.call().await;
        client.raw(line.as_bytes()).await;
        let refused = client.refusal().await;
        assert_eq!((refused.exit, refused.code.as_str()), (3, "control/version"));
        let theirs = if line.contains("99") { "version 99" } else { "version 0" };
        assert!(refused.message.contains(theirs), "{}", refused.message);
        assert!(refused.message.contains(&format!("version {VERSION}")), "{}", refused.message);
    }
    assert_eq!(counter.begun(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_are_not_known_are_no_matter() {
    let counter = Counter::usual();
    let mut client = counter.call().await;
    let line = r#"{"hello":{"version":1,"later":[],"wish":{"command":{"arguments":["a"],"b":0}}}}"#;
    client.raw(format!("{line}\n").as_bytes()).await;
    assert_eq!(client.hear().await, text(Stream::Stdout, "a\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn input_arrives_whole_in_pieces() {
    let counter = Counter::usual();
    let mut client = counter.call().await;
    client.say(&command(&["input"])).await;
    for last in [false, false, true] {
        let bytes = Bytes(vec![b'"'; MAX_INPUT_BYTES].into());
        client.say(&Request::Input(Input { bytes, last })).await;
    }
    let said = format!("{} bytes\n", 3 * MAX_INPUT_BYTES);
    assert_eq!(client.hear().await, text(Stream::Stdout, &said));
    assert_eq!(client.hear().await, Some(Answer::End(End { exit: 2 })));
}
