//! Secrets Manager as clients call it and as tests look into it.

use super::super::fault::What;
use super::super::ledger::{CallKind, Entry, label_only, version_id_only};
use super::super::person::Edit;
use super::super::reply::{Issued, Refusal, Reply};
use super::super::secrets_manager::{
    Answer, Lag, Request, SecretEdit, SecretTruth, SecretsManager, Signer, Typed,
};
use super::Tenant;
use super::effect::Effect;
use super::world::Call;

impl Tenant {
    /// One call of Secrets Manager.
    pub fn secrets_manager(&self, signer: &Signer, request: &Request) -> Reply<Answer> {
        let now_ms = self.now_ms();
        let mut world = self.settled();
        let call = call_of(&world.secrets, signer, request, now_ms);
        world.call(now_ms, call, |world, what| {
            let lag = match what {
                Some(What::StaleChanges { changes }) => Lag::Changes(u64::from(*changes)),
                Some(What::StaleMs { ms }) => Lag::Ms(*ms),
                _ => Lag::None,
            };
            let answer = world.on_secrets(signer, request, lag, now_ms)?;
            Ok(if what == Some(&What::NullSecret) { answer.without_value() } else { answer })
        })
    }

    /// Writes down a call of Secrets Manager that never came as far as an operation.
    pub fn note_unsigned(&self, kind: CallKind, signer: Option<&Signer>, refusal: &Refusal) {
        let outcome = refusal.name().into();
        let signer = signer.cloned();
        self.settled().write(Entry { outcome, signer, ..Entry::of(kind, self.now_ms()) });
    }

    /// A secret that a person makes, holding a key as the product expects it by default.
    ///
    /// # Errors
    /// The name is not allowed or taken, or the sandbox is full.
    pub fn seed_secret(&self, name: &str, region: &str, key: &Issued) -> Result<(), Refusal> {
        let value = serde_json::json!({
            "clientId": key.client_id,
            "clientSecret": key.client_secret,
        });
        let edit =
            SecretEdit::Create { region: region.into(), text: Typed::new(value.to_string()) };
        self.edit(&Edit::Secret { secret: name.into(), edit }).map(drop)
    }

    /// Every secret, by region and name; no values.
    #[must_use]
    pub fn secrets(&self) -> Vec<SecretTruth> {
        self.settled().secrets.truths()
    }

    /// What a consumer would read now from the secret of that name.
    #[must_use]
    pub fn secret_text(&self, name: &str) -> Option<Typed> {
        self.settled().secrets.text(name)
    }
}

fn call_of(secrets: &SecretsManager, signer: &Signer, request: &Request, now_ms: i64) -> Call {
    let effect = Effect::OnSecrets(signer.clone(), Box::new(request.clone()));
    let mut entry = Entry { detail: detail_of(request), ..Entry::of(request.kind(), now_ms) };
    effect.sign(&mut entry, secrets);
    let versions = request.versions().into_iter().map(str::to_owned);
    let named = versions.chain(entry.secret.clone()).chain([signer.access_key.clone()]);
    Call { named: named.collect(), entry, late: Some(effect).filter(|_| !request.is_read()) }
}

/// What was asked, without any text that may be a secret.
fn detail_of(request: &Request) -> String {
    match request {
        Request::Get(get) => get
            .version_stage
            .as_deref()
            .map_or_else(String::new, |stage| format!("stage={}", label_only(stage))),
        Request::Put(put) => match &put.version_stages {
            Some(stages) => {
                let stages: Vec<&str> = stages.iter().map(|stage| label_only(stage)).collect();
                format!("stages={}", stages.join(","))
            }
            None => "stages=absent".into(),
        },
        Request::MoveStage(change) => {
            let shown =
                |id: Option<&String>| id.map_or_else(|| "absent".into(), |id| version_id_only(id));
            format!(
                "stage={} from={} to={}",
                label_only(change.version_stage.as_deref().unwrap_or_default()),
                shown(change.remove_from_version_id.as_ref()),
                shown(change.move_to_version_id.as_ref()),
            )
        }
        _ => String::new(),
    }
}
