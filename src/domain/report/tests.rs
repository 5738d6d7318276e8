//! What is said of every reason.

mod states;

use std::collections::BTreeSet;

use insta::assert_snapshot;

use super::*;
use crate::domain::class::Class;
use crate::domain::facts::StoreProblem;
use crate::domain::ids::{ConsumerName, KeyId};
use crate::domain::state::{ParkReason, ReadOnlyReason, Refusal, RequestKind};

const NOW_MS: i64 = 1_800_000_000_000;

fn key(name: &str) -> KeyId {
    KeyId::new(name).unwrap()
}

fn now() -> Stamp {
    Stamp { wall_ms: NOW_MS, boot: "b".into(), boottime_ms: 0, dated: None }
}

fn shown(problem: &Problem) -> String {
    // The places that were named on the command line are repeated in the next command alone.
    assert!(!problem.message.contains("`rekeyd "), "{}", problem.message);
    format!("{}: {}\n  next: {}", problem.code, problem.message, problem.next_command)
}

fn reasons_to_park() -> Vec<ParkReason> {
    vec![
        ParkReason::CurrentChanged,
        ParkReason::CurrentMovedBack,
        ParkReason::CurrentDead,
        ParkReason::CurrentOverwritten { key: key("k1"), failing: false },
        ParkReason::CurrentOverwritten { key: key("k1"), failing: true },
        ParkReason::BothDead,
        ParkReason::CurrentMalformed,
        ParkReason::ForeignPending,
        ParkReason::ProfileDiffers { what: "another user".into() },
        ParkReason::ProfileDiffers { what: "rights".into() },
        ParkReason::TooManyCreates,
        ParkReason::TooManyAttempts,
        ParkReason::Orphans,
        ParkReason::PinDiffers { key: key("k1") },
        ParkReason::NamedElsewhere { key: key("k1"), policy: "other".into(), departed: None },
        ParkReason::ElsewhereUnreadable { key: key("k1"), secret: "other".into() },
        ParkReason::StagedChanged,
        ParkReason::ClaimLost,
        ParkReason::NoActor,
        ParkReason::KeepsReviving { key: key("k1") },
        ParkReason::Trouble { class: Class::Rejected, step: "issue".into() },
        ParkReason::LeakRolledBack,
        ParkReason::AckMissing {
            consumers: ["violet-labs", "erp"].map(|name| ConsumerName::new(name).unwrap()).into(),
        },
        ParkReason::PreflightRefused { refusal: Refusal::TooLarge },
    ]
}

