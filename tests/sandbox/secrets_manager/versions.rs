//! Versions: made once by their token, bounded in number and size, read by id or label.

use aws_sdk_secretsmanager::primitives::Blob;
use rekeyd::sandbox::{CallKind, MAX_VALUE_BYTES, MAX_VERSIONS, SecretEdit, Typed};

use super::{Aws, SECRET, code, of, refused, version};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[tokio::test]
async fn a_used_token_succeeds_with_the_same_value_and_does_nothing() {
    let aws = Aws::new().await;
    aws.put(&version(1), "one", &["AWSPENDING"]).await.unwrap();
    let before = aws.versions();
    aws.put(&version(1), "one", &["AWSPENDING"]).await.unwrap();
    // Not even the stages that it names now.
    aws.put(&version(1), "one", &[]).await.unwrap();
    assert_eq!(aws.versions(), before);
    assert!(!aws.bench.last(CallKind::PutSecretValue).effect_applied);
}

#[tokio::test]
async fn a_used_token_with_another_value_is_refused_and_overwrites_nothing() {
    let aws = Aws::new().await;
    aws.put(&version(1), "one", &["AWSPENDING"]).await.unwrap();
    let again = aws.put(&version(1), "two", &["AWSPENDING"]).await;
    assert_eq!(again, refused("ResourceExistsException"));
    assert_eq!(aws.text("AWSPENDING").await.unwrap(), "one");
    let put = aws.client.put_secret_value().secret_id(SECRET).client_request_token(version(1));
    let binary = put.secret_binary(Blob::new("one")).send().await;
    assert_eq!(code(binary), refused("ResourceExistsException"));
}

#[tokio::test]
async fn a_token_has_32_to_64_characters() {
    let aws = Aws::new().await;
    for (length, fits) in [(31, false), (32, true), (64, true), (65, false)] {
        let put = aws.put(&"a".repeat(length), "one", &["AWSPENDING"]).await;
        let said = if fits { Ok(()) } else { refused("InvalidParameterException") };
        assert_eq!(put, said, "{length}");
    }
}

#[tokio::test]
async fn a_value_has_up_to_64_kib_and_is_text_or_binary() {
    let aws = Aws::new().await;
    aws.put(&version(1), &"ü".repeat(MAX_VALUE_BYTES / 2), &["AWSPENDING"]).await.unwrap();
    for text in ["x".repeat(MAX_VALUE_BYTES + 1), String::new()] {
        let put = aws.put(&version(2), &text, &["AWSPENDING"]).await;
        assert_eq!(put, refused("ValidationException"));
    }
    let put = || aws.client.put_secret_value().secret_id(SECRET).version_stages("AWSPENDING");
    let bytes = |length| Blob::new(vec![7; length]);
    let sent = put().secret_binary(bytes(MAX_VALUE_BYTES)).send().await.unwrap();
    let get = aws.client.get_secret_value().secret_id(SECRET).version_stage("AWSPENDING");
    let got = get.send().await.unwrap();
    assert_eq!(got.version_id(), sent.version_id());
    assert_eq!((got.secret_string(), got.secret_binary().unwrap().as_ref().len()), (None, 65_536));
    let large = put().secret_binary(bytes(MAX_VALUE_BYTES + 1)).send().await;
    assert_eq!(code(large), refused("ValidationException"));
    let both = put().secret_binary(bytes(1)).secret_string("x").send().await;
    assert_eq!(code(both), refused("InvalidParameterException"));
    assert_eq!(code(put().send().await), refused("InvalidParameterException"));
}

#[tokio::test]
async fn versions_without_labels_stay_for_a_day_and_then_make_room() {
    let aws = Aws::new().await;
    let first = aws.current();
    for number in 1..100 {
        aws.put(&version(number), "text", &["AWSPENDING"]).await.unwrap();
    }
    assert_eq!(aws.versions().len(), MAX_VERSIONS);
    aws.bench.advance_ms(DAY_MS - 1);
    let full = aws.put(&version(100), "text", &["AWSPENDING"]).await;
    assert_eq!(full, refused("LimitExceededException"));
    aws.bench.advance_ms(1);
    aws.put(&version(100), "text", &["AWSPENDING"]).await.unwrap();
    // The oldest without a label went; the first one is current.
    let ids: Vec<String> = aws.versions().into_iter().map(|version| version.id).collect();
    assert_eq!(ids.len(), MAX_VERSIONS);
    assert!(ids.contains(&first) && !ids.contains(&version(1)) && ids.contains(&version(2)));
}

