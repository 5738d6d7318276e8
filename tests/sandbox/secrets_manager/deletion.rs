//! Deletion with its recovery window, and AWS's own rotation.

use aws_sdk_secretsmanager::types::{RotationRulesType, Tag};
use rekeyd::sandbox::SecretEdit;

use super::{Aws, SECRET, code, refused, version};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[tokio::test]
async fn a_secret_scheduled_for_deletion_can_only_be_described_listed_and_restored() {
    let aws = Aws::new().await;
    aws.put(&version(1), "one", &["AWSPENDING"]).await.unwrap();
    let delete = || aws.client.delete_secret().secret_id(SECRET);
    for wrong in [
        delete().recovery_window_in_days(6),
        delete().recovery_window_in_days(31),
        delete().recovery_window_in_days(7).force_delete_without_recovery(true),
    ] {
        assert_eq!(code(wrong.send().await), refused("InvalidParameterException"));
    }
    delete().recovery_window_in_days(7).send().await.unwrap();
    let gone = || refused("InvalidRequestException");
    assert_eq!(aws.text("AWSCURRENT").await.map(drop), gone());
    assert_eq!(aws.put(&version(1), "one", &["AWSPENDING"]).await, gone());
    assert_eq!(aws.put(&version(2), "two", &["AWSPENDING"]).await, gone());
    let (from, to) = (aws.current(), version(1));
    assert_eq!(aws.move_label("AWSCURRENT", Some(&from), Some(&to)).await, gone());
    let update = aws.client.update_secret().secret_id(SECRET).description("x");
    assert_eq!(code(update.send().await), gone());
    assert_eq!(code(aws.client.create_secret().name(SECRET).send().await), gone());
    assert_eq!(code(delete().send().await), gone());
    let described = aws.client.describe_secret().secret_id(SECRET).send().await.unwrap();
    assert!(described.deleted_date().is_some());
    assert_eq!(described.version_ids_to_stages().unwrap().len(), 2);
    aws.client.list_secret_version_ids().secret_id(SECRET).send().await.unwrap();
    aws.client.restore_secret().secret_id(SECRET).send().await.unwrap();
    aws.text("AWSCURRENT").await.unwrap();
}

#[tokio::test]
async fn at_the_end_of_the_window_or_by_force_a_secret_is_gone() {
    let aws = Aws::new().await;
    aws.edit(SecretEdit::Delete).unwrap();
    aws.bench.advance_ms(7 * DAY_MS - 1);
    aws.client.describe_secret().secret_id(SECRET).send().await.unwrap();
    aws.bench.advance_ms(1);
    let described = aws.client.describe_secret().secret_id(SECRET).send().await;
    assert_eq!(code(described), refused("ResourceNotFoundException"));

    let created = aws.client.create_secret().name(SECRET).secret_string("x").send().await.unwrap();
    let delete = aws.client.delete_secret().secret_id(SECRET).force_delete_without_recovery(true);
    delete.send().await.unwrap();
    assert!(aws.bench.tenant().secrets().is_empty());
    // Another secret of the same name is another secret.
    let other = aws.client.create_secret().name(SECRET).secret_string("x").send().await.unwrap();
    assert_ne!(created.arn(), other.arn());
}

#[tokio::test]
async fn awss_own_rotation_begins_only_where_no_pending_dangles() {
    let aws = Aws::new().await;
    let rotate = |token: String| {
        let rules = RotationRulesType::builder().automatically_after_days(30).build();
        let rotate = aws.client.rotate_secret().secret_id(SECRET).client_request_token(token);
        rotate.rotation_lambda_arn("arn:aws:lambda:x").rotation_rules(rules)
    };
    let lambdaless = aws.client.rotate_secret().secret_id(SECRET).send().await;
    assert_eq!(code(lambdaless), refused("InvalidRequestException"));
    aws.put(&version(1), "one", &["AWSPENDING"]).await.unwrap();
    let blocked = rotate(version(2)).send().await;
    assert_eq!(code(blocked), refused("InvalidRequestException"));
    let enabled =
        |described: &aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput| {
            described.rotation_enabled()
        };
    let describe = || aws.client.describe_secret().secret_id(SECRET).send();
    assert_eq!(enabled(&describe().await.unwrap()), None);
    // On the current version it does not dangle.
    aws.move_label("AWSPENDING", Some(&version(1)), Some(&aws.current())).await.unwrap();
    rotate(version(2)).send().await.unwrap();
    assert_eq!(enabled(&describe().await.unwrap()), Some(true));
    // What it began is a version without a value, until somebody fills it, once.
    assert_eq!(aws.holder("AWSPENDING"), Some(version(2)));
    assert_eq!(aws.text("AWSPENDING").await, Err("ResourceNotFoundException".into()));
    aws.put(&version(2), "two", &["AWSPENDING"]).await.unwrap();
    let other = aws.put(&version(2), "three", &["AWSPENDING"]).await;
    assert_eq!(other, refused("ResourceExistsException"));
    assert_eq!(aws.text("AWSPENDING").await.unwrap(), "two");
    aws.client.cancel_rotate_secret().secret_id(SECRET).send().await.unwrap();
    assert_eq!(enabled(&describe().await.unwrap()), Some(false));
    aws.edit(SecretEdit::NativeRotation { enabled: true }).unwrap();
    assert_eq!(enabled(&describe().await.unwrap()), Some(true));
}

#[tokio::test]
async fn tags_come_and_go() {
    let aws = Aws::new().await;
    let tag = |key: &str| Tag::builder().key(key).value("v").build();
    let add = aws.client.tag_resource().secret_id(SECRET).tags(tag("one")).tags(tag("two"));
    add.send().await.unwrap();
    aws.client.untag_resource().secret_id(SECRET).tag_keys("one").send().await.unwrap();
    let described = aws.client.describe_secret().secret_id(SECRET).send().await.unwrap();
    let keys: Vec<&str> = described.tags().iter().filter_map(Tag::key).collect();
    assert_eq!(keys, ["two"]);
}
