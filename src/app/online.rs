//! Looks at a policy's store and issuer for `check --online`. Only reads; rights are probed with ids
//! that no key has. Judges nothing: what was seen goes to [`crate::domain::check`].

mod store;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::time::{Instant, timeout};

use self::store::Store;
use super::{App, AppError};
use crate::domain::check::{Failed, Look, Looked, Named, Witness};
use crate::domain::facts::{Exchange, Identity, Listing, Rights, Survey};
use crate::domain::ids::KeyId;
use crate::domain::policy::{ActorSource, Policy};
use crate::domain::secret::Credential;
use crate::domain::state::State;
use crate::engine::replay;
use crate::issuer::ion::Ion;
use crate::port::{
    Class, Clock, CredentialSource, Issuer, Journal, PortError, SecretStore, Verifier,
};
use crate::system::SystemClock;

/// What one look may take.
const LOOK_LIMIT: Duration = Duration::from_secs(30);
/// What all looks at one policy may take together.
const POLICY_LIMIT: Duration = Duration::from_secs(120);

const NO_CREDENTIAL: &str = "the store holds no credential that could be tried";
const NO_KEY: &str = "the key does not authenticate";
const NO_CALLER: &str = "no credential authenticates that could call the API";
const NO_API: &str = "the API does not answer";
const NO_TIME: &str = "the two minutes that one policy may take are over";

/// What was seen of one policy, and what the journal knows of its secret.
pub struct Online {
    pub state: State,
    pub looked: Looked,
}

impl App {
    /// Looks at everything that a policy's rotation needs. Takes a little more than two minutes at most.
    ///
    /// # Errors
    /// When the journal of the secret cannot be read, or the policy's addresses cannot be used.
    pub async fn look_online(
        &self,
        policy: &Policy,
        journal: Arc<dyn Journal>,
    ) -> Result<Online, AppError> {
        let plan = self.plan(policy)?;
        let (state, _) = replay(journal.as_ref(), &plan.stream).await?;
        // Clocks of their own, so that each server's Date is told apart.
        let issuer_clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let store_clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let store = self.store(policy, store_clock.clone()).await?;
        let ion = self.ion(policy, issuer_clock.clone())?;
        let looker = Looker { store, ion, until: Instant::now() + POLICY_LIMIT };
        let actor = match policy.issuer.actor {
            ActorSource::OwnKey => None,
            _ => Some(self.actor(policy, store_clock.clone()).await),
        };
        let mut looked = looker.look(policy, actor).await;
        looked.elsewhere = match self.neighbours(journal, policy, &plan).look().await {
            Ok(elsewhere) => Look::Seen(elsewhere),
            Err(error) => Look::Failed(failed(PortError::retryable(error.to_string()))),
        };
        looked.witnesses = [issuer_clock, store_clock].iter().filter_map(witness).collect();
        Ok(Online { state, looked })
    }
}

/// What a clock's server said of the time, if it did.
fn witness(clock: &Arc<dyn Clock>) -> Option<Witness> {
    let stamp = clock.stamp();
    let dated = stamp.dated?;
    Some(Witness { source: dated.source, ahead_ms: stamp.wall_ms.saturating_sub(dated.ms) })
}

fn failed(error: PortError) -> Failed {
    Failed { class: error.class, cause: error.cause, said: error.message }
}

/// What was asked of the API with one credential.
struct Asked {
    api: Look<()>,
    rights: Look<Rights>,
    keys: Look<Listing>,
    survey: Look<Survey>,
}

struct Looker {
    store: Arc<dyn SecretStore>,
    ion: Arc<Ion>,
    until: Instant,
}

impl Looker {
    async fn look(
        &self,
        policy: &Policy,
        actor: Option<Result<Option<Arc<dyn CredentialSource>>, AppError>>,
    ) -> Looked {
        let Store { view, current, pending, credential } = self.look_at_store().await;
        let key = match &credential {
            Some(credential) => self.exchange(credential).await,
            None => Look::Skipped(NO_CREDENTIAL),
        };
        let works = |look: &Look<Exchange>| look.seen().is_some_and(|exchange| exchange.is_alive());
        let own = credential.filter(|_| works(&key));
        let (mut named, other) = self.look_at_actor(actor).await;
        let other = other.filter(|_| named.as_ref().is_some_and(|n| works(&n.exchange)));
        let auth = match key.seen().or_else(|| named.as_ref()?.exchange.seen()) {
            Some(exchange) => Look::Seen(*exchange),
            None => self.knock().await,
        };
        let (asked, identity) = self.ask_as(&mut named, other.as_ref(), own.as_ref()).await;
        let answers = asked.api.seen().is_some();
        let canaries = self.canaries(&policy.verify.canaries, own.as_ref(), answers).await;
        Looked {
            store_place: self.store.place(),
            auth_place: self.ion.place(),
            api_place: self.ion.api_place(),
            store: view,
            current,
            pending,
            auth,
            key,
            api: asked.api,
            identity,
            named,
            rights: asked.rights,
            keys: asked.keys,
            survey: asked.survey,
            canaries,
            elsewhere: Look::Skipped("it is looked at last"),
            witnesses: Vec::new(),
        }
    }

