//! Policies that come, change, and go while the daemon runs (F22).

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Instant;

use rustix::process::Signal;
use serde_json::Value;

use crate::daemon::Daemon;
use crate::stage::{BOUND, ON_DEMAND, ONCE, Stage, Terms, came};

const NAME: &str = "netsuite-sync";

fn idle(one: &Value) -> bool {
    one["state"] == "idle"
}

async fn running(terms: Terms) -> (Stage, Daemon) {
    let stage = Stage::of(NAME, terms).await;
    let daemon = Daemon::start(&stage).await;
    stage.until(NAME, "adopted", |one| one["state"] != "unadopted").await;
    (stage, daemon)
}

/// What the daemon says of its policies on the disk.
async fn complaint(stage: &Stage) -> Option<String> {
    stage.status().await["daemon"]["reload_error"].as_str().map(str::to_owned)
}

async fn until_complaint(stage: &Stage, part: &str) {
    let begun = Instant::now();
    while !complaint(stage).await.is_some_and(|said| said.contains(part)) {
        assert!(begun.elapsed() < BOUND, "never said {part:?}: {}", stage.log());
    }
}

async fn until_no_complaint(stage: &Stage) {
    let begun = Instant::now();
    while complaint(stage).await.is_some() {
        assert!(begun.elapsed() < BOUND, "still not taken over: {}", stage.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_is_taken_in_without_a_signal_however_it_was_written() {
    let (stage, daemon) = running(ON_DEMAND).await;
    let before = stage.status().await["daemon"]["loaded_at"].clone();
    stage.add("renamed", ON_DEMAND);
    stage.until("renamed", "adopted", idle).await;
    assert_ne!(
        stage.status().await["daemon"]["loaded_at"],
        before,
        "it says that nothing was read"
    );
    stage.seed("written");
    fs::write(stage.policy_file("written"), stage.text("written", ON_DEMAND)).unwrap();
    stage.until("written", "adopted", idle).await;
    assert_eq!(stage.creates(), 0);
    daemon.stop(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mounted_config_map_that_is_swapped_is_read_anew() {
    let stage = Stage::new().await;
    let place = stage.path("policies");
    for (volume, names) in [("..1", &["one"][..]), ("..2", &["one", "two"])] {
        fs::create_dir(place.join(volume)).unwrap();
        for name in names {
            fs::write(place.join(volume).join(format!("{name}.toml")), stage.text(name, ON_DEMAND))
                .unwrap();
        }
    }
    stage.seed("one");
    stage.seed("two");
    symlink("..1", place.join("..data")).unwrap();
    symlink("..data/one.toml", place.join("one.toml")).unwrap();
    let daemon = Daemon::start(&stage).await;
    stage.until("one", "adopted", idle).await;
    // As the kubelet does it: links to what will be there, then one rename.
    symlink("..data/two.toml", place.join("two.toml")).unwrap();
    symlink("..2", place.join("..data_tmp")).unwrap();
    fs::rename(place.join("..data_tmp"), place.join("..data")).unwrap();
    stage.until("two", "adopted", idle).await;
    until_no_complaint(&stage).await;
    // Only contents change: no name does.
    fs::create_dir(place.join("..3")).unwrap();
    let due = Terms { schedule: "cron = \"0 0 3 1 1 *\"", ..ON_DEMAND };
    fs::write(place.join("..3/one.toml"), stage.text("one", due)).unwrap();
    fs::write(place.join("..3/two.toml"), stage.text("two", ON_DEMAND)).unwrap();
    symlink("..3", place.join("..data_tmp")).unwrap();
    fs::rename(place.join("..data_tmp"), place.join("..data")).unwrap();
    stage.comes("a reload", || stage.log().contains("changed=1")).await;
    daemon.stop(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_file_leaves_the_last_good_set_and_mending_it_takes_effect() {
    let (stage, daemon) = running(ON_DEMAND).await;
    let good = stage.text(NAME, ON_DEMAND);
    stage.policy(NAME, &good.replace("drain", "drian"));
    until_complaint(&stage, "drian").await;
    assert!(stage.log().contains("the last good ones go on"), "{}", stage.log());
    let said = stage.run(&["status"]).await;
    assert!(said.out.contains("not reloaded"), "{said:?}");
    // The last good set still obeys.
    let reload = stage.run(&["reload"]).await;
    assert_eq!(reload.code, Some(3), "{reload:?}");
    let rotated = stage.run(&["--rotate-now", NAME]).await;
    assert_eq!(rotated.code, Some(0), "{rotated:?}\n{}", stage.log());
    stage.policy(NAME, &good);
    until_no_complaint(&stage).await;
    daemon.stop(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_directory_is_refused_and_the_last_good_set_goes_on() {
    let (stage, mut daemon) = running(ON_DEMAND).await;
    let file = stage.policy_file(NAME);
    fs::remove_file(&file).unwrap();
    until_complaint(&stage, "no policy any more").await;
    daemon.signal(Signal::HUP);
    let ear = &mut daemon.ear;
    assert!(came(BOUND, || ear.count("READY=1") == 2).await, "{:?}", ear.heard());
    stage.policy(NAME, &stage.text(NAME, ONCE));
    until_no_complaint(&stage).await;
    stage.comes("a rotation of the policy that came back", || stage.creates() == 1).await;
    daemon.stop(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_is_removed_after_the_promote_finishes_by_what_it_was() {
    let (stage, daemon) = running(Terms { drain: "8s", ..ONCE }).await;
    let consumer = stage.consumer(NAME);
    stage.add("other", ON_DEMAND);
    let promoted = |one: &Value| one["rotation"]["state"] == "promoted";
    stage.until(NAME, "promoted", promoted).await;
    let new = stage.current_key(NAME);
    fs::remove_file(stage.policy_file(NAME)).unwrap();
    let tenant = stage.tenant();
    let own = || tenant.keys().iter().filter(|key| tenant.alive(&key.client_id)).count() == 2;
    stage.comes("the old key's end", || tenant.alive(&new) && own()).await;
    assert_eq!(stage.current_key(NAME), new);
    assert_eq!(stage.creates(), 1, "a removed policy began another rotation");
    assert_eq!(consumer.failures(), 0);
    daemon.stop(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_is_removed_before_the_promote_is_taken_back() {
    use rekeyd::sandbox::{CallKind, Fault, What};
    let stage = Stage::of(NAME, ONCE).await;
    stage.add("other", ON_DEMAND);
    let old = stage.current_key(NAME);
    // It has a new key, and cannot prove it.
    let what = What::Status { status: 503, retry_after_seconds: None, after_effect: false };
    let daemon = Daemon::start(&stage).await;
    stage.hold(CallKind::CreateApiKey, 1, 2_000);
    stage.comes("a create", || stage.creates() == 1).await;
    let new = stage.tenant().keys().last().unwrap().client_id.clone();
    stage.fault(Fault {
        on: CallKind::TokenExchange,
        nth: 1,
        count: 100_000,
        key: Some(new.clone()),
        what,
    });
    fs::remove_file(stage.policy_file(NAME)).unwrap();
    stage.comes("the removal", || stage.log().contains("removed=1")).await;
    stage.comes("the new key's end", || !stage.tenant().alive(&new)).await;
    assert!(stage.tenant().alive(&old));
    assert_eq!(stage.current_key(NAME), old);
    stage.tenant().clear_faults();
    daemon.stop(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_rotation_keeps_the_drain_that_it_began_with() {
    let (stage, daemon) = running(Terms { drain: "2h", ..ONCE }).await;
    let promoted = |one: &Value| one["rotation"]["state"] == "promoted";
    stage.until(NAME, "promoted", promoted).await;
    let old = stage.tenant().keys()[0].client_id.clone();
    stage.policy(NAME, &stage.text(NAME, Terms { drain: "1s", ..ONCE }));
    stage.comes("a reload", || stage.log().contains("changed=1")).await;
    // By the new drain the old key would be dead by then.
    let reloaded_ms = stage.tenant().now_ms();
    stage.comes("a while", || stage.tenant().now_ms() > reloaded_ms + 6_000).await;
    let one = stage.status_of(NAME).await;
    assert_eq!(one["rotation"]["state"], "promoted", "{one}");
    assert!(stage.tenant().alive(&old), "{one}");
    daemon.stop(&stage).await;
}

/// The process's own time on a processor, in milliseconds.
fn processor_ms(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    // Linux shows it in hundredths of a second, whatever the machine.
    ticks * 10
}

/// By hand: `cargo test --release --test daemon ten_thousand -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures"]
async fn ten_thousand_policies_are_read_anew() {
    let stage = Stage::new().await;
    for number in 0..10_000 {
        let name = format!("p{number}");
        fs::write(stage.policy_file(&name), stage.text(&name, ON_DEMAND)).unwrap();
    }
    let daemon = Daemon::start(&stage).await;
    // No secret is there, so each is looked at once, and then rests.
    let mut before = 0;
    let rests = |before: &mut u64| {
        let now = processor_ms(daemon.pid());
        let rests = now < *before + 20;
        *before = now;
        rests
    };
    while !rests(&mut before) {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    let file = stage.policy_file("p77");
    for round in 0..3 {
        let (begun, from) = (Instant::now(), processor_ms(daemon.pid()));
        let drain = format!("{}m", round + 1);
        fs::write(&file, stage.text("p77", Terms { drain: drain.leak(), ..ON_DEMAND })).unwrap();
        let changed = || stage.log().matches("changed=1").count() > round;
        stage.comes("a reload", changed).await;
        let spent = processor_ms(daemon.pid()) - from;
        eprintln!("10000 policies: {spent} ms of a processor, {:?} in all", begun.elapsed());
    }
    daemon.kill();
}
