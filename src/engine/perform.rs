//! Intent → effect → outcome. The intent is durable before anything is sent; an effect is sent
//! once; what cannot be told stays an open question.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tracing::{Instrument, info_span};

use super::{Engine, EngineError, Progress};
use crate::domain::facts::Actor;
use crate::domain::ids::{KeyId, OperationId};
use crate::domain::secret::Credential;
use crate::domain::state::{Effect, Event, Outcome, Source};
use crate::port::issuer::Minted;
use crate::port::{Class, JournalError, PortError, Which};

/// Longer than this between intent and send (a suspended process): do not send, plan anew.
const STALE_INTENT_MS: i64 = 10_000;
/// While alive, an outcome that the journal refuses is tried this often, a second apart (R4).
const OUTCOME_TRIES: u32 = 30;

impl Engine {
    pub(super) async fn perform(&mut self, effect: Effect) -> Result<(), EngineError> {
        let operation = OperationId(self.state.next_operation.0 + 1);
        let name = effect.name();
        let rotation = self.state.rotation.as_ref().map(|r| r.id.to_string()).unwrap_or_default();
        let span = info_span!(
            "rotation.step", otel.name = format!("rotation.{name}"), policy = %self.plan.rules.policy,
            rotation_id = rotation, step = name, operation = operation.0
        );
        self.intend_and_send(operation, effect).instrument(span).await
    }

    async fn intend_and_send(
        &mut self,
        operation: OperationId,
        effect: Effect,
    ) -> Result<(), EngineError> {
        let name = effect.name();
        // What the effect needs is read before the intent: afterwards nothing may come between.
        let prepared = match self.prepare(&effect).await {
            Ok(prepared) => prepared,
            Err(error) => {
                // Nothing was sent and nothing was meant to be: no question may open.
                self.note_failure(name, &error);
                return self.troubled(error.class, name.to_owned()).await;
            }
        };
        let begun = self.ports.clock.stamp();
        self.record(vec![Event::Intended { operation, effect: effect.clone() }]).await?;
        let now = self.ports.clock.stamp();
        let started = Instant::now();
        self.progress.doing(name);
        let answer =
            if now.boot != begun.boot || now.boottime_ms - begun.boottime_ms > STALE_INTENT_MS {
                Err(PortError::retryable("the process was suspended before the request was sent"))
            } else {
                if matches!(effect, Effect::Issue { .. }) {
                    self.critical.store(true, Ordering::SeqCst);
                }
                self.send(&effect, prepared).await
            };
        let took = started.elapsed();
        match answer {
            Ok(outcome) => self.settle(operation, name, outcome, took).await,
            Err(error) if error.class == Class::Unknown => {
                self.note_failure(name, &error);
                self.critical.store(self.vault.minted_proof().is_some(), Ordering::SeqCst);
                self.progress.stepped(Progress { step: name, outcome: "unknown", took });
                self.forget();
                Ok(())
            }
            Err(error) => {
                self.note_failure(name, &error);
                self.progress.stepped(Progress { step: name, outcome: "no effect", took });
                let class = error.class;
                let doubtful = error.answered && matches!(effect, Effect::Issue { .. });
                let outcome =
                    if doubtful { Outcome::Refused { class } } else { Outcome::NoEffect { class } };
                let said = self.said.get(name).cloned();
                let trouble = Event::Troubled { class, step: name.to_owned(), said };
                self.record(vec![Event::Settled { operation, outcome }, trouble]).await
            }
        }
    }

    /// Journals an outcome. For a create this must succeed while we live: the key exists.
    async fn settle(
        &mut self,
        operation: OperationId,
        name: &'static str,
        outcome: Outcome,
        took: Duration,
    ) -> Result<(), EngineError> {
        let created = match &outcome {
            Outcome::Minted { key, .. } => Some(key.clone()),
            _ => None,
        };
        let event = Event::Settled { operation, outcome };
        for _ in 1..OUTCOME_TRIES {
            match self.record(vec![event.clone()]).await {
                Err(EngineError::Journal(JournalError::Unwritable(why))) => {
                    tracing::error!(policy = %self.plan.rules.policy, step = name,
                        "the outcome of {operation} cannot be journaled yet: {why}");
                    self.ports.clock.sleep(Duration::from_secs(1)).await;
                }
                other => {
                    if let (Err(_), Some(key)) = (&other, &created) {
                        self.compensate(operation, key).await;
                    }
                    self.progress.stepped(Progress { step: name, outcome: "done", took });
                    return other;
                }
            }
        }
        let last = self.record(vec![event.clone()]).await;
        if let (Err(_), Some(key)) = (&last, created) {
            self.compensate(operation, &key).await;
            // Whoever goes on with this engine still knows which key it was.
            self.unsettled = Some(event);
        }
        last
    }

    /// The journal cannot take a new key's id: the create's intent authorises to disable it (R4),
    /// as the actor that minted it.
    async fn compensate(&mut self, operation: OperationId, key: &KeyId) {
        let policy = &self.plan.rules.policy;
        tracing::error!(%policy, key_id = %key,
            "key {key} was minted and cannot be journaled: disabling it; delete it by hand");
        let Some(Effect::Issue { actor, .. }) =
            self.state.questions.get(&operation).map(|question| question.effect.clone())
        else {
            return;
        };
        if let Err(error) = self.disable_minted(&actor, key).await {
            tracing::error!(key_id = %key, "the compensating disable of {key} failed: {error}");
        }
    }

