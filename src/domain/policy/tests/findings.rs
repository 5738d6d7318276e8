//! What is said about a file that is wrong.

use insta::assert_snapshot;

use super::{FULL, SMALLEST, parse, shown};
use crate::domain::policy::{Finding, Findings, document, report};

/// What is said of a file that is wrong.
fn said(text: &str) -> String {
    shown(parse("a.toml", text).expect_err("should have been refused"))
}

const WRONG_EVERYWHERE: &str = r#"
descripton = "typo"
[schedule]
cron = "61 3 * * SUN"
every = "30 days"
timezone = "America/Los_Angelos"
jitter = 5
max_age = "9999w"
windows = ["night", "Mon-Frd 09:00-17:00"]
blackout = ["2026-12-20/2026-13-02"]
window = "x"
group = "net suite"
spacing = "1y"
[issuer.ion]
enviroment = "app.firstresonance.io"
scheme = "bearer"
exclusive = "yes"
actor = { secret = "x" }
[store.aws_secrets_manager]
secret_id = "prod ion"
region = "US West"
[consumers]
cache_ttl = "2h"
acts = ["violet-labs"]
[verify]
canaries = ["mutation { createApiKey { apikey { clientId } } }", 7]
[retire]
drain = "1h"
[mirror.github]
"#;

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let findings = parse("a.toml", WRONG_EVERYWHERE).unwrap_err();
    let lines: Vec<String> = findings
        .iter()
        .map(|f| format!("{}:{} {} {}", f.place.line, f.place.column, f.code, f.message))
        .collect();
    assert_snapshot!(lines.join("\n"), @r#"
    2:1 policy/unknown-field unknown field `descripton`
    4:8 policy/bad-cron `schedule.cron` is no cron expression: Number out of bounds.
    5:1 policy/conflict `schedule.every` and `schedule.cron` exclude each other
    5:9 policy/bad-duration `schedule.every` holds ` `, which is neither a digit nor a unit: s, m, h, d, w
    6:12 policy/bad-timezone unknown time zone `America/Los_Angelos`
    7:1 policy/wrong-type `schedule.jitter` must be a duration such as "30s", "10m", "24h", "30d", "1w", "1h30m", not an integer
    8:11 policy/out-of-bounds `schedule.max_age` must be 1s to 3650d
    9:13 policy/bad-window `night` needs a first and a last time of day
    9:26 policy/bad-window `Mon-Frd 09:00-17:00` names no day of the week
    10:25 policy/bad-blackout `2026-12-20/2026-13-02` holds no date such as 2026-12-20
    11:1 policy/unknown-field unknown field `window` in `schedule`
    12:9 policy/bad-text `schedule.group`: group name may hold only letters, digits, `.`, `_`, and `-`
    13:11 policy/bad-duration `schedule.spacing` holds `y`, which is neither a digit nor a unit: s, m, h, d, w
    14:9 policy/missing-field `issuer.ion` needs `environment`, or `auth_url` and `api_url`
    15:1 policy/unknown-field unknown field `enviroment` in `issuer.ion`
    16:1 policy/unknown-value `issuer.ion.scheme` is unknown
    17:1 policy/wrong-type `issuer.ion.exclusive` must be true or false, not a string
    18:1 policy/missing-field `issuer.ion.actor` must name a credential
    18:11 policy/unknown-field unknown field `secret` in `issuer.ion.actor`
    20:13 policy/bad-secret-id `store.aws_secrets_manager.secret_id` may hold only letters, digits, and /_+=.@-
    21:10 policy/bad-text `store.aws_secrets_manager.region` must be a region such as us-west-2
    24:1 policy/unknown-field unknown field `acts` in `consumers`
    26:1 policy/wrong-type `verify.canaries` must be a list of strings, not an integer
    26:13 policy/bad-canary the canary is a mutation; only a query changes nothing
    28:9 policy/drain-too-short `retire.drain` (1h) is below `consumers.cache_ttl` (2h)
    29:2 policy/unknown-field unknown field `mirror`
    "#);
}