#[tokio::test]
async fn versions_are_listed_in_pages_deprecated_ones_only_on_demand() {
    let aws = Aws::new().await;
    for number in 1..=4 {
        aws.put(&version(number), "text", &["AWSPENDING"]).await.unwrap();
    }
    let list = || aws.client.list_secret_version_ids().secret_id(SECRET).max_results(2);
    let labelled = list().send().await.unwrap();
    assert_eq!((labelled.versions().len(), labelled.next_token()), (2, None));
    let mut ids = Vec::new();
    let mut token = None;
    loop {
        let page = list().include_deprecated(true).set_next_token(token).send().await.unwrap();
        ids.extend(page.versions().iter().map(|entry| entry.version_id().unwrap().to_owned()));
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    let all: Vec<String> = aws.versions().into_iter().map(|version| version.id).collect();
    assert_eq!(ids, all);
    let wrong = list().next_token("made-up").send().await;
    assert_eq!(code(wrong), refused("InvalidNextTokenException"));
}

#[tokio::test]
async fn an_update_makes_a_version_and_never_takes_a_used_token() {
    let aws = Aws::new().await;
    let first = aws.current();
    let update = || aws.client.update_secret().secret_id(SECRET);
    let described = update().description("only this").send().await.unwrap();
    assert_eq!((described.version_id(), aws.current()), (None, first.clone()));
    let put = update().client_request_token(version(1)).secret_string("one");
    put.clone().send().await.unwrap();
    assert_eq!((aws.current(), aws.holder("AWSPREVIOUS")), (version(1), Some(first)));
    assert_eq!(code(put.send().await), refused("ResourceExistsException"));
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_what_does_not_fit_is_refused() {
    let aws = Aws::new().await;
    aws.put(&version(1), "one", &["AWSPENDING"]).await.unwrap();
    let get = || aws.client.get_secret_value().secret_id(SECRET);
    assert_eq!(aws.text("AWSPREVIOUS").await, Err("ResourceNotFoundException".into()));
    let missing = get().version_id(version(9)).send().await;
    assert_eq!(code(missing), refused("ResourceNotFoundException"));
    let elsewhere = get().version_id(version(1)).version_stage("AWSCURRENT").send().await;
    assert_eq!(code(elsewhere), refused("InvalidRequestException"));
    let both = get().version_id(version(1)).version_stage("AWSPENDING").send().await;
    assert_eq!(both.unwrap().secret_string(), Some("one"));
    let short = get().version_id("short").send().await;
    assert_eq!(code(short), refused("ValidationException"));
    let nobody = aws.client.get_secret_value().secret_id("nobody").send().await;
    assert_eq!(code(nobody), refused("ResourceNotFoundException"));
}

#[tokio::test]
async fn a_secret_is_found_by_name_and_by_arn_whole_or_without_its_random_end() {
    let aws = Aws::new().await;
    let arn = aws.bench.tenant().secrets()[0].arn.clone();
    let without = |characters| arn.get(..arn.len() - characters).unwrap();
    let partial = without(7);
    for id in [SECRET, &arn, partial] {
        let described = aws.client.describe_secret().secret_id(id).send().await.unwrap();
        assert_eq!(described.arn(), Some(arn.as_str()));
    }
    for id in [without(1), without(8), "prod"] {
        let described = aws.client.describe_secret().secret_id(id).send().await;
        assert_eq!(code(described), refused("ResourceNotFoundException"), "{id}");
    }
}

#[tokio::test]
async fn a_create_is_done_once() {
    let aws = Aws::new().await;
    let create = || aws.client.create_secret().name("new").client_request_token(version(1));
    let first = create().secret_string("one").send().await.unwrap();
    let again = create().secret_string("one").send().await.unwrap();
    assert_eq!((first.arn(), first.version_id()), (again.arn(), again.version_id()));
    for other in [create().secret_string("two"), create().client_request_token(version(2))] {
        assert_eq!(code(other.send().await), refused("ResourceExistsException"));
    }
    let odd = aws.client.create_secret().name("no spaces").secret_string("x").send().await;
    assert_eq!(code(odd), refused("ValidationException"));
    // The first version of a secret without one becomes current, whatever it was put as.
    aws.client.create_secret().name("empty").send().await.unwrap();
    let put = aws.client.put_secret_value().secret_id("empty").secret_string("x");
    put.version_stages("AWSPENDING").send().await.unwrap();
    let got = aws
        .client
        .get_secret_value()
        .secret_id("empty")
        .send()
        .await
        .map_err(|error| of(&error))
        .unwrap();
    assert_eq!(got.version_stages(), ["AWSCURRENT", "AWSPENDING"]);
}

#[tokio::test]
async fn a_person_types_a_whole_value_or_one_field() {
    let aws = Aws::new().await;
    let key = aws.bench.key.client_id.clone();
    let (field, value) = ("owner".to_owned(), Typed::new("me"));
    aws.edit(SecretEdit::Field { field, value }).unwrap();
    let text = aws.text("AWSCURRENT").await.unwrap();
    let object: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&object["owner"], &object["clientId"]), (&"me".into(), &key.into()));
    aws.edit(SecretEdit::Put { text: Typed::new("typed") }).unwrap();
    assert_eq!(aws.text("AWSCURRENT").await.unwrap(), "typed");
    assert_eq!(aws.bench.tenant().secret_text(SECRET).unwrap().expose(), "typed");
    let field = SecretEdit::Field { field: "a".into(), value: Typed::new("b") };
    assert!(aws.edit(field).is_err());
}