    /// What the named actor is told, else what *current*'s key is; and as whom that one acts.
    async fn ask_as(
        &self,
        named: &mut Option<Named>,
        other: Option<&Credential>,
        own: Option<&Credential>,
    ) -> (Asked, Look<Option<Identity>>) {
        let Some(caller) = other.or(own) else {
            let asked = Asked {
                api: Look::Skipped(NO_CALLER),
                rights: Look::Skipped(NO_CALLER),
                keys: Look::Skipped(NO_CALLER),
                survey: Look::Skipped(NO_CALLER),
            };
            return (asked, Look::Skipped(NO_KEY));
        };
        let acts_as = self.within(self.ion.identity(caller)).await;
        let asked = self.ask(caller, answers(&acts_as)).await;
        let (Some(named), Some(_)) = (named, other) else { return (asked, acts_as) };
        named.identity = acts_as;
        let identity = match own {
            None => Look::Skipped(NO_KEY),
            Some(_) if asked.api.seen().is_none() => Look::Skipped(NO_API),
            Some(own) => self.within(self.ion.identity(own)).await,
        };
        (asked, identity)
    }

    /// Reads the named actor, where there is one, and tries it.
    async fn look_at_actor(
        &self,
        actor: Option<Result<Option<Arc<dyn CredentialSource>>, AppError>>,
    ) -> (Option<Named>, Option<Credential>) {
        let source = match actor {
            None | Some(Ok(None)) => return (None, None),
            Some(Ok(Some(source))) => source,
            Some(Err(error)) => {
                let error = PortError::misconfigured(error.to_string());
                return (Some(unread(Look::Failed(failed(error)))), None);
            }
        };
        let read = self.within(source.credential()).await;
        let credential = match read {
            Look::Seen(credential) => credential,
            Look::Failed(failed) => return (Some(unread(Look::Failed(failed))), None),
            Look::Skipped(because) => return (Some(unread(Look::Skipped(because))), None),
        };
        let exchange = self.exchange(&credential).await;
        let key = Look::Seen(credential.key().clone());
        let identity = Look::Skipped("the named actor does not authenticate");
        (Some(Named { key, exchange, identity }), Some(credential))
    }

    /// One fresh exchange. A failure to get an answer is an answer too.
    async fn exchange(&self, credential: &Credential) -> Look<Exchange> {
        let tried = async { Ok(self.ion.authenticate(credential).await) };
        self.within(tried).await
    }

    /// Whether the auth server is there, where no credential is at hand: with one that nobody has.
    async fn knock(&self) -> Look<Exchange> {
        let nobody = KeyId::new(uuid::Uuid::new_v4().to_string());
        let Ok(nobody) = nobody else { return Look::Skipped(NO_CREDENTIAL) };
        let made_up = SecretString::from(uuid::Uuid::new_v4().to_string());
        self.exchange(&Credential::new(nobody, made_up)).await
    }

    /// What the credential that would call the issuer is told by it.
    async fn ask(&self, caller: &Credential, api: Look<()>) -> Asked {
        if api.seen().is_none() {
            return Asked {
                api,
                rights: Look::Skipped(NO_API),
                keys: Look::Skipped(NO_API),
                survey: Look::Skipped(NO_API),
            };
        }
        Asked {
            api,
            survey: self.within(self.ion.survey(caller)).await,
            rights: self.within(self.ion.rights(caller)).await,
            keys: self.within(self.ion.list(caller)).await,
        }
    }

    async fn canaries(
        &self,
        queries: &[String],
        own: Option<&Credential>,
        answers: bool,
    ) -> Vec<Look<()>> {
        let mut looks = Vec::new();
        for query in queries {
            looks.push(match own {
                None => Look::Skipped(NO_KEY),
                Some(_) if !answers => Look::Skipped(NO_API),
                Some(own) => {
                    let asked = async { self.ion.canary(own, query).await.map(drop) };
                    self.within(asked).await
                }
            });
        }
        looks
    }

    /// One look, bounded in time.
    async fn within<T>(&self, look: impl Future<Output = Result<T, PortError>>) -> Look<T> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Look::Skipped(NO_TIME);
        }
        match timeout(LOOK_LIMIT.min(left), look).await {
            Ok(Ok(value)) => Look::Seen(value),
            Ok(Err(error)) => Look::Failed(failed(error)),
            Err(_) => {
                let seconds = LOOK_LIMIT.min(left).as_secs();
                let said = format!("no answer came within {seconds} s");
                Look::Failed(failed(PortError::unknown(said)))
            }
        }
    }
}

/// A named actor that could not be read.
fn unread(key: Look<KeyId>) -> Named {
    const BECAUSE: &str = "the named actor's credential could not be read";
    Named { key, exchange: Look::Skipped(BECAUSE), identity: Look::Skipped(BECAUSE) }
}

/// Whether the API answered at all: a no is an answer.
fn answers<T>(first: &Look<T>) -> Look<()> {
    match first {
        Look::Seen(_) => Look::Seen(()),
        Look::Failed(failed) if matches!(failed.class, Class::Rejected | Class::Conflict) => {
            Look::Seen(())
        }
        Look::Failed(failed) => Look::Failed(failed.clone()),
        Look::Skipped(because) => Look::Skipped(because),
    }
}