#[test]
fn every_reason_to_park_says_what_happened_and_what_to_type() {
    let reasons = reasons_to_park();
    let texts: Vec<String> =
        reasons.iter().map(|r| shown(&park::problem_of("p", r, &State::default()))).collect();
    let codes: BTreeSet<&str> = reasons.iter().map(ParkReason::code).collect();
    // A code each; what differs of a new key has two texts, and so has a secret that is overwritten.
    assert_eq!(codes.len() + 2, reasons.len());
    assert_snapshot!(texts.join("\n"), @r#"
    parked/current_changed: somebody put another credential into the store as current. It was left alone.
      next: rekeyd adopt p
    parked/current_moved_back: somebody moved current back to the old key after the new one was promoted.
      next: rekeyd abort p
    parked/current_dead: the store's current credential does not authenticate, and the last one that was known to work cannot take its place: it is rejected, reported leaked, or no longer in the store. Consumers are failing. Create a key in ION by hand and pipe it in.
      next: rekeyd adopt p --from-stdin <credential.json
    parked/current_overwritten: somebody writes key k1, which does not work, into the secret again and again; three times within a day the last key that works was put back. The last put-back stands, and current works; the next such write within the day is left as it is. Mend whoever writes it (Terraform: take the value out of its hands), then go on.
      next: rekeyd resume p
    parked/current_overwritten: somebody writes key k1, which does not work, into the secret again and again; three times within a day the last key that works was put back. It is there again now, and consumers are failing; `resume` puts the working key back. Mend whoever writes it (Terraform: take the value out of its hands), then go on.
      next: rekeyd resume p
    parked/both_dead: neither the old nor the new key authenticates. Consumers are failing. Create a key in ION by hand and pipe it in.
      next: rekeyd adopt p --from-stdin <credential.json
    parked/current_malformed: the secret is gone, or its current version holds no credential: no JSON object, or not both fields. Consumers fail. Mend it in the store, or pipe a credential in.
      next: rekeyd adopt p --from-stdin <credential.json
    parked/foreign_pending: a pending version that is not this rotation's is in the store: another tool, or a person, is changing the secret. Remove its pending label, then go on.
      next: rekeyd resume p
    parked/profile_differs: the new key does not act as the old one did: another user. It was not promoted. `adopt` accepts it as right; `abort` removes it.
      next: rekeyd abort p
    parked/profile_differs: the new key may do less with keys than rotating needs; it was not promoted. Give the account its right to list, update, and delete keys back; `abort` removes the key.
      next: rekeyd resume p
    parked/too_many_creates: three keys were made and none could be promoted. No further one is made; those that are left over are removed by `abort`.
      next: rekeyd abort p
    parked/too_many_attempts: the secret was edited ten times while the new key was being staged. Stop the edits, then go on.
      next: rekeyd resume p
    parked/orphans: two or more keys may be ours and nobody has ruled on them; no further key is made.
      next: rekeyd orphans list
    parked/pin_differs: somebody changed key k1 after it was disabled here. It was not deleted. If that change was meant, `resume` disables it again and starts the soak anew.
      next: rekeyd resume p
    parked/named_elsewhere: policy other names key k1 too, so it is not retired here: the consumers of other would lose it. Rotate other; once its drain is over this goes on by itself. `adopt` is your word that other no longer matters, and retires the key.
      next: rekeyd rotate other
    parked/elsewhere_unreadable: the journal of other does not replay, or its store cannot be read, so it cannot be told whether its consumers hold key k1, which was adopted and not made here. It is not retired until that can be told. `adopt` is your word that nobody else has it.
      next: rekeyd adopt p
    parked/staged_changed: a version that was staged here is gone or holds something else. `abort` removes the new key.
      next: rekeyd abort p
    parked/claim_lost: another rekeyd, with a journal of its own, has claimed this secret since this rotation began. Nothing more is done here, so that the two do not work against each other. When the other one is stopped, `adopt` goes on.
      next: rekeyd adopt p
    parked/no_actor: no credential is left that may call the issuer. Create a key in ION by hand and pipe it in.
      next: rekeyd adopt p --from-stdin <credential.json
    parked/keeps_reviving: key k1 came back to life again and again after it was disabled. Find who enables it, then go on.
      next: rekeyd resume p
    parked/trouble: step `issue` failed again and again: the other side refused: credentials or permissions.
      next: rekeyd resume p
    parked/leak_rolled_back: the rotation that a leak started was rolled back; the leaked key still lives. `resume` tries again.
      next: rekeyd resume p
    parked/ack_missing: consumers erp, violet-labs have not said in time that the new key is in use. Both keys live. The new key is in the policy's store: let every consumer read it again, then say so for each; the last word lifts this.
      next: rekeyd ack p erp
    parked/preflight_refused: the rotation that the leak asks for cannot start: the secret's value is so large that a new one might not fit. Shorten its other fields, then go on.
      next: rekeyd resume p
    "#);
}

/// It said "until you say so" of what the daemon takes up by itself.
#[test]
fn a_park_that_lifts_itself_asked_for_a_word() {
    let trouble = |class, step: &str| ParkReason::Trouble { class, step: step.into() };
    for (reason, by_itself) in [
        (trouble(Class::Unknown, "prove"), true),
        (trouble(Class::Rejected, "list"), true),
        (trouble(Class::Retryable, "issue"), true),
        (trouble(Class::Rejected, "issue"), false),
        (trouble(Class::Unknown, "delete"), false),
    ] {
        assert_eq!(reason.cures_itself(), by_itself, "{reason:?}");
        let problem = park::problem_of("p", &reason, &State::default());
        assert_eq!(problem.message.contains("by itself"), by_itself, "{}", problem.message);
        assert_eq!(problem.next_command == RUN_ONCE, by_itself, "{}", problem.next_command);
    }
}

#[test]
fn every_refusal_says_what_to_type() {
    let refusals = [
        Refusal::Store { problem: StoreProblem::NativeRotation },
        Refusal::NoCurrent,
        Refusal::CurrentMalformed,
        Refusal::CurrentChanged,
        Refusal::CurrentDead,
        Refusal::ForeignPending,
        Refusal::TooLarge,
        Refusal::Misconfigured,
        Refusal::Rights { what: "the named actor may not delete keys".into() },
        Refusal::OtherIdentity { found: "x@example.com".into() },
        Refusal::NamedElsewhere { policy: "other".into() },
        Refusal::DrainTooShort { needed_ms: 3_600_001, token_life_ms: Some(300_000) },
        Refusal::ClockSkew,
        Refusal::Claimed { ended: false },
        Refusal::Claimed { ended: true },
        Refusal::Orphans,
        Refusal::ReadOnly,
        Refusal::Trouble { class: Class::Unknown, step: "exchange".into(), said: None },
    ];
    let mut texts: Vec<String> =
        refusals.iter().map(|r| shown(&refused("p", RequestKind::Rotate, r))).collect();
    let locked_out = Refusal::KillFirstLocksOut { keys: [key("k1")].into() };
    texts.push(shown(&refused("p", RequestKind::Leak, &locked_out)));
    assert_snapshot!(texts.join("\n"), @r#"
    refused/store: no rotation was started: the store's own rotation is switched on for this secret; switch it off.
      next: rekeyd plan p
    refused/no_current: no rotation was started: the secret has no current version.
      next: rekeyd adopt p --from-stdin <credential.json
    refused/current_malformed: no rotation was started: the secret's current version holds no credential.
      next: rekeyd adopt p --from-stdin <credential.json
    refused/current_changed: no rotation was started: the store's current credential is not the one that was last rotated or adopted; somebody changed it.
      next: rekeyd adopt p
    refused/current_dead: no rotation was started: the current credential does not authenticate; create a key in ION by hand and pipe it in.
      next: rekeyd adopt p --from-stdin <credential.json
    refused/foreign_pending: no rotation was started: a pending version that is not ours is in the store; remove its pending label.
      next: rekeyd plan p
    refused/too_large: no rotation was started: the secret's value is so large that a new one might not fit.
      next: rekeyd plan p
    refused/misconfigured: no rotation was started: the token endpoint does not know this realm or refuses this client's way of asking; compare the policy's URLs with the tenant's.
      next: rekeyd check
    refused/rights: no rotation was started: a right that a rotation needs is missing: the named actor may not delete keys.
      next: rekeyd plan p
    refused/other_identity: no rotation was started: the credential that would mint the new key acts as x@example.com; a new key takes its creator's account, so it must be the policy's `identity` or the adopted one.
      next: rekeyd check
    refused/named_elsewhere: no rotation was started: policy other names the same key; `adopt` says that it is this one's.
      next: rekeyd adopt p
    refused/drain_too_short: no rotation was started: `retire.drain` in p.toml is shorter than `consumers.cache_ttl` (55m1s) and the life of a token (5m, by the auth server's answer) together; make it at least 1h1s, then ask again.
      next: rekeyd --rotate-now p
    refused/clock_skew: no rotation was started: this machine's clock and the server's differ by more than five minutes; set the clock.
      next: timedatectl status
    refused/claimed: no rotation was started: another rekeyd, with a journal of its own, holds the claim on this secret and may be rotating it. Let that one finish. Only if its journal is lost, `adopt` takes over, and what that one minted has to be looked for in ION by hand.
      next: rekeyd plan p
    refused/claimed: no rotation was started: another rekeyd, with a journal of its own, has rotated this secret since this journal last did. If that one is out of use, `adopt` goes on from what is current now.
      next: rekeyd adopt p
    refused/orphans: no rotation was started: two or more keys may be ours and nobody has ruled on them.
      next: rekeyd orphans list
    refused/read_only: no rotation was started: the secret is not adopted.
      next: rekeyd status p
    refused/trouble: no rotation was started: step `exchange` failed: no usable answer came, so it cannot be told what happened; mend that, then ask again.
      next: rekeyd --rotate-now p
    refused/kill_first_locks_out: nothing is killed first: no other credential can serve now, so killing k1 would lock rekeyd out. It dies as soon as another one is in the store. If that cannot wait: (1) open ION's console as an administrator; (2) disable key k1; (3) create a key as the same service account; (4) put it into the secret as current; (5) adopt it.
      next: rekeyd adopt p
    "#);
}

#[test]
fn every_answer_to_an_operators_word_says_what_to_type() {
    let mut texts = Vec::new();
    for why in [Refusal::NoNamedActor, Refusal::AlreadyAdopted] {
        texts.push(shown(&refused("p", RequestKind::Adopt, &why)));
    }
    for why in [Refusal::NothingOpen, Refusal::TooLate, Refusal::OldKeyUnfit] {
        texts.push(shown(&refused("p", RequestKind::Abort, &why)));
        texts.push(shown(&refused("p", RequestKind::Adopt, &why)));
    }
    assert_snapshot!(texts.join("\n"), @r#"
    refused/no_named_actor: nothing was adopted: with `actor = "self"` no credential can mint the first key; create it in ION by hand and pipe it in.
      next: rekeyd adopt p --from-stdin <credential.json
    refused/already_adopted: nothing was adopted: the secret is adopted already; a new key is minted by a rotation.
      next: rekeyd rotate p
    refused/nothing_open: nothing was aborted: no rotation is open.
      next: rekeyd status p
    refused/nothing_open: nothing was adopted: current already holds a key of the open rotation; there is nothing to rule on.
      next: rekeyd status p
    refused/too_late: nothing was aborted: the old key is already gone; the new one stays.
      next: rekeyd run --once
    refused/too_late: nothing was adopted: it is too late for that.
      next: rekeyd status p
    refused/old_key_unfit: nothing was aborted: the old key is reported leaked or does not work; going back would break consumers.
      next: rekeyd run --once
    refused/old_key_unfit: nothing was adopted: the current key is reported leaked.
      next: rekeyd adopt p --from-stdin <credential.json
    "#);
}

#[test]
fn every_reason_to_leave_a_secret_alone_says_what_to_type() {
    let mut texts = Vec::new();
    for reason in [
        ReadOnlyReason::NoValue,
        ReadOnlyReason::Malformed,
        ReadOnlyReason::PendingPresent,
        ReadOnlyReason::CurrentRejected,
        ReadOnlyReason::Claimed { ended: false },
        ReadOnlyReason::OtherIdentity { found: "x@example.com".into() },
        ReadOnlyReason::NamedElsewhere { policy: "other".into() },
    ] {
        texts.push(shown(&read_only("p", &reason)));
    }
    assert_snapshot!(texts.join("\n"), @r#"
    read_only/no_value: the secret has no value yet; pipe one in, or have a named actor mint one (`adopt --issue`). Until then the secret is only looked at, never changed.
      next: rekeyd adopt p --from-stdin <credential.json
    read_only/malformed: the secret's current version holds no credential: no JSON object, or not both fields; pipe one in, or have a named actor mint one (`adopt --issue`). Until then the secret is only looked at, never changed.
      next: rekeyd adopt p --from-stdin <credential.json
    read_only/pending_present: a pending version is in the store already; somebody else may be rotating this secret. If nobody is, adopt it. Until then the secret is only looked at, never changed.
      next: rekeyd adopt p
    read_only/current_rejected: the current credential does not authenticate; pipe in one that does. Until then the secret is only looked at, never changed.
      next: rekeyd adopt p --from-stdin <credential.json
    read_only/claimed: another rekeyd, with a journal of its own, holds the claim on this secret and may be rotating it. Let that one finish. Only if its journal is lost, `adopt` takes over, and what that one minted has to be looked for in ION by hand. Until then the secret is only looked at, never changed.
      next: rekeyd plan p
    read_only/other_identity: the key acts as x@example.com, not as the policy's `identity`. Mend the policy, or adopt it as it is. Until then the secret is only looked at, never changed.
      next: rekeyd adopt p
    read_only/named_elsewhere: policy other names the same key. Put a key of its own into one of the two secrets, or adopt it: the key is then this policy's. Until then the secret is only looked at, never changed.
      next: rekeyd adopt p
    "#);
}

#[test]
fn every_reason_why_a_leaks_rotation_cannot_start_says_what_to_type() {
    let refusals = [
        Refusal::Store { problem: StoreProblem::ScheduledForDeletion },
        Refusal::TooLarge,
        Refusal::Misconfigured,
        Refusal::Rights { what: "the current key may not update, delete keys".into() },
        Refusal::OtherIdentity { found: "x@example.com".into() },
        Refusal::NamedElsewhere { policy: "other".into() },
        Refusal::Trouble { class: Class::Rejected, step: "claim".into(), said: None },
    ];
    let texts: Vec<String> = refusals
        .into_iter()
        .map(|refusal| ParkReason::PreflightRefused { refusal })
        .map(|reason| shown(&park::problem_of("p", &reason, &State::default())))
        .collect();
    assert_snapshot!(texts.join("\n"), @r#"
    parked/preflight_refused: the rotation that the leak asks for cannot start: the secret is scheduled for deletion; restore it. Mend that, then go on.
      next: rekeyd resume p
    parked/preflight_refused: the rotation that the leak asks for cannot start: the secret's value is so large that a new one might not fit. Shorten its other fields, then go on.
      next: rekeyd resume p
    parked/preflight_refused: the rotation that the leak asks for cannot start: the token endpoint does not know this realm or refuses this client's way of asking. Compare the policy's URLs with the tenant's, then go on.
      next: rekeyd resume p
    parked/preflight_refused: the rotation that the leak asks for cannot start: a right that a rotation needs is missing: the current key may not update, delete keys. Create a key that has it in ION by hand, as the same account, and put it in that one's place: a current key with `adopt --from-stdin`, a named actor's in its own secret. Then go on.
      next: rekeyd resume p
    parked/preflight_refused: the rotation that the leak asks for cannot start: the credential that would mint the new key acts as x@example.com, and a new key takes its creator's account. Mend the policy's `identity` or its actor, then go on.
      next: rekeyd resume p
    parked/preflight_refused: the rotation that the leak asks for cannot start: policy other names the same key; `adopt` says that it is this one's.
      next: rekeyd adopt p
    parked/preflight_refused: the rotation that the leak asks for cannot start: step `claim` failed again and again: the other side refused: credentials or permissions. Mend that, then go on.
      next: rekeyd resume p
    "#);
}
