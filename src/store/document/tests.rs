//! Objects as people write them, and texts that are none.

use proptest::prelude::*;

use super::*;

fn fields() -> Fields {
    Fields { client_id: "clientId".into(), client_secret: "clientSecret".into() }
}

fn new_credential() -> Credential {
    Credential::new(KeyId::new("new-id").unwrap(), SecretString::from("n\"ew\\s\u{e9}cret"))
}

fn replaced(base: &str) -> String {
    with_credential(Some(base), &fields(), &new_credential()).unwrap().to_string()
}

fn parts(text: &str) -> (String, String, Digest) {
    match content(text, &fields()) {
        Content::Credential { credential, rest } => {
            (credential.key().to_string(), credential.expose().to_owned(), rest)
        }
        Content::Malformed(why) => panic!("malformed: {why}"),
    }
}

#[test]
fn replacing_the_credential_changes_no_other_byte() {
    let base = "{ \"n\" : 123456789012345678901234567890.10, \"clientSecret\":\"old\",\r\n\
                \"z\":1.0, \"u\":\"\\u00e9\\/é\",\"clientId\" :\t\"a\", \"d\": {\"clientId\": [1e5]} } ";
    let expected =
        base.replace("\"old\"", r#""n\"ew\\sécret""#).replace(":\t\"a\"", ":\t\"new-id\"");
    assert_eq!(replaced(base), expected);
    let (id, secret, rest) = parts(&replaced(base));
    assert_eq!((id.as_str(), secret.as_str()), ("new-id", "n\"ew\\s\u{e9}cret"));
    assert_eq!(rest, parts(base).2);
}

#[test]
fn missing_credential_fields_are_added_at_the_end() {
    let new = r#""clientId":"new-id","clientSecret":"n\"ew\\sécret""#;
    assert_eq!(replaced("{}"), format!("{{{new}}}"));
    assert_eq!(replaced(" {\"a\":[] }"), format!(" {{\"a\":[],{new} }}"));
    let alone = with_credential(None, &fields(), &new_credential()).unwrap();
    assert_eq!(*alone, format!("{{{new}}}"));
}

#[test]
fn fields_that_are_no_strings_are_replaced_whole() {
    let text = replaced(r#"{"clientId":null,"clientSecret":{"deep":[1]},"a":1}"#);
    assert_eq!(text, r#"{"clientId":"new-id","clientSecret":"n\"ew\\sécret","a":1}"#);
}

#[test]
fn the_digest_ignores_order_and_white_space_and_nothing_else() {
    let rest = |others: &str| parts(&format!(r#"{{"clientId":"i","clientSecret":"s"{others}}}"#)).2;
    let same = rest(r#","a":{"x":1,"y":[1,2]},"b":"é""#);
    assert_eq!(same, rest(r#", "b" : "\u00e9" , "a":{ "y":[ 1 ,2],"x":1 }"#));
    for other in [
        r#","a":{"x":1.0,"y":[1,2]},"b":"é""#,
        r#","a":{"x":1,"y":[2,1]},"b":"é""#,
        r#","a":{"x":1,"y":[1,2]}"#,
        r#","a":{"x":1,"y":[1,2]},"b":"e""#,
        "",
    ] {
        assert_ne!(same, rest(other), "{other}");
    }
    assert_ne!(rest(r#","big":9007199254740993"#), rest(r#","big":9007199254740992"#));
}

#[test]
fn what_is_no_credential_is_malformed_and_says_why_without_quoting() {
    for text in [
        "",
        " ",
        "null",
        "[]",
        "\"s3cret\"",
        "{",
        "{}x",
        "\u{feff}{}",
        "s3cret",
        r#"{"clientId":"i"}"#,
        r#"{"clientSecret":"s3cret"}"#,
        r#"{"clientId":"","clientSecret":"s3cret"}"#,
        r#"{"clientId":"a b","clientSecret":"s3cret"}"#,
        r#"{"clientId":7,"clientSecret":"s3cret"}"#,
        r#"{"clientId":"i","clientSecret":["s3cret"]}"#,
        r#"{"clientId":"i","clientSecret":""}"#,
        r#"{"clientId":"i","clientSecret":"s3cret","clientSecret":"s3cret"}"#,
        r#"{"clientId":"i","clientId":"i","clientSecret":"s3cret"}"#,
    ] {
        match content(text, &fields()) {
            Content::Malformed(why) => assert!(!why.contains("s3cret"), "{why}"),
            Content::Credential { .. } => panic!("taken for a credential: {text}"),
        }
    }
    let large = format!(r#"{{"clientId":"i","clientSecret":"s","a":"{}"}}"#, "x".repeat(65_536));
    assert!(matches!(content(&large, &fields()), Content::Malformed("it is larger than 64 KiB")));
}

#[test]
fn a_base_that_cannot_take_a_credential_is_our_misconfiguration() {
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(65_500));
    for base in ["", "[1]", "s3cret", r#"{"clientId":1,"clientId":"s3cret"}"#, &large] {
        let error = with_credential(Some(base), &fields(), &new_credential()).unwrap_err();
        assert_eq!(error.class, crate::port::Class::Misconfigured);
        assert!(!error.message.contains("s3cret"));
    }
    let same = Fields { client_id: "k".into(), client_secret: "k".into() };
    assert!(with_credential(None, &same, &new_credential()).is_err());
}

#[test]
fn deep_nesting_is_bounded() {
    let deep = format!(
        r#"{{"clientId":"i","clientSecret":"s","a":{}{}}}"#,
        "[".repeat(30_000),
        "]".repeat(30_000)
    );
    let (_, _, rest) = parts(&deep);
    assert_eq!(parts(&replaced(&deep)).2, rest);
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in ".{0,200}") {
        drop(content(&text, &fields()));
        drop(with_credential(Some(&text), &fields(), &new_credential()));
    }

    #[test]
    fn any_credential_is_read_back_as_it_was_written(
        id in "[!-~]{1,40}", secret in "\\PC{1,80}", other in "\\PC{0,40}", name in "\\PC{1,9}"
    ) {
        prop_assume!(name != "clientId" && name != "clientSecret");
        let base = serde_json::json!({ name: other }).to_string();
        let written = Credential::new(KeyId::new(id).unwrap(), SecretString::from(secret));
        let text = with_credential(Some(&base), &fields(), &written).unwrap();
        let (id, secret, rest) = parts(&text);
        prop_assert_eq!(id, written.key().to_string());
        prop_assert_eq!(secret, written.expose());
        let again = replaced(&text);
        prop_assert_eq!(parts(&again).2, rest);
    }
}
