//! The tenant: users, keys, tokens, and what is true of them. Synchronous, by an injected clock,
//! so that tests on virtual time can call it in process; the HTTP half calls the very same.

mod credential;
mod doors;
mod effect;
mod keys;
mod page;
mod people;
mod secrets;
mod tokens;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::credential::{authenticate, is_alive, unknown_client};
use self::effect::{Effect, OnKeys};
pub use self::keys::{Change, KeyTruth, KeyView, MAX_KEYS};
pub use self::page::KeyPage;
use self::page::page;
pub use self::tokens::Caller;
use self::world::{Call, World, permitted};
use super::fault::What;
use super::ledger::{CallKind, Entry};
use super::reply::{Grant, Refusal, Reply};
use super::settings::{READ, Settings, User};

/// Milliseconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// A handle to the tenant; clones share it.
#[derive(Clone)]
pub struct Tenant {
    world: Arc<Mutex<World>>,
    clock: Clock,
}

/// What clients call.
impl Tenant {
    #[must_use]
    pub fn new(settings: Settings, clock: Clock) -> Self {
        Self { world: Arc::new(Mutex::new(World::new(settings))), clock }
    }

    /// The token exchange, client credentials for an access token.
    pub fn exchange(&self, client_id: &str, client_secret: &str) -> Reply<Grant> {
        let now_ms = self.now_ms();
        let kind = CallKind::TokenExchange;
        let call = Call::by_key(kind, now_ms, client_id, None, String::new());
        let mut world = self.world();
        let old = world.settings.old_keycloak;
        let mut reply = world.call(now_ms, call, |world, what| {
            let caller = authenticate(world, client_id, client_secret)?;
            let life_seconds = i64::from(world.settings.token_life_seconds);
            let [head, body, signature] = [36, 640, 342].map(|n| world.keys.dice.text(n));
            let token = format!("{head}.{body}.{signature}");
            world.keys.remember(token.clone());
            let expires_ms = now_ms.saturating_add(life_seconds * 1000);
            world.tokens.insert(token.clone(), caller, expires_ms, now_ms);
            Ok(Grant {
                access_token: Some(token).filter(|_| what != Some(&What::NullSecret)),
                expires_in_seconds: match what {
                    Some(What::ExpiresIn { seconds }) => *seconds,
                    _ => life_seconds,
                },
            })
        });
        if reply.result == Err(Refusal::Unauthorized) {
            reply.result = Err(unknown_client(old));
        }
        reply
    }

    /// Who a token speaks for; nobody once it has expired.
    #[must_use]
    pub fn caller(&self, token: &str) -> Option<Caller> {
        let now_ms = self.now_ms();
        let mut world = self.world();
        world.settle(now_ms);
        let caller = world.tokens.caller(token, now_ms)?;
        let dies = world.settings.tokens_die_with_key;
        if dies && !is_alive(&world, &caller.client_id) {
            return None;
        }
        Some(caller.clone())
    }

    /// `createApiKey`
    pub fn create_api_key(&self, caller: &Caller) -> Reply<KeyView> {
        self.mutate(caller, CallKind::CreateApiKey, None, String::new(), &OnKeys::Create)
    }

    /// `apiKeys`: at most `first` keys after the one with id `after`. Secrets are never in it.
    pub fn api_keys(
        &self,
        caller: &Caller,
        first: Option<u32>,
        after: Option<&str>,
    ) -> Reply<KeyPage> {
        let now_ms = self.now_ms();
        let detail = first.map_or_else(String::new, |first| format!("first={first}"));
        let call = Call::by_key(CallKind::ApiKeys, now_ms, &caller.client_id, None, detail);
        self.world().call(now_ms, call, |world, what| {
            permitted(caller, READ)?;
            let all = match what {
                Some(What::StaleChanges { changes }) => world.keys.list_before(*changes),
                Some(What::StaleMs { ms }) => {
                    world.keys.list_at(now_ms.saturating_sub_unsigned(*ms))
                }
                _ => world.keys.list(),
            };
            let mine = all
                .into_iter()
                .filter(|key| world.same_organization(&caller.user, &key.created_by));
            Ok(page(mine.collect(), first, after, what, || world.keys.dice.uuid()))
        })
    }

    /// `updateApiKey`
    pub fn update_api_key(&self, caller: &Caller, change: &Change) -> Reply<KeyView> {
        let detail = format!(
            "enabled={} regenerateSecret={} etag={}",
            shown(change.enabled),
            shown(change.regenerate_secret),
            if change.etag.is_some() { "given" } else { "absent" },
        );
        let effect = OnKeys::Update(change.clone());
        self.mutate(caller, CallKind::UpdateApiKey, Some(&change.client_id), detail, &effect)
    }

    /// `deleteApiKey`
    pub fn delete_api_key(
        &self,
        caller: &Caller,
        client_id: &str,
        etag: Option<&str>,
    ) -> Reply<KeyView> {
        let detail = format!("etag={}", if etag.is_some() { "given" } else { "absent" });
        let effect = OnKeys::Delete { client_id: client_id.into(), etag: etag.map(String::from) };
        self.mutate(caller, CallKind::DeleteApiKey, Some(client_id), detail, &effect)
    }

    /// `currentUser`: whom the key acts as.
    pub fn current_user(&self, caller: &Caller) -> Reply<User> {
        self.read(caller, CallKind::CurrentUser, |world| {
            world.user(&caller.user).cloned().ok_or(Refusal::Unauthorized)
        })
    }

    /// Whether the schema may be asked for.
    pub fn introspect(&self, caller: &Caller) -> Reply<()> {
        self.read(caller, CallKind::Introspection, |world| {
            world.settings.introspection.then_some(()).ok_or(Refusal::IntrospectionOff)
        })
    }

    /// Writes down a call that never came as far as an operation.
    pub fn note(&self, kind: CallKind, caller: Option<&Caller>, outcome: &str) {
        self.settled().write(Entry {
            as_key: caller.map(|caller| caller.client_id.clone()),
            outcome: outcome.into(),
            ..Entry::of(kind, self.now_ms())
        });
    }
}

impl Tenant {
    pub(super) fn settings(&self) -> Settings {
        self.world().settings.clone()
    }

    fn settled(&self) -> MutexGuard<'_, World> {
        let now_ms = self.now_ms();
        let mut world = self.world();
        world.settle(now_ms);
        world
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mutate(
        &self,
        caller: &Caller,
        kind: CallKind,
        target: Option<&str>,
        detail: String,
        effect: &OnKeys,
    ) -> Reply<KeyView> {
        let now_ms = self.now_ms();
        let late = Some(Effect::OnKeys(caller.clone(), effect.clone()));
        let call = Call::by_key(kind, now_ms, &caller.client_id, target, detail);
        self.world().call(now_ms, Call { late, ..call }, |world, what| {
            let etag_ignored = what == Some(&What::EtagIgnored);
            let mut view = world.on_keys(caller, effect, etag_ignored, now_ms)?;
            if what == Some(&What::NullSecret) {
                view.client_secret = None;
            }
            Ok(view)
        })
    }

    fn read<T>(
        &self,
        caller: &Caller,
        kind: CallKind,
        act: impl FnOnce(&World) -> Result<T, Refusal>,
    ) -> Reply<T> {
        let now_ms = self.now_ms();
        let call = Call::by_key(kind, now_ms, &caller.client_id, None, String::new());
        self.world().call(now_ms, call, |world, _| act(world))
    }
}

fn shown(given: Option<bool>) -> &'static str {
    match given {
        Some(true) => "true",
        Some(false) => "false",
        None => "absent",
    }
}
