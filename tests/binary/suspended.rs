//! A process that is suspended in the middle of a rotation (SIGSTOP: a laptop lid, a frozen cgroup)
//! while tokens expire and people act, and then goes on. Nothing is lost, and no consumer notices.

use std::process::Child;

use rekeyd::sandbox::{CallKind, Edit, SERVICE_ACCOUNT, SecretEdit, Typed};
use rustix::process::{Pid, Signal, kill_process};

use crate::aws::{Ended, OnAws, SECRET, over};
use crate::stage::POLICY;

const ROTATE: [&str; 4] = ["--rotate-now", POLICY, "--wait", "complete"];
/// A token of the stage lives for a second, a held answer comes after one and a half.
const PAST_EVERY_TOKEN_MS: i64 = 2_500;
/// The stage's settings give a request ten seconds.
const PAST_A_REQUEST_MS: i64 = 11_000;

/// When it is suspended.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// The create has had its effect, and its answer is not there.
    CreateSent,
    /// The same of the promote.
    PromoteSent,
    /// The promote is acknowledged, or about to be.
    InDrain,
    /// The old key is disabled and proven dead, and not deleted.
    BeforeDelete,
}

const MOMENTS: [Moment; 4] =
    [Moment::CreateSent, Moment::PromoteSent, Moment::InDrain, Moment::BeforeDelete];

/// A rotation that was suspended at a moment.
struct Suspended {
    aws: OnAws,
    child: Child,
    pid: Pid,
    old: String,
    case: String,
}

impl Suspended {
    async fn at(moment: Moment) -> Self {
        let aws = OnAws::new("2s", "").await;
        match moment {
            Moment::CreateSent => aws.hold(CallKind::CreateApiKey, 1),
            Moment::PromoteSent => aws.hold(CallKind::UpdateSecretVersionStage, 1),
            Moment::InDrain | Moment::BeforeDelete => {}
        }
        let old = aws.current_key();
        let child = aws.spawn(&ROTATE);
        let come = || match moment {
            Moment::CreateSent => !aws.effects(CallKind::CreateApiKey).is_empty(),
            Moment::PromoteSent | Moment::InDrain => aws.promoted().is_some(),
            Moment::BeforeDelete => aws.disabled(&old).is_some(),
        };
        let case = format!("suspended {moment:?}");
        aws.until(&case, come).await;
        while matches!(moment, Moment::BeforeDelete)
            && aws.status().await["policies"][0]["rotation"]["state"] != "disabled"
        {
            assert!(aws.effects(CallKind::DeleteApiKey).is_empty(), "{case}: it was too fast");
        }
        let pid = Pid::from_child(&child);
        kill_process(pid, Signal::STOP).unwrap();
        Self { aws, child, pid, old, case }
    }

    /// Time passes outside.
    async fn for_ms(&self, ms: i64) {
        let since = self.aws.tenant().now_ms();
        self.aws.until("time", || self.aws.tenant().now_ms() >= since + ms).await;
    }

    /// Goes on until the process ends.
    async fn go_on(self) -> (OnAws, Ended, String) {
        kill_process(self.pid, Signal::CONT).unwrap();
        (self.aws, over(self.child).await, self.case)
    }

    fn person(&self, edit: &Edit) {
        self.aws.tenant().edit(edit).unwrap();
    }

