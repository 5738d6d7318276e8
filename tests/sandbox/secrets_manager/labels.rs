//! Staging labels: one version at a time, moved only from where they are.

use rekeyd::sandbox::{CallKind, MAX_LABELS, SecretEdit};

use super::{Aws, refused, version};

#[tokio::test]
async fn a_put_without_stages_moves_current_and_previous_follows() {
    let aws = Aws::new().await;
    let first = aws.current();
    aws.put(&version(1), "one", &[]).await.unwrap();
    assert_eq!((aws.current(), aws.holder("AWSPREVIOUS")), (version(1), Some(first)));
    aws.put(&version(2), "two", &[]).await.unwrap();
    assert_eq!((aws.current(), aws.holder("AWSPREVIOUS")), (version(2), Some(version(1))));
}

#[tokio::test]
async fn a_put_with_stages_moves_those_alone_and_from_wherever_they_are() {
    let aws = Aws::new().await;
    let first = aws.current();
    aws.put(&version(1), "one", &["AWSPENDING", "MINE"]).await.unwrap();
    aws.put(&version(2), "two", &["AWSPENDING"]).await.unwrap();
    assert_eq!(aws.current(), first);
    assert_eq!(aws.holder("AWSPENDING"), Some(version(2)));
    assert_eq!(aws.holder("MINE"), Some(version(1)));
    assert_eq!(aws.holder("AWSPREVIOUS"), None);
}

#[tokio::test]
async fn a_move_names_the_version_that_has_the_label_or_fails_and_changes_nothing() {
    let aws = Aws::new().await;
    let first = aws.current();
    for number in [1, 2] {
        aws.put(&version(number), "text", &["AWSPENDING"]).await.unwrap();
    }
    let before = aws.versions();
    let [one, two] = [version(1), version(2)];
    let label = "AWSCURRENT";
    for (from, to, said) in [
        (None, Some(&two), "InvalidParameterException"),
        (Some(&one), Some(&two), "InvalidParameterException"),
        (Some(&two), Some(&two), "InvalidParameterException"),
        (Some(&first), None, "InvalidParameterException"),
        (Some(&first), Some(&first), "InvalidParameterException"),
        (None, None, "InvalidParameterException"),
        (Some(&first), Some(&version(9)), "ResourceNotFoundException"),
        (Some(&version(9)), Some(&two), "ResourceNotFoundException"),
    ] {
        let moved = aws.move_label(label, from.map(String::as_str), to.map(String::as_str)).await;
        assert_eq!(moved, refused(said), "{from:?} {to:?}");
        assert_eq!(aws.versions(), before);
    }
    assert!(!aws.bench.last(CallKind::UpdateSecretVersionStage).effect_applied);
    aws.move_label(label, Some(&first), Some(&two)).await.unwrap();
    assert_eq!((aws.current(), aws.holder("AWSPREVIOUS")), (two.clone(), Some(first.clone())));
    // A label that is where it shall be is left there, and that is no change.
    aws.move_label(label, None, Some(&two)).await.unwrap();
    assert!(!aws.bench.last(CallKind::UpdateSecretVersionStage).effect_applied);
    // And back: previous goes to where current was.
    aws.move_label(label, Some(&two), Some(&first)).await.unwrap();
    assert_eq!((aws.current(), aws.holder("AWSPREVIOUS")), (first, Some(two)));
}

#[tokio::test]
async fn other_labels_come_off_from_where_they_are_and_can_be_put_on_when_free() {
    let aws = Aws::new().await;
    let first = aws.current();
    aws.put(&version(1), "one", &["AWSPENDING"]).await.unwrap();
    let off = aws.move_label("AWSPENDING", Some(&first), None).await;
    assert_eq!(off, refused("InvalidParameterException"));
    aws.move_label("AWSPENDING", Some(&version(1)), None).await.unwrap();
    assert_eq!(aws.holder("AWSPENDING"), None);
    let again = aws.move_label("AWSPENDING", Some(&version(1)), None).await;
    assert_eq!(again, refused("InvalidParameterException"));
    aws.move_label("AWSPENDING", None, Some(&first)).await.unwrap();
    assert_eq!(aws.holder("AWSPENDING"), Some(first));
}

#[tokio::test]
async fn a_secret_has_no_more_labels_than_the_quota() {
    let aws = Aws::new().await;
    let names: Vec<String> = (1..MAX_LABELS).map(|number| format!("MINE{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    aws.put(&version(1), "one", &names).await.unwrap();
    let more = aws.move_label("ONEMORE", None, Some(&aws.current())).await;
    assert_eq!(more, refused("LimitExceededException"));
    assert_eq!(aws.holder("ONEMORE"), None);
}

#[tokio::test]
async fn people_roll_back_and_move_labels_without_asking() {
    let aws = Aws::new().await;
    let first = aws.current();
    assert!(aws.edit(SecretEdit::RollBack).is_err());
    aws.put(&version(1), "one", &[]).await.unwrap();
    aws.edit(SecretEdit::RollBack).unwrap();
    assert_eq!((aws.current(), aws.holder("AWSPREVIOUS")), (first.clone(), Some(version(1))));
    let stage = SecretEdit::Stage { stage: "AWSPENDING".into(), to: Some(version(1)) };
    aws.edit(stage).unwrap();
    assert_eq!(aws.holder("AWSPENDING"), Some(version(1)));
    aws.edit(SecretEdit::Stage { stage: "AWSPENDING".into(), to: None }).unwrap();
    assert_eq!(aws.holder("AWSPENDING"), None);
    assert_eq!(aws.bench.last(CallKind::Person).secret.as_deref(), Some(super::SECRET));
}
