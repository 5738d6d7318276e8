//! The JSON Schema of policy files, for editors. Describes the same fields as the parser reads
//! (a test compares them); nothing is parsed with these types.
#![expect(dead_code, reason = "the types only describe the format")]

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::Value;

use super::ion_environment;

/// The schema of one policy file, as JSON Schema draft 2020-12.
#[must_use]
pub fn json_schema() -> Value {
    schema_of::<PolicyFile>()
}

/// The schema of any described file.
pub(crate) fn schema_of<T: JsonSchema>() -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    SchemaGenerator::new(settings).into_root_schema_for::<T>().to_value()
}

/// A duration: numbers with units, the largest first: "30s", "10m", "24h", "30d", "1w", "1h30m".
#[derive(JsonSchema)]
pub(crate) struct Duration(
    #[schemars(regex(pattern = r"^(?=.)([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$"))]
    String,
);

/// A rekeyd policy: which key, when it rotates, where it is published, how it is proved and
/// retired. The file's stem is the policy's name.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "rekeyd policy")]
struct PolicyFile {
    /// What the key is for.
    description: Option<String>,
    /// Whom to ask.
    owner: Option<String>,
    schedule: Option<Schedule>,
    issuer: Issuer,
    store: Store,
    consumers: Option<Consumers>,
    verify: Option<Verify>,
    retire: Option<Retire>,
    watch: Option<Watch>,
}

/// When the key rotates: `cron` or `every`; with neither, only on demand.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Schedule {
    /// Five fields (minute hour day month weekday), or six with seconds first.
    cron: Option<String>,
    /// Time from the end of one rotation to the start of the next.
    every: Option<Duration>,
    /// IANA time zone in which `cron` is read; UTC by default.
    timezone: Option<String>,
    /// Each occurrence is put off by up to this, the same for the same occurrence.
    jitter: Option<Duration>,
    /// An older key is reported; nothing is cut short because of it.
    max_age: Option<Duration>,
    /// When a rotation may start, promote, and disable the old key; at any time by default.
    #[schemars(length(min = 1, max = 64))]
    windows: Option<Vec<Window>>,
    /// Days on which it may not, both ends included.
    #[schemars(length(min = 1, max = 64))]
    blackout: Option<Vec<Blackout>>,
    /// Policies of one group rotate one after the other; a leak does not wait.
    group: Option<Name>,
    /// From the end of one's rotation to the start of another's; 1h by default.
    spacing: Option<Duration>,
}

/// Days, if not all, and two times of day in the schedule's time zone; it may pass midnight:
/// "Mon-Fri 09:00-17:00", "Sat,Sun 22:00-02:00", "22:00-02:00".
#[derive(JsonSchema)]
struct Window(
    #[schemars(regex(
        pattern = r"^([A-Za-z]{3}(-[A-Za-z]{3})?(,[A-Za-z]{3}(-[A-Za-z]{3})?)*\s+)?[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}$"
    ))]
    String,
);

/// 1 to 64 letters, digits, `.`, `_`, and `-`, first a letter or digit.
#[derive(JsonSchema)]
struct Name(#[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))] String);

/// A date in the schedule's time zone, or two: "2026-11-27", "2026-12-20/2027-01-02".
#[derive(JsonSchema)]
struct Blackout(
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(/[0-9]{4}-[0-9]{2}-[0-9]{2})?$"))]
    String,
);

/// The system that mints and revokes keys.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Issuer {
    ion: Ion,
}

/// First Resonance ION: `environment`, or `auth_url` and `api_url`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Ion {
    environment: Option<Environment>,
    /// Base URL of the auth server; may hold a path prefix. The token endpoint's path is appended.
    auth_url: Option<String>,
    /// Base URL of the API; `/graphql` is appended unless it is there.
    api_url: Option<String>,
    /// The whole token endpoint, instead of one below the auth server.
    token_url: Option<String>,
    /// The service account that the key must act as: its e-mail address or user id.
    identity: Option<String>,
    /// The credential with which rekeyd calls ION; "self" is the policy's own current key.
    actor: Option<Actor>,
    /// Nobody else creates keys in this account.
    exclusive: Option<bool>,
    /// How the token is written into the Authorization header.
    scheme: Option<Scheme>,
    /// Sent with the token exchange.
    audience: Option<String>,
}