    async fn disable_minted(&mut self, actor: &Actor, key: &KeyId) -> Result<(), PortError> {
        let actor = self.actor(actor).await?;
        let listed = self.ports.issuer.list(&actor).await.ok();
        let etag = listed.and_then(|l| l.keys.into_iter().find(|k| k.key == *key)?.etag);
        self.ports.issuer.disable(&actor, key, etag.as_ref()).await.map(drop)
    }

    /// Everything that has to be read before a request can be built.
    async fn prepare(&mut self, effect: &Effect) -> Result<Prepared, PortError> {
        Ok(match effect {
            Effect::Issue { actor, .. }
            | Effect::Disable { actor, .. }
            | Effect::ProbeEtag { actor, .. }
            | Effect::Enable { actor, .. }
            | Effect::Delete { actor, .. } => Prepared::As(self.actor(actor).await?),
            Effect::Stage { proof, source, .. } => {
                if let Source::Version(version) = source {
                    // The version is read even if an older copy is at hand: it must still be there.
                    if self.ports.store.read(&Which::Version(version.clone())).await?.is_none() {
                        return Err(PortError::conflict("the version to copy from is gone"));
                    }
                }
                Prepared::As(self.credential(proof).await?)
            }
            Effect::Install { proof, .. } => Prepared::As(self.credential(proof).await?),
            Effect::Claim { .. }
            | Effect::Promote { .. }
            | Effect::Unstage { .. }
            | Effect::DropPrevious { .. }
            | Effect::Clear { .. } => Prepared::Nothing,
        })
    }

    async fn send(&mut self, effect: &Effect, prepared: Prepared) -> Result<Outcome, PortError> {
        let done = Outcome::Done { etag: None, ours: true };
        let store = self.ports.store.clone();
        match (effect, prepared) {
            (Effect::Claim { entry }, _) => store.append_claim(entry).await.map(|()| done),
            (Effect::Promote { from, to }, _) => store.promote(Some(from), to).await.map(|()| done),
            (Effect::Unstage { version }, _) => store.unstage(version).await.map(|()| done),
            (Effect::DropPrevious { version }, _) => {
                store.drop_previous(version).await.map(|()| done)
            }
            (Effect::Clear { token, replaces }, _) => {
                store.stage_empty(token).await?;
                // The put may have had its effect whatever the move answers.
                let moved = store.promote(Some(replaces), token).await;
                moved.map(|()| done).map_err(|error| PortError { class: Class::Unknown, ..error })
            }
            (Effect::Stage { token, base, .. }, Prepared::As(credential)) => {
                store.stage(token, Some(base), &credential).await.map(|()| done)
            }
            (Effect::Install { token, replaces, .. }, Prepared::As(credential)) => {
                store.stage(token, replaces.as_ref(), &credential).await?;
                // The put may have had its effect whatever the move answers.
                let moved = store.promote(replaces.as_ref(), token).await;
                moved.map(|()| done).map_err(|error| PortError { class: Class::Unknown, ..error })
            }
            (_, Prepared::As(actor)) => self.send_to_issuer(effect, actor).await,
            (_, Prepared::Nothing) => Err(PortError::misconfigured("no credential was prepared")),
        }
    }

    async fn send_to_issuer(
        &mut self,
        effect: &Effect,
        actor: Credential,
    ) -> Result<Outcome, PortError> {
        let issuer = self.ports.issuer.clone();
        match effect {
            Effect::Issue { snapshot, .. } => {
                let minted = issuer.issue(&actor).await?;
                if snapshot.contains(&minted.key) || self.state.has_met(&minted.key) {
                    // An answer to another request, by a cache on the way for one: what this one
                    // made is not known, and the key that it names is not ours to take (R3).
                    let words = "answered the create with a key that was there before";
                    return Err(PortError::unknown(format!("the issuer {words}: {}", minted.key)));
                }
                Ok(self.minted(minted))
            }
            Effect::Disable { key, etag, was_enabled, .. } => {
                let changed = issuer.disable(&actor, key, etag.as_ref()).await?;
                if changed.enabled == Some(true) {
                    return Err(PortError::unknown(format!(
                        "the issuer acknowledged to disable {key} and shows it enabled"
                    )));
                }
                Ok(Outcome::Done { etag: changed.etag, ours: *was_enabled })
            }
            Effect::ProbeEtag { key, etag, .. } => {
                match issuer.enable(&actor, key, Some(etag)).await {
                    Ok(_) => Ok(Outcome::Done { etag: None, ours: true }),
                    Err(error) if error.class == Class::Conflict => Ok(Outcome::EtagRefused),
                    Err(error) => Err(error),
                }
            }
            Effect::Enable { key, etag, .. } => {
                let changed = issuer.enable(&actor, key, etag.as_ref()).await?;
                Ok(Outcome::Done { etag: changed.etag, ours: true })
            }
            Effect::Delete { key, etag, .. } => {
                issuer.delete(&actor, key, etag.as_ref()).await?;
                Ok(Outcome::Done { etag: None, ours: true })
            }
            _ => Err(PortError::misconfigured("not a change of the issuer")),
        }
    }

    fn minted(&mut self, minted: Minted) -> Outcome {
        let Minted { key, credential } = minted;
        let proof = credential.as_ref().map(super::vault::proof);
        if let Some(credential) = credential {
            self.vault.hold_minted(credential);
        }
        Outcome::Minted { key, proof }
    }
}

/// What a request carries.
enum Prepared {
    As(Credential),
    Nothing,
}