    fn edit(&self, edit: SecretEdit) {
        self.person(&Edit::Secret { secret: SECRET.to_owned(), edit });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn suspended_until_every_token_is_dead_it_goes_on_to_the_end() {
    for moment in MOMENTS {
        let suspended = Suspended::at(moment).await;
        suspended.for_ms(PAST_EVERY_TOKEN_MS).await;
        let (aws, ended, case) = suspended.go_on().await;
        assert_eq!(ended.code, Some(0), "{case}: {ended:?}");
        assert_eq!(aws.effects(CallKind::CreateApiKey).len(), 1, "{case}");
        aws.assert_sound(&case).await;
        aws.assert_one_lives(&case);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn suspended_past_a_requests_time_it_forgets_no_key() {
    let suspended = Suspended::at(Moment::CreateSent).await;
    suspended.for_ms(PAST_A_REQUEST_MS).await;
    let (aws, ended, case) = suspended.go_on().await;
    assert_eq!(ended.code, Some(0), "{case}: {ended:?}");
    aws.assert_sound(&case).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_a_person_edits_meanwhile_is_kept() {
    for moment in MOMENTS {
        let suspended = Suspended::at(moment).await;
        let value = Typed::new("typed by hand");
        suspended.edit(SecretEdit::Field { field: "owner".to_owned(), value });
        let (aws, ended, case) = suspended.go_on().await;
        assert_eq!(ended.code, Some(0), "{case}: {ended:?}");
        aws.assert_sound(&case).await;
        let text = aws.tenant().secret_text(SECRET).unwrap();
        assert!(text.expose().contains("typed by hand"), "{case}: the edit is lost");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_that_a_person_makes_current_meanwhile_is_not_overruled() {
    for moment in MOMENTS {
        let suspended = Suspended::at(moment).await;
        let chosen = suspended.aws.tenant().mint(SERVICE_ACCOUNT).unwrap();
        let text = serde_json::json!({
            "clientId": chosen.client_id, "clientSecret": chosen.client_secret,
        });
        suspended.edit(SecretEdit::Put { text: Typed::new(text.to_string()) });
        let (aws, ended, case) = suspended.go_on().await;
        assert_eq!(aws.current_key(), chosen.client_id, "{case}: {ended:?}");
        assert!(aws.tenant().alive(&chosen.client_id), "{case}");
        assert!([Some(1), Some(6)].contains(&ended.code), "{case}: {ended:?}");
        let adopted = aws.run(&["adopt", POLICY]).await;
        assert_eq!(adopted.code, Some(0), "{case}: {adopted:?}");
        let last = aws.run(&["run", "--once", "--budget", "60s"]).await;
        assert_eq!(last.code, Some(0), "{case}: {last:?}");
        aws.assert_sound(&case).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_in_the_console_meanwhile_is_not_overruled() {
    for moment in [Moment::PromoteSent, Moment::InDrain] {
        let suspended = Suspended::at(moment).await;
        suspended.edit(SecretEdit::RollBack);
        let old = suspended.old.clone();
        let (aws, ended, case) = suspended.go_on().await;
        assert_eq!(ended.code, Some(6), "{case}: {ended:?}");
        assert_eq!(aws.current_key(), old, "{case}: {ended:?}");
        assert!(aws.tenant().alive(&old), "{case}");
        let status = aws.status().await;
        let next =
            status["policies"][0]["problems"][0]["next_command"].as_str().unwrap_or_default();
        assert!(next.starts_with("rekeyd "), "{case}: {status}");
        let aborted = aws.run(&["abort", POLICY]).await;
        let last = aws.run(&["run", "--once", "--budget", "60s"]).await;
        assert!(last.code < Some(2), "{case}: {aborted:?} {last:?}");
        aws.assert_sound(&case).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_a_person_disables_meanwhile_never_becomes_current() {
    let suspended = Suspended::at(Moment::CreateSent).await;
    let new = suspended.aws.effects(CallKind::CreateApiKey)[0].keys[0].clone();
    suspended.person(&Edit::Disable { key: new.clone() });
    let (aws, ended, case) = suspended.go_on().await;
    let promoted = aws.effects(CallKind::UpdateSecretVersionStage);
    assert!(promoted.iter().all(|entry| !entry.keys.contains(&new)), "{case}: {promoted:?}");
    let last = aws.run(&["run", "--once", "--budget", "60s"]).await;
    assert!(last.code < Some(2), "{case}: {ended:?} {last:?}");
    aws.assert_sound(&case).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_key_that_a_person_enables_meanwhile_is_deleted_only_on_their_word() {
    let suspended = Suspended::at(Moment::BeforeDelete).await;
    suspended.person(&Edit::Enable { key: suspended.old.clone() });
    let old = suspended.old.clone();
    let (aws, ended, case) = suspended.go_on().await;
    assert_eq!(ended.code, Some(6), "{case}: {ended:?}");
    assert!(aws.tenant().alive(&old), "{case}: what a person enabled was deleted");
    let status = aws.status().await;
    let next = status["policies"][0]["problems"][0]["next_command"].as_str().unwrap_or_default();
    assert!(next.starts_with("rekeyd "), "{case}: {status}");
    let resumed = aws.run(&["resume", POLICY]).await;
    assert_eq!(resumed.code, Some(0), "{case}: {resumed:?}");
    let last = aws.run(&["run", "--once", "--budget", "60s"]).await;
    assert_eq!(last.code, Some(0), "{case}: {last:?}");
    aws.assert_sound(&case).await;
}