#[test]
fn a_finding_shows_the_place_and_what_to_do() {
    let text =
        "descripton = \"typo\"\n[schedule]\ntimezone = \"America/Los_Angelos\"\nwindowz = []";
    assert_snapshot!(said(text), @r#"
    a.toml:1:1: the table `issuer.ion` is missing [policy/missing-field]
      help: add [issuer.ion] with `environment`, or with `auth_url` and `api_url`
    a.toml:1:1: the table `store` is missing [policy/missing-field]
      help: add [store.aws_secrets_manager] or [store.file]
    a.toml:1:1: unknown field `descripton` [policy/unknown-field]
      1 | descripton
        | ^^^^^^^^^^
      help: did you mean `description`?
    a.toml:3:12: unknown time zone `America/Los_Angelos` [policy/bad-timezone]
      3 | timezone = "America/Los_Angelos"
        |            ^^^^^^^^^^^^^^^^^^^^^
      help: did you mean `America/Los_Angeles`?
    a.toml:4:1: unknown field `windowz` in `schedule` [policy/unknown-field]
      4 | windowz
        | ^^^^^^^
      help: did you mean `windows`?
    5 findings
    "#);
}

#[test]
fn an_empty_file_says_what_to_add() {
    assert_snapshot!(said(""), @r#"
    a.toml:1:1: the table `issuer.ion` is missing [policy/missing-field]
      help: add [issuer.ion] with `environment`, or with `auth_url` and `api_url`
    a.toml:1:1: the table `store` is missing [policy/missing-field]
      help: add [store.aws_secrets_manager] or [store.file]
    2 findings
    "#);
}

#[test]
fn exclusive_choices_are_told_apart() {
    let text = r#"
[issuer.ion]
environment = "app.firstresonance.oi"
auth_url = "https://auth.example.com"
actor = { secret_id = "a", credential = "b" }
[store.aws_secrets_manager]
secret_id = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:a-AbCdEf"
region = "us-west-2"
fields = { client_id = "clientSecret" }
[store.file]
path = "secrets/a.json"
"#;
    assert_snapshot!(said(text), @r#"
    a.toml:3:15: unknown environment `app.firstresonance.oi` [policy/unknown-value]
      3 | environment = "app.firstresonance.oi"
        |               ^^^^^^^^^^^^^^^^^^^^^^^
      help: did you mean `app.firstresonance.io`?
    a.toml:4:1: `issuer.ion.auth_url` and `environment` exclude each other [policy/conflict]
      4 | auth_url
        | ^^^^^^^^
      help: keep `environment`, or write both URLs instead
    a.toml:5:1: `issuer.ion.actor` must name one credential, not two [policy/conflict]
      5 | actor
        | ^^^^^
      help: write "self", { secret_id = "…" }, or { credential = "…" }
    a.toml:8:10: the ARN names the region eu-central-1, `region` another [policy/conflict]
      8 | region = "us-west-2"
        |          ^^^^^^^^^^^
      help: remove `region`
    a.toml:9:1: both fields of `store.aws_secrets_manager.fields` have one name [policy/conflict]
      9 | fields
        | ^^^^^^
    a.toml:10:8: a policy has exactly one store [policy/conflict]
      10 | [store.file
         |        ^^^^
      help: keep [store.aws_secrets_manager] or [store.file]
    a.toml:11:8: `store.file.path` must be an absolute path [policy/bad-path]
      11 | path = "secrets/a.json"
         |        ^^^^^^^^^^^^^^^^
    7 findings
    "#);
}

#[test]
fn an_actor_that_is_the_policys_own_secret_is_refused() {
    let text = r#"
[issuer.ion]
environment = "app.firstresonance.io"
actor = { secret_id = "prod/a" }
[store.aws_secrets_manager]
secret_id = "arn:aws:secretsmanager:us-west-2:123456789012:secret:prod/a-AbCdEf"
"#;
    assert!(said(text).contains("names the policy's own secret"), "{}", said(text));
}

#[test]
fn broken_syntax_hides_neither_other_findings_nor_invents_missing_fields() {
    let text =
        "owner = \n[schedule]\nevery = \"30x\"\nevery = \"1d\"\n[store.file\n[retire]\ndran = 1\n";
    assert_snapshot!(said(text), @r#"
    a.toml:1:9: string values must be quoted, expected literal string [policy/syntax]
    a.toml:3:9: `schedule.every` holds `x`, which is neither a digit nor a unit: s, m, h, d, w [policy/bad-duration]
      3 | every = "30x"
        |         ^^^^^
      help: write a duration such as "30s", "10m", "24h", "30d", "1w", "1h30m"
    a.toml:4:1: duplicate key [policy/syntax]
    a.toml:5:12: unclosed table, expected `]` [policy/syntax]
    a.toml:7:1: unknown field `dran` in `retire` [policy/unknown-field]
      7 | dran
        | ^^^^
      help: did you mean `drain`?
    5 findings
    "#);
}

#[test]
fn a_column_counts_characters_and_lines_end_as_on_windows() {
    let text = "owner = \"Zoë 😀\"\r\nverify = { canaries = [\"é😀\", \"{\"] }\r\n";
    let findings = parse("a.toml", text).unwrap_err();
    let place = |finding: &Finding| (finding.place.line, finding.place.column);
    let canaries: Vec<_> =
        findings.iter().filter(|f| f.code.to_string() == "policy/bad-canary").map(place).collect();
    assert_eq!(canaries, [(2, 24), (2, 30)]);
    let span = findings
        .iter()
        .find(|f| f.code.to_string() == "policy/bad-canary")
        .unwrap()
        .place
        .span
        .unwrap();
    let piece = text.get(span.offset_bytes..span.offset_bytes + span.length_bytes);
    assert_eq!(piece, Some("\"é😀\""));
}

#[test]
fn what_may_be_a_secret_is_never_shown() {
    let canary = "hunter2";
    for text in [
        "client_secret = \"hunter2\"",
        "store = { client_secret = \"hunter2\", pth = 1 }",
        "client_secret = hunter2",
        "client_secret = \"\"\"\nhunter2",
        "[issuer.ion]\nauth_url = \"https://me:hunter2@auth.example.com\"",
        "[issuer.ion]\nauth_url = \"htps//me:hunter2@auth.example.com\"",
        "[issuer.ion]\napi_url = \"https://auth.example.com/?token=hunter2\"",
        "[issuer.ion]\naudience = \"hunter2\\u0007\"",
        "[issuer.ion]\nexclusive = \"hunter2\"",
        "[issuer.ion]\nscheme = \"Bearer hunter2\"",
        "[issuer.ion]\nactor = \"id:hunter2\"",
        "[issuer.ion]\nactor = { credential = \"id:hunter2\" }",
        "[issuer.ion]\nactor = { secret_id = \"id:hunter2\" }",
        "[store]\nfile = \"hunter2\"",
    ] {
        let findings = Findings::new(parse("a.toml", text).unwrap_err());
        assert!(!findings.to_string().contains(canary), "{findings}");
        let json = serde_json::to_string(&findings).unwrap();
        assert!(!json.contains(canary), "{json}");
        assert!(!format!("{findings:?}").contains(canary), "{findings:?}");
    }
}

#[test]
fn control_characters_never_reach_the_terminal() {
    let text = "\"\\u001b[2Jx\" = 1\n\u{1b}[2J = 2\nowner = \"a\u{7}\"\n";
    let shown = shown(parse("\u{1b}]0;x.toml", text).unwrap_err());
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
}

#[test]
fn findings_of_one_file_are_bounded() {
    let text: String = (0..5000).map(|n| format!("x{n} = 1\n")).collect();
    let findings = parse("a.toml", &text).unwrap_err();
    assert_eq!(findings.len(), report::MAX_FINDINGS_PER_FILE + 1);
    assert!(findings.last().unwrap().message.ends_with("more findings are left out"));
}

#[test]
fn unsafe_names_and_huge_texts_are_refused() {
    for name in ["a b.toml", ".toml", "-x.toml", "ü.toml", "a.json", "a\n.toml"] {
        let findings = parse(name, SMALLEST).unwrap_err();
        assert_eq!(findings[0].code.to_string(), "policy/unsafe-name", "{name}");
    }
    assert_eq!(parse("dir/x.toml", SMALLEST).unwrap().name.as_str(), "x");
    let huge = " ".repeat(document::MAX_FILE_BYTES + 1);
    assert_eq!(parse("a.toml", &huge).unwrap_err()[0].code.to_string(), "policy/too-large");
}

#[test]
fn a_finding_is_json_with_stable_names() {
    let findings = Findings::new(parse("a.toml", "ownr = 1").unwrap_err());
    let json = serde_json::to_value(&findings).unwrap();
    let ownr = json.as_array().unwrap().iter().find(|f| f["code"] == "policy/unknown-field");
    assert_eq!(
        *ownr.unwrap(),
        serde_json::json!({
            "code": "policy/unknown-field", "file": "a.toml", "line": 1, "column": 1,
            "span": { "offset_bytes": 0, "length_bytes": 4 },
            "message": "unknown field `ownr`", "help": "did you mean `owner`?",
        })
    );
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,200}") {
        drop(parse("a.toml", &text));
    }

    #[test]
    fn no_damage_to_a_good_file_makes_the_parser_panic(at in 0usize..1000, with in "\\PC{0,3}") {
        let mut text: Vec<char> = FULL.chars().collect();
        let at = at.min(text.len());
        text.splice(at..(at + 3).min(text.len()), with.chars());
        let text: String = text.into_iter().collect();
        if let Err(findings) = parse("a.toml", &text) {
            proptest::prop_assert!(!findings.is_empty());
            for finding in findings {
                proptest::prop_assert!(finding.place.line <= text.lines().count() + 1);
            }
        }
    }
}

#[test]
fn a_bad_window_or_blackout_is_marked_where_it_is_bad() {
    let text = format!(
        "{SMALLEST}[schedule]\nwindows = [\"Mon-Fir 09:00-17:00\", \"09:00-09:00\", 'Sat 9:00-10:00']\n\
         blackout = [\"2026-12-20/2028-01-02\"]"
    );
    assert_snapshot!(said(&text), @r#"
    a.toml:7:17: `Mon-Fir 09:00-17:00` names no day of the week [policy/bad-window]
      7 | windows = ["…………Fir
        |                 ^^^
      help: did you mean `Fri`?
    a.toml:7:36: `09:00-09:00` ends when it begins, so it never opens [policy/bad-window]
      7 | windows = ["…………………………………………………", "09:00-09:00
        |                                    ^^^^^^^^^^^
      help: write [DAYS] HH:MM-HH:MM, as in "Mon-Fri 09:00-17:00" or "22:00-02:00"
    a.toml:7:55: `Sat 9:00-10:00` holds no time of day from 00:00 to 24:00 [policy/bad-window]
      7 | windows = ["…………………………………………………", "……………………………", '…………9:00
        |                                                       ^^^^
      help: write [DAYS] HH:MM-HH:MM, as in "Mon-Fri 09:00-17:00" or "22:00-02:00"
    a.toml:8:14: `2026-12-20/2028-01-02` lasts longer than 366 days [policy/bad-blackout]
      8 | blackout = ["2026-12-20/2028-01-02
        |              ^^^^^^^^^^^^^^^^^^^^^
      help: write a date or two, as in "2026-11-27" or "2026-12-20/2027-01-02"
    4 findings
    "#);
}

#[test]
fn dates_that_leave_no_time_and_lists_that_say_nothing_are_findings() {
    let dates: Vec<String> =
        (2027..2030).map(|year| format!("{year}-01-01/{year}-12-31")).collect();
    let text = format!("{SMALLEST}[schedule]\nwindows = []\nblackout = {dates:?}");
    assert_snapshot!(said(&text), @"
    a.toml:7:1: `schedule.windows` is an empty list [policy/out-of-bounds]
      7 | windows
        | ^^^^^^^
      help: leave the field out where there is nothing to say
    a.toml:8:1: `schedule.windows` and `schedule.blackout` leave no rotation a time for more than 400 days from 2027-01-01 on [policy/bad-blackout]
      8 | blackout
        | ^^^^^^^^
      help: shorten the blackout, or add a window
    2 findings
    ");
    let many = vec!["Mon 09:00-10:00"; 65];
    let text = format!("{SMALLEST}[schedule]\nwindows = {many:?}");
    assert!(said(&text).contains("`schedule.windows` has more than 64 items [policy/too-many]"));
}

#[test]
fn a_spacing_without_a_group_is_a_finding() {
    let text = format!("{SMALLEST}[schedule]\nspacing = \"1h\"");
    assert!(said(&text).starts_with(
        "a.toml:7:1: `schedule.spacing` says nothing without `schedule.group` \
         [policy/missing-field]"
    ));
}

#[test]
fn acks_are_names_each_once_and_a_deadline_needs_them() {
    let text =
        format!("{SMALLEST}[consumers]\nacks = [\"a b\", \"x\", \"x\"]\nack_deadline = \"1s\"");
    let found = said(&text);
    for part in [
        "a.toml:7:9: `consumers.acks`: consumer name may hold only",
        "a.toml:7:21: `consumers.acks` names `x` twice [policy/conflict]",
        "a.toml:8:16: `consumers.ack_deadline` must be 1m to 90d [policy/out-of-bounds]",
    ] {
        assert!(found.contains(part), "{found}");
    }
    let many: Vec<String> = (0..33).map(|n| format!("c{n}")).collect();
    let found = said(&format!("{SMALLEST}[consumers]\nacks = {many:?}"));
    assert!(found.contains("names more than 32 consumers [policy/too-many]"), "{found}");
    let found = said(&format!("{SMALLEST}[consumers]\nack_deadline = \"3d\""));
    assert!(found.contains("`consumers.ack_deadline` says nothing without"), "{found}");
}

#[test]
fn an_unknown_word_for_a_dead_key_offers_the_known_ones() {
    let found = said(&format!("{SMALLEST}[watch]\non_dead_key = \"rotat\""));
    assert!(found.contains("a.toml:7:15: `watch.on_dead_key` cannot be `rotat`"), "{found}");
    assert!(found.contains("help: did you mean `rotate`?"), "{found}");
}
