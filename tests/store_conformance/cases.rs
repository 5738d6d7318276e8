//! The cases, written once for every store.

use rekeyd::domain::claim::{Claim, Generation, Owner};
use rekeyd::domain::ids::{RotationId, VersionId};
use rekeyd::domain::secret::Digest;
use rekeyd::port::{Class, Content, PortError, SecretStore, StoreView, Stored, Which};

use crate::harness::{Harness, START, credential, fields, fresh_version};

async fn labels(store: &dyn SecretStore) -> [Option<VersionId>; 3] {
    let StoreView { current, pending, previous, .. } = store.describe().await.unwrap();
    [current, pending, previous]
}

async fn current(store: &dyn SecretStore) -> VersionId {
    labels(store).await[0].clone().expect("a current version")
}

/// Key id and digest of the other fields.
fn key_and_rest(stored: Stored) -> (String, Digest) {
    match stored.content {
        Content::Credential { credential, rest } => {
            assert_eq!(credential.expose(), format!("s3cret-{}", credential.key()));
            (credential.key().to_string(), rest)
        }
        Content::Malformed(why) => panic!("malformed: {why}"),
    }
}

async fn read(store: &dyn SecretStore, which: Which) -> Option<(String, Digest)> {
    store.read(&which).await.unwrap().map(key_and_rest)
}

async fn key(store: &dyn SecretStore, which: Which) -> Option<String> {
    read(store, which).await.map(|(key, _)| key)
}

/// Stages `name` on the current version.
async fn staged(store: &dyn SecretStore, name: &str) -> (VersionId, VersionId) {
    let (base, version) = (current(store).await, fresh_version());
    store.stage(&version, Some(&base), &credential(name)).await.unwrap();
    (base, version)
}

fn class(answer: Result<(), PortError>) -> Class {
    answer.expect_err("it must be refused").class
}

pub async fn current_is_read_with_its_credential(harness: &dyn Harness) {
    let store = harness.store();
    let stored = store.read(&Which::Current).await.unwrap().unwrap();
    assert_eq!(stored.version, current(&*store).await);
    assert_eq!(stored.size_bytes, START.len());
    let by_label = key_and_rest(stored.clone());
    assert_eq!(by_label.0, "old");
    assert_eq!(read(&*store, Which::Version(stored.version)).await, Some(by_label));
    let view = store.describe().await.unwrap();
    assert_eq!((view.pending, view.previous, view.versions), (None, None, 1));
    assert!(view.problems.is_empty());
}

pub async fn a_staged_version_is_pending_and_nothing_else_moves(harness: &dyn Harness) {
    let store = harness.store();
    let (base, version) = staged(&*store, "new").await;
    assert_eq!(labels(&*store).await, [Some(base), Some(version.clone()), None]);
    assert_eq!(key(&*store, Which::Pending).await.as_deref(), Some("new"));
    assert_eq!(key(&*store, Which::Version(version)).await.as_deref(), Some("new"));
    assert_eq!(harness.consumers_read().await, START);
    assert_eq!(store.describe().await.unwrap().versions, 2);
}

pub async fn a_used_token_with_the_same_content_succeeds_again(harness: &dyn Harness) {
    let store = harness.store();
    let (base, version) = staged(&*store, "new").await;
    let before = labels(&*store).await;
    store.stage(&version, Some(&base), &credential("new")).await.unwrap();
    assert_eq!(labels(&*store).await, before);
}

pub async fn a_used_token_with_other_content_is_a_conflict_and_changes_nothing(
    harness: &dyn Harness,
) {
    let store = harness.store();
    let (base, version) = staged(&*store, "new").await;
    let before = labels(&*store).await;
    let again = store.stage(&version, Some(&base), &credential("other")).await;
    assert_eq!(class(again), Class::Conflict);
    assert_eq!(labels(&*store).await, before);
    assert_eq!(key(&*store, Which::Version(version)).await.as_deref(), Some("new"));
}

