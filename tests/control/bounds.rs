//! Clients that say nothing, nonsense, or too much, and that read too little.

use std::time::{Duration, Instant};

use rekeyd::daemon::control::{Limits, Rule};
use rekeyd::wire::{Answer, Request, Stop, Wish};

use crate::clerk::{Client, Counter, command, hello, until};

fn short() -> Limits {
    let soon = Duration::from_millis(300);
    Limits { connections: 2, hello: soon, slow: soon, backlog: 256 * 1024 }
}

/// The whole answer of a command that only echoes.
async fn is_served(counter: &Counter) {
    let mut client = counter.call().await;
    client.say(&command(&["echo"])).await;
    let mut last = None;
    while let Some(answer) = client.hear().await {
        last = Some(answer);
    }
    assert!(matches!(last, Some(Answer::End(_))), "{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_refused_and_the_next_client_is_served() {
    let counter = Counter::usual();
    let huge = format!("{{\"hello\":{{\"version\":1,\"x\":\"{}\"}}}}\n", "y".repeat(80_000));
    for line in [
        "nonsense\n",
        "\n",
        "{}\n",
        "[[[[[[[[\n",
        "{\"stop\":{}}\n",
        "{\"hello\":{\"version\":-1}}\n",
        "{\"hello\":{\"version\":1,\"wish\":{\"command\":3}}}\n",
        "\0\u{ff}\n",
        &"[".repeat(60_000),
        &huge,
    ] {
        let mut client = counter.call().await;
        let mut line = line.as_bytes().to_vec();
        line.push(b'\n');
        client.raw(&line).await;
        assert_eq!(client.refusal().await.code, "control/garbled");
        assert_eq!(client.hear().await, None);
    }
    assert_eq!(counter.begun(), 0);
    is_served(&counter).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_line_is_dropped_and_the_next_client_is_served() {
    let counter = Counter::usual();
    let mut client = counter.call().await;
    client.raw(b"{\"hello\":{\"version\":1").await;
    let Client { mut from, to } = client;
    drop(to);
    assert_eq!(from.next().await.unwrap(), None);
    is_served(&counter).await;
    assert_eq!(counter.begun(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_client_costs_one_place_for_a_while_and_no_more() {
    let counter = Counter::open(Rule::own(None), short());
    let begun = Instant::now();
    let mut silent = counter.call().await;
    let mut hushed = counter.call().await;
    let mut third = counter.call().await;
    assert_eq!(third.refusal().await.code, "control/busy");
    assert_eq!((silent.hear().await, hushed.hear().await), (None, None));
    assert!(begun.elapsed() < Duration::from_secs(10));
    is_served(&counter).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_is_too_slow_is_dropped_and_delays_nobody() {
    let counter = Counter::open(Rule::own(None), short());
    let mut slow = counter.call().await;
    slow.say(&command(&["flood"])).await;
    until("the end of a command that nobody reads", || counter.ended() == 1).await;
    is_served(&counter).await;
    // What the socket held is there, the rest is not, and no end is pretended.
    let mut heard = 0;
    let mut last = None;
    while let Some(answer) = slow.hear().await {
        if let Answer::Text(text) = &answer {
            heard += text.text.len();
        }
        last = Some(answer);
    }
    assert!(heard < 4 * 1024 * 1024, "{heard}");
    assert!(!matches!(last, Some(Answer::End(_))), "{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sixty_fifth_client_is_told_so_and_a_place_that_ends_is_free_again() {
    let counter = Counter::usual();
    let mut held = Vec::new();
    for _ in 0..64 {
        let mut client = counter.call().await;
        client.say(&command(&["hold"])).await;
        held.push(client);
    }
    until("64 commands", || counter.begun() == 64).await;
    let mut late = counter.call().await;
    let refused = late.refusal().await;
    assert_eq!((refused.exit, refused.code.as_str()), (5, "control/busy"));
    counter.player.release.add_permits(64);
    for client in &mut held {
        while client.hear().await.is_some() {}
    }
    is_served(&counter).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_goes_on_when_its_client_leaves_and_keeps_its_place_till_then() {
    let counter = Counter::open(Rule::own(None), short());
    let mut broken = counter.call().await;
    broken.say(&command(&["hold"])).await;
    let mut polite = counter.call().await;
    polite.say(&command(&["hold"])).await;
    until("two commands", || counter.begun() == 2).await;
    drop(broken);
    polite.say(&Request::Stop(Stop {})).await;
    // Nothing more is shown to whoever does not want it.
    assert_eq!(polite.hear().await, None);
    assert_eq!(counter.call().await.refusal().await.code, "control/busy");
    counter.player.release.add_permits(2);
    until("the end of both", || counter.ended() == 2).await;
    is_served(&counter).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_ends_waits_for_its_commands_and_lets_nobody_in() {
    let counter = Counter::usual();
    let mut client = counter.call().await;
    client.say(&command(&["hold"])).await;
    until("the command", || counter.begun() == 1).await;
    let (player, path) = (counter.player.clone(), counter.dir.path().join("control.sock"));
    let closing = tokio::spawn(counter.close());
    until("a closed door", || std::os::unix::net::UnixStream::connect(&path).is_err()).await;
    assert!(!closing.is_finished());
    player.release.add_permits(1);
    closing.await.unwrap();
    assert_eq!(player.ended.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_after_the_hello_ends_the_following_and_not_the_command() {
    let counter = Counter::usual();
    let mut client = counter.call().await;
    client.say(&command(&["hold"])).await;
    client.say(&hello(Wish::About)).await;
    assert_eq!(client.hear().await, None);
    counter.player.release.add_permits(1);
    until("the end of the command", || counter.ended() == 1).await;
}
