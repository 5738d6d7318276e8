//! `[issuer.ion]`: where the tenant is, and as whom it is called.

use crate::domain::policy::diagnostic::{Problem, help_for, quoted};
use crate::domain::policy::document::{At, Table};
use crate::domain::policy::endpoint::{self, BadUrl};
use crate::domain::policy::report::Report;
use crate::domain::policy::{
    ActorSource, AuthorizationScheme, Fields, IonIssuer, Store, ion_environment, secret_place,
};

const MAX_URL_CHARS: usize = 2000;
const MAX_IDENTITY_CHARS: usize = 320;
const MAX_AUDIENCE_CHARS: usize = 500;
/// systemd: a credential's name is a file name.
const MAX_CREDENTIAL_CHARS: usize = 255;

const SCHEMES: [(&str, AuthorizationScheme); 3] = [
    ("Bearer", AuthorizationScheme::Bearer),
    ("Token", AuthorizationScheme::Token),
    ("bare", AuthorizationScheme::Bare),
];

const MISSING_ISSUER: &str =
    "add [issuer.ion] with `environment`, or with `auth_url` and `api_url`";

/// The issuer, and where its actor is named.
pub(super) fn read(root: &mut Table<'_>, report: &mut Report<'_>) -> Option<At<IonIssuer>> {
    if !root.has("issuer") {
        root.missing("the table `issuer.ion` is missing", MISSING_ISSUER, report);
    }
    let mut issuer = root.table("issuer", report)?;
    if !issuer.has("ion") {
        issuer.missing("the table `issuer.ion` is missing", MISSING_ISSUER, report);
    }
    let ion = issuer.table("ion", report);
    issuer.finish(report);
    let mut ion = ion?;

    let endpoints = endpoints_of(&mut ion, report);
    let identity = ion.text("identity", MAX_IDENTITY_CHARS, report);
    let actor_place = ion.value("actor").map(|at| at.key);
    let actor = actor_of(&mut ion, report);
    let exclusive = ion.boolean("exclusive", report);
    let scheme = scheme_of(&mut ion, report);
    let audience = ion.text("audience", MAX_AUDIENCE_CHARS, report);
    let place = actor_place.unwrap_or_else(|| ion.span.clone());
    ion.finish(report);

    let (token_url, graphql_url) = endpoints?;
    let issuer = IonIssuer {
        token_url,
        graphql_url,
        identity: identity.map(|at| at.value.to_owned()),
        actor: actor?,
        exclusive: exclusive.unwrap_or(false),
        scheme: scheme?,
        audience: audience.map(|at| at.value.to_owned()),
    };
    Some(At { value: issuer, span: place.clone(), key: place })
}

/// An actor that is the policy's own secret would pass for a second credential (R17, R18).
pub(super) fn check_actor(issuer: &At<IonIssuer>, own: &Store, report: &mut Report<'_>) {
    let (ActorSource::SecretId(actor_id), Store::AwsSecretsManager { region, .. }) =
        (&issuer.value.actor, own)
    else {
        return;
    };
    let named = secret_place::check_secret_id(actor_id).ok().flatten();
    let actor = Store::AwsSecretsManager {
        secret_id: actor_id.clone(),
        region: named.map(str::to_owned).or_else(|| region.clone()),
        fields: Fields { client_id: String::new(), client_secret: String::new() },
    };
    if secret_place::same_secret(&actor, own) {
        let message = "`issuer.ion.actor` names the policy's own secret";
        let help = Some("write actor = \"self\", or name another secret".to_owned());
        report.add(Problem::Conflict, &issuer.key, message, help);
    }
}

fn endpoints_of(ion: &mut Table<'_>, report: &mut Report<'_>) -> Option<(String, String)> {
    let environment = ion.text("environment", 200, report);
    let auth_url = url_of(ion, "auth_url", endpoint::token_url_below, report);
    let api_url = url_of(ion, "api_url", endpoint::graphql_url, report);
    let token_url = url_of(ion, "token_url", endpoint::checked, report);

    if !ion.has("environment") {
        if !ion.has("api_url") {
            let message = "`issuer.ion` needs `environment`, or `auth_url` and `api_url`";
            ion.missing(message, MISSING_ISSUER, report);
        } else if !ion.has("auth_url") && !ion.has("token_url") {
            let message = "`issuer.ion.api_url` needs `auth_url` or `token_url` beside it";
            ion.missing(message, "add auth_url = \"https://…\"", report);
        }
        return Some((token_url.or(auth_url)?, api_url?));
    }
    for field in ["auth_url", "api_url"] {
        if let Some(at) = ion.value(field) {
            let message = format!("`issuer.ion.{field}` and `environment` exclude each other");
            let help = Some("keep `environment`, or write both URLs instead".to_owned());
            report.add(Problem::Conflict, &at.key, message, help);
        }
    }
    let app = environment?;
    let Some(known) = ion_environment::find(app.value) else {
        let help = help_for(app.value, "environments", &ion_environment::names());
        let message = format!("unknown environment {}", quoted(app.value));
        report.add(Problem::UnknownValue, &app.span, message, Some(help));
        return None;
    };
    let token_url = token_url.or_else(|| endpoint::token_url_below(&known.auth_url()).ok())?;
    Some((token_url, endpoint::graphql_url(&known.api_url()).ok()?))
}