/// ION's own App URI.
struct Environment;

impl JsonSchema for Environment {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Environment".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "enum": ion_environment::names() })
    }
}

#[derive(JsonSchema)]
#[schemars(untagged)]
enum Actor {
    Own(OwnKey),
    Secret(SecretActor),
    Credential(CredentialActor),
}

#[derive(JsonSchema)]
enum OwnKey {
    #[schemars(rename = "self")]
    Own,
}

/// Another secret of AWS Secrets Manager.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct SecretActor {
    secret_id: String,
}

/// A systemd credential.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct CredentialActor {
    credential: String,
}

#[derive(JsonSchema)]
enum Scheme {
    Bearer,
    Token,
    #[schemars(rename = "bare")]
    Bare,
}

/// Where consumers read the secret; exactly one.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case", deny_unknown_fields)]
enum Store {
    /// A secret whose value is a JSON object; its other fields are kept.
    AwsSecretsManager(AwsSecretsManager),
    /// A JSON file of mode 0600, replaced atomically.
    File(FileStore),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct AwsSecretsManager {
    /// The secret's name or ARN.
    secret_id: String,
    /// By default what AWS's own chain of settings says.
    region: Option<String>,
    fields: Option<Fields>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct FileStore {
    /// Absolute, without `..`.
    path: String,
    fields: Option<Fields>,
}

/// Names of the credential's fields inside the JSON object.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Fields {
    /// By default "clientId".
    client_id: Option<String>,
    /// By default "clientSecret".
    client_secret: Option<String>,
}

/// The programs that use the key.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Consumers {
    /// How long a consumer may go on with a secret it has read; 1h by default.
    cache_ttl: Option<Duration>,
    /// Consumers that must say `rekeyd ack NAME CONSUMER` before the old key is retired.
    #[schemars(length(max = 32))]
    acks: Option<Vec<Name>>,
    /// Time they have from the promote; then the rotation parks, with both keys alive; 7d by default.
    ack_deadline: Option<Duration>,
}

/// How a new key is proved.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Verify {
    /// GraphQL queries whose answers must not change with the key.
    canaries: Option<Vec<String>>,
}

/// How the old key ends.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Retire {
    /// How long both keys work; not below `consumers.cache_ttl`; 24h by default.
    drain: Option<Duration>,
    /// Time from disabling to deleting the old key; 1h by default.
    soak: Option<Duration>,
}

/// What is done about what is seen between rotations.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Watch {
    /// When the current key no longer authenticates and no rotation is open; "report" by default.
    on_dead_key: Option<OnDeadKey>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum OnDeadKey {
    Report,
    Rotate,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::{assert_schema_agrees, parse};

    #[test]
    fn the_schema_and_the_parser_know_the_same_fields() {
        assert_schema_agrees(&json_schema(), |text| parse("a.toml", text).unwrap_err());
    }

    #[test]
    fn the_schema_refuses_unknown_fields_everywhere() {
        fn open_tables(schema: &Value, found: &mut Vec<Value>) {
            match schema {
                Value::Object(fields) => {
                    if fields.contains_key("properties")
                        && fields.get("additionalProperties") != Some(&Value::Bool(false))
                    {
                        found.push(schema.clone());
                    }
                    fields.values().for_each(|field| open_tables(field, found));
                }
                Value::Array(items) => items.iter().for_each(|item| open_tables(item, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        open_tables(&json_schema(), &mut found);
        assert_eq!(found, Vec::<Value>::new());
    }
}