pub async fn without_a_base_the_object_holds_the_credential_alone(harness: &dyn Harness) {
    let store = harness.store();
    let (base, version) = (current(&*store).await, fresh_version());
    store.stage(&version, None, &credential("new")).await.unwrap();
    store.promote(Some(&base), &version).await.unwrap();
    assert_eq!(harness.consumers_read().await, r#"{"clientId":"new","clientSecret":"s3cret-new"}"#);
}

pub async fn every_other_field_is_kept_as_it_was_written(harness: &dyn Harness) {
    let text = "{\"big\": 123456789012345678901234567890, \"f\":1.0,\"e\":1E+2,\r\n\
                \"clientSecret\":\"s3cret-typed\",\"\\u00fc\":\"\\ud83d\\ude00 😀 \\/\", \
                \"deep\":{\"clientId\":[null,{\"a\":0.10}]},\t\"clientId\":\"typed\" }";
    harness.type_by_hand(text).await;
    let store = harness.store();
    let before = read(&*store, Which::Current).await.unwrap();
    let (base, version) = staged(&*store, "new").await;
    assert_eq!(read(&*store, Which::Pending).await.unwrap().1, before.1);
    store.promote(Some(&base), &version).await.unwrap();
    let expected = text.replace("s3cret-typed", "s3cret-new").replace("typed", "new");
    assert_eq!(harness.consumers_read().await, expected);
}

pub async fn field_names_are_configurable(harness: &dyn Harness) {
    harness
        .type_by_hand(r#"{"ion id":"typed","ion \"secret\"":"s3cret-typed","clientId":"stays"}"#)
        .await;
    let store = harness.store_with(fields("ion id", "ion \"secret\""));
    assert_eq!(key(&*store, Which::Current).await.as_deref(), Some("typed"));
    let (base, version) = staged(&*store, "new").await;
    store.promote(Some(&base), &version).await.unwrap();
    assert_eq!(
        harness.consumers_read().await,
        r#"{"ion id":"new","ion \"secret\"":"s3cret-new","clientId":"stays"}"#
    );
}

pub async fn an_unknown_base_is_a_conflict(harness: &dyn Harness) {
    let store = harness.store();
    let before = labels(&*store).await;
    let (unknown, version) = (fresh_version(), fresh_version());
    let answer = store.stage(&version, Some(&unknown), &credential("new")).await;
    assert_eq!(class(answer), Class::Conflict);
    assert_eq!(labels(&*store).await, before);
}

pub async fn a_base_that_is_no_object_is_a_misconfiguration(harness: &dyn Harness) {
    for text in ["s3cret-typed", "[\"s3cret-typed\"]", "{\"clientId\":1,\"clientId\":2}"] {
        harness.type_by_hand(text).await;
        let store = harness.store();
        let before = labels(&*store).await;
        let answer = store.stage(&fresh_version(), before[0].as_ref(), &credential("new")).await;
        assert_eq!(class(answer), Class::Misconfigured);
        assert_eq!(labels(&*store).await, before);
    }
}

pub async fn a_value_that_would_grow_too_large_is_never_sent(harness: &dyn Harness) {
    // Fits as it is, and not with a longer key id.
    let head = r#"{"clientId":"i","clientSecret":"s3cret-i","pad":""#;
    let text = format!("{head}{}\"}}", "x".repeat(65_536 - head.len() - 2));
    harness.type_by_hand(&text).await;
    let store = harness.store();
    assert_eq!(key(&*store, Which::Current).await.as_deref(), Some("i"));
    let before = labels(&*store).await;
    let answer = store.stage(&fresh_version(), before[0].as_ref(), &credential("longer")).await;
    assert_eq!(class(answer), Class::Misconfigured);
    assert_eq!(labels(&*store).await, before);
}

pub async fn a_promote_moves_current_and_leaves_previous_behind(harness: &dyn Harness) {
    let store = harness.store();
    let (base, version) = staged(&*store, "new").await;
    store.promote(Some(&base), &version).await.unwrap();
    assert_eq!(
        labels(&*store).await,
        [Some(version.clone()), Some(version.clone()), Some(base.clone())]
    );
    assert_eq!(harness.consumers_read().await, START.replace("old", "new"));
    assert_eq!(key(&*store, Which::Previous).await.as_deref(), Some("old"));
    assert_eq!(key(&*store, Which::Version(base)).await.as_deref(), Some("old"));
}

pub async fn a_promote_back_is_a_promote(harness: &dyn Harness) {
    let store = harness.store();
    let (base, version) = staged(&*store, "new").await;
    store.promote(Some(&base), &version).await.unwrap();
    store.promote(Some(&version), &base).await.unwrap();
    let [current, _, previous] = labels(&*store).await;
    assert_eq!((current, previous), (Some(base), Some(version)));
    assert_eq!(harness.consumers_read().await, START);
}

pub async fn a_promote_from_a_stale_version_is_a_conflict_and_changes_nothing(
    harness: &dyn Harness,
) {
    let store = harness.store();
    let (base, version) = staged(&*store, "new").await;
    store.promote(Some(&base), &version).await.unwrap();
    let third = fresh_version();
    store.stage(&third, Some(&base), &credential("third")).await.unwrap();
    let before = labels(&*store).await;
    assert_eq!(class(store.promote(Some(&base), &third).await), Class::Conflict);
    assert_eq!(labels(&*store).await, before);
    assert_eq!(harness.consumers_read().await, START.replace("old", "new"));
}

pub async fn a_promote_from_nothing_is_a_conflict_where_there_is_a_current(harness: &dyn Harness) {
    let store = harness.store();
    let (_, version) = staged(&*store, "new").await;
    let before = labels(&*store).await;
    assert_eq!(class(store.promote(None, &version).await), Class::Conflict);
    assert_eq!(labels(&*store).await, before);
}

pub async fn a_promote_to_an_unknown_version_changes_nothing(harness: &dyn Harness) {
    let store = harness.store();
    let before = labels(&*store).await;
    let answer = store.promote(before[0].as_ref(), &fresh_version()).await;
    assert_eq!(class(answer), Class::Conflict);
    assert_eq!(labels(&*store).await, before);
    assert_eq!(harness.consumers_read().await, START);
}

pub async fn of_two_racing_promotes_one_wins(harness: &dyn Harness) {
    let (one, two) = (harness.store(), harness.store());
    let (base, first) = staged(&*one, "first").await;
    let (_, second) = staged(&*two, "second").await;
    let answers = tokio::join!(one.promote(Some(&base), &first), two.promote(Some(&base), &second));
    let winner = match answers {
        (Ok(()), Err(lost)) if lost.class == Class::Conflict => first,
        (Err(lost), Ok(())) if lost.class == Class::Conflict => second,
        other => panic!("not one winner: {other:?}"),
    };
    let [current, _, previous] = labels(&*one).await;
    assert_eq!((current, previous), (Some(winner), Some(base)));
}

pub async fn labels_come_off_only_the_version_named(harness: &dyn Harness) {
    let store = harness.store();
    let (base, version) = staged(&*store, "new").await;
    store.unstage(&base).await.unwrap();
    store.drop_previous(&base).await.unwrap();
    assert_eq!(labels(&*store).await, [Some(base.clone()), Some(version.clone()), None]);
    store.promote(Some(&base), &version).await.unwrap();
    store.drop_previous(&version).await.unwrap();
    store.unstage(&version).await.unwrap();
    assert_eq!(labels(&*store).await, [Some(version.clone()), None, Some(base.clone())]);
    store.unstage(&version).await.unwrap();
    store.drop_previous(&base).await.unwrap();
    store.drop_previous(&base).await.unwrap();
    assert_eq!(labels(&*store).await, [Some(version), None, None]);
    assert_eq!(harness.consumers_read().await, START.replace("old", "new"));
}

pub async fn what_is_not_there_is_read_as_absent(harness: &dyn Harness) {
    let store = harness.store();
    let unknown = [fresh_version(), VersionId::new("x").unwrap()].map(Which::Version);
    for which in [Which::Pending, Which::Previous].into_iter().chain(unknown) {
        assert!(store.read(&which).await.unwrap().is_none(), "{which:?}");
    }
}

pub async fn what_is_no_credential_is_read_as_malformed(harness: &dyn Harness) {
    for text in ["s3cret", "{}", r#"{"clientId":"i"}"#, r#"{"clientId":"i","clientSecret":7}"#] {
        harness.type_by_hand(text).await;
        let stored = harness.store().read(&Which::Current).await.unwrap().unwrap();
        assert!(matches!(stored.content, Content::Malformed(_)), "{text}");
    }
}

pub async fn a_persons_edit_is_seen_and_bars_a_promote_from_the_old_base(harness: &dyn Harness) {
    let store = harness.store();
    let (base, version) = staged(&*store, "new").await;
    harness.type_by_hand(&START.replace("1.0", "2")).await;
    let edited = current(&*store).await;
    assert_ne!(edited, base);
    assert_eq!(class(store.promote(Some(&base), &version).await), Class::Conflict);
    let (key, rest) = read(&*store, Which::Current).await.unwrap();
    assert_eq!(key, "old");
    assert_ne!(rest, read(&*store, Which::Version(base)).await.unwrap().1);
    // Staged again on the edit, it goes through and keeps the edit.
    let again = fresh_version();
    store.stage(&again, Some(&edited), &credential("new")).await.unwrap();
    store.promote(Some(&edited), &again).await.unwrap();
    assert_eq!(harness.consumers_read().await, START.replace("1.0", "2").replace("old", "new"));
}

pub async fn the_age_of_current_is_told(harness: &dyn Harness) {
    let store = harness.store();
    let created = store.describe().await.unwrap().current_created_ms.unwrap();
    // After 2020: milliseconds, not seconds.
    assert!(created > 1_577_836_800_000, "{created}");
    let (base, version) = staged(&*store, "new").await;
    assert_eq!(store.describe().await.unwrap().current_created_ms, Some(created));
    store.promote(Some(&base), &version).await.unwrap();
    assert!(store.describe().await.unwrap().current_created_ms.unwrap() >= created);
    store.promote(Some(&version), &base).await.unwrap();
    assert_eq!(store.describe().await.unwrap().current_created_ms, Some(created));
}

pub async fn a_second_store_object_sees_the_same(harness: &dyn Harness) {
    let store = harness.store();
    let (base, version) = staged(&*store, "new").await;
    store.promote(Some(&base), &version).await.unwrap();
    let other = harness.store();
    assert_eq!(other.describe().await.unwrap(), store.describe().await.unwrap());
    assert_eq!(read(&*other, Which::Current).await, read(&*store, Which::Current).await);
}

pub async fn no_secret_is_in_what_can_be_printed(harness: &dyn Harness) {
    let store = harness.store();
    let (base, version) = staged(&*store, "new").await;
    let unknown = fresh_version();
    let mut printed = vec![
        format!("{:?}", store.describe().await),
        format!("{:?}", store.read(&Which::Current).await),
        format!("{:?}", store.read(&Which::Pending).await),
    ];
    for answer in [
        store.stage(&unknown, Some(&fresh_version()), &credential("other")).await,
        store.stage(&VersionId::new("!").unwrap(), Some(&base), &credential("other")).await,
        store.promote(Some(&version), &base).await,
        store.promote(Some(&version), &unknown).await,
    ] {
        let error = answer.unwrap_err();
        printed.push(format!("{error} {error:?}"));
    }
    for text in printed {
        assert!(!text.contains("s3cret"), "{text}");
    }
}

fn entry(generation: u64, owner: u128, ended: bool) -> Claim {
    let owner = Owner::drawn(RotationId(uuid::Uuid::from_u128(owner)));
    Claim { generation: Generation(generation), owner, ended }
}

async fn head(store: &dyn SecretStore) -> Option<Claim> {
    store.describe().await.unwrap().claim
}

pub async fn a_claim_is_told_and_moves_no_label(harness: &dyn Harness) {
    let store = harness.store();
    let (_, pending) = staged(&*store, "new").await;
    let before = labels(&*store).await;
    assert_eq!(head(&*store).await, None);
    store.append_claim(&entry(1, 7, false)).await.unwrap();
    assert_eq!(head(&*store).await, Some(entry(1, 7, false)));
    store.append_claim(&entry(2, 7, true)).await.unwrap();
    assert_eq!(head(&*store).await, Some(entry(2, 7, true)));
    assert_eq!(labels(&*store).await, before);
    assert_eq!(harness.consumers_read().await, START);
    assert_eq!(key(&*store, Which::Version(pending)).await.as_deref(), Some("new"));
    assert_eq!(head(&*harness.store()).await, Some(entry(2, 7, true)));
}

pub async fn the_same_claim_again_changes_nothing(harness: &dyn Harness) {
    let store = harness.store();
    for _ in 0..3 {
        store.append_claim(&entry(1, 7, false)).await.unwrap();
    }
    assert_eq!(head(&*store).await, Some(entry(1, 7, false)));
}

pub async fn a_claim_at_a_taken_generation_is_a_conflict(harness: &dyn Harness) {
    let store = harness.store();
    store.append_claim(&entry(1, 7, false)).await.unwrap();
    let second = store.append_claim(&entry(1, 8, false)).await;
    assert_eq!(class(second), Class::Conflict);
    assert_eq!(head(&*harness.store()).await, Some(entry(1, 7, false)));
}

pub async fn of_two_racing_claims_one_wins(harness: &dyn Harness) {
    for generation in 1..6 {
        let (one, two) = (harness.store(), harness.store());
        let (mine, theirs) = (entry(generation, 7, false), entry(generation, 8, false));
        let (first, second) = tokio::join!(one.append_claim(&mine), two.append_claim(&theirs));
        let won = if first.is_ok() { mine } else { theirs };
        assert_eq!(u8::from(first.is_ok()) + u8::from(second.is_ok()), 1, "{first:?} {second:?}");
        assert_eq!(head(&*harness.store()).await, Some(won));
    }
}

pub async fn an_empty_version_takes_the_place_of_a_credential(harness: &dyn Harness) {
    let store = harness.store();
    let (base, version) = (current(&*store).await, fresh_version());
    store.stage_empty(&version).await.unwrap();
    assert_eq!(key(&*store, Which::Current).await.as_deref(), Some("old"));
    assert_eq!(labels(&*store).await[1], Some(version.clone()));
    store.stage_empty(&version).await.expect("the same token again");
    store.promote(Some(&base), &version).await.unwrap();
    let stored = store.read(&Which::Current).await.unwrap().unwrap();
    assert_eq!((stored.version, stored.size_bytes), (version, 2));
    assert!(matches!(stored.content, Content::Malformed(_)));
}