/// A finding about a URL points at its key: the URL may hold a password.
fn url_of(
    ion: &mut Table<'_>,
    field: &'static str,
    check: fn(&str) -> Result<String, BadUrl>,
    report: &mut Report<'_>,
) -> Option<String> {
    let at = ion.text(field, MAX_URL_CHARS, report)?;
    match check(at.value) {
        Ok(url) => Some(url),
        Err(why) => {
            let help = (why == BadUrl::WholeTokenUrl)
                .then(|| "give the whole token endpoint as `token_url`".to_owned());
            let message = format!("`issuer.ion.{field}` {why}");
            report.add(Problem::BadUrl, &at.key, message, help);
            None
        }
    }
}

const ACTORS: &str = "\"self\", { secret_id = \"…\" }, or { credential = \"…\" }";

fn actor_of(ion: &mut Table<'_>, report: &mut Report<'_>) -> Option<ActorSource> {
    let Some(at) = ion.value("actor") else {
        return Some(ActorSource::OwnKey);
    };
    if let Some(text) = at.value.as_str() {
        if text == "self" {
            return Some(ActorSource::OwnKey);
        }
        // Not quoted, here and below: somebody may have put the credential itself there.
        let message = "`issuer.ion.actor` names no known actor";
        report.add(Problem::UnknownValue, &at.key, message, Some(format!("write {ACTORS}")));
        return None;
    }
    let Some(mut table) = ion.table_at("actor", &at) else {
        ion.wrong_type("actor", ACTORS, &at, report);
        return None;
    };
    let secret_id = table.text("secret_id", 2048, report);
    let credential = table.text("credential", MAX_CREDENTIAL_CHARS, report);
    match (table.has("secret_id"), table.has("credential")) {
        (true, true) => {
            let message = "`issuer.ion.actor` must name one credential, not two";
            report.add(Problem::Conflict, &at.key, message, Some(format!("write {ACTORS}")));
        }
        (false, false) => {
            let message = "`issuer.ion.actor` must name a credential";
            table.missing(message, &format!("write {ACTORS}"), report);
        }
        _ => {}
    }
    table.finish(report);
    match (secret_id, credential) {
        (Some(at), _) => match secret_place::check_secret_id(at.value) {
            Ok(_) => Some(ActorSource::SecretId(at.value.to_owned())),
            Err(why) => {
                let message = format!("`issuer.ion.actor.secret_id` {why}");
                report.add(Problem::BadSecretId, &at.key, message, None);
                None
            }
        },
        (None, Some(at)) => {
            let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            if at.value.chars().all(safe) && !at.value.starts_with('.') {
                return Some(ActorSource::Credential(at.value.to_owned()));
            }
            let message = "`issuer.ion.actor.credential` may hold only letters, digits, \
                           `.`, `_`, and `-`, and must not begin with a dot";
            report.add(Problem::BadText, &at.key, message, None);
            None
        }
        (None, None) => None,
    }
}

fn scheme_of(ion: &mut Table<'_>, report: &mut Report<'_>) -> Option<AuthorizationScheme> {
    if !ion.has("scheme") {
        let _ = ion.value("scheme");
        return Some(AuthorizationScheme::Bearer);
    }
    let at = ion.text("scheme", 100, report)?;
    let known = SCHEMES.iter().find(|(name, _)| *name == at.value);
    if known.is_none() {
        let help = help_for(at.value, "schemes", &SCHEMES.map(|(name, _)| name));
        let message = "`issuer.ion.scheme` is unknown";
        report.add(Problem::UnknownValue, &at.key, message, Some(help));
    }
    known.map(|(_, scheme)| *scheme)
}
