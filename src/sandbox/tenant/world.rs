//! One tenant's state, and the one way a call goes through it: settle what lands late, look for a
//! fault, act, write the ledger.

use std::collections::BTreeSet;

use super::super::dice::Dice;
use super::super::fault::{Faults, Timing, What};
use super::super::ledger::{CallKind, Entry, Ledger, key_id_only};
use super::super::person::Edit;
use super::super::reply::{End, Issued, Line, Refusal, Reply};
use super::super::settings::{CREATE, DELETE, Settings, UPDATE, User};
use super::keys::{Change, KeyView, Keys};
use super::tokens::{Caller, Tokens};

/// Effects on their way; more than this are dropped, as a crashing server would.
const MAX_LATE: usize = 1_000;

/// What a client asked to be changed.
#[derive(Debug, Clone)]
pub(super) enum Effect {
    Create,
    Update(Change),
    Delete { client_id: String, etag: Option<String> },
}

/// A call as the ledger describes it.
pub(super) struct Call<'a> {
    pub(super) kind: CallKind,
    pub(super) as_key: Option<&'a str>,
    /// The key that is named in the arguments.
    pub(super) target: Option<&'a str>,
    pub(super) detail: String,
}

struct Late {
    due_ms: i64,
    caller: Caller,
    effect: Effect,
    sequence: u64,
}

pub(super) struct World {
    pub(super) settings: Settings,
    pub(super) keys: Keys,
    pub(super) tokens: Tokens,
    pub(super) faults: Faults,
    pub(super) ledger: Ledger,
    users: Vec<(User, bool)>,
    late: Vec<Late>,
}

impl World {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            keys: Keys::new(Dice::new(settings.seed)),
            tokens: Tokens::default(),
            faults: Faults::default(),
            ledger: Ledger::default(),
            users: settings.users.iter().map(|user| (user.clone(), true)).collect(),
            late: Vec::new(),
            settings,
        }
    }

    /// Lets land what is due.
    pub(super) fn settle(&mut self, now_ms: i64) {
        let (due, late) = std::mem::take(&mut self.late)
            .into_iter()
            .partition::<Vec<_>, _>(|late| late.due_ms <= now_ms);
        self.late = late;
        for landing in due {
            self.land(landing);
        }
    }

    /// Handles a call. `act` is what the server does when nothing keeps it from acting; `effect`
    /// is the same as data, for the call that lands late.
    pub(super) fn call<T>(
        &mut self,
        now_ms: i64,
        call: &Call<'_>,
        late: Option<(&Caller, &Effect)>,
        act: impl FnOnce(&mut Self, Option<&What>) -> Result<T, Refusal>,
    ) -> Reply<T> {
        self.settle(now_ms);
        let named: Vec<&str> = call.as_key.into_iter().chain(call.target).collect();
        let what = self.faults.strike(call.kind, &named);
        if let Some(What::Person { edit }) = &what {
            // What the edit came to stands in its own entry; the call goes on either way.
            drop(self.edit(edit, now_ms));
        }
        let timing = what.as_ref().map_or(Timing::Now, What::timing);
        let result = match timing {
            Timing::Now => act(self, what.as_ref()),
            Timing::Never | Timing::Late { .. } => Err(refusal_of(what.as_ref())),
        };
        let touched = self.keys.take_touched();
        let outcome = match (&result, timing) {
            (Ok(_), _) => "ok",
            (Err(_), Timing::Late { .. }) => "late",
            (Err(refusal), _) => refusal.name(),
        };
        let sequence = self.ledger.write(Entry {
            sequence: 0,
            at_ms: now_ms,
            kind: call.kind,
            as_key: call.as_key.map(key_id_only),
            effect_applied: !touched.is_empty(),
            keys: merge(call.target.map(key_id_only), touched),
            detail: call.detail.clone(),
            outcome: outcome.into(),
            fault: what.as_ref().map(What::name),
            late_of: None,
        });
        if let (Timing::Late { after_ms }, Some((caller, effect))) = (timing, late)
            && self.late.len() < MAX_LATE
        {
            let due_ms = now_ms.saturating_add_unsigned(after_ms);
            let (caller, effect) = (caller.clone(), effect.clone());
            self.late.push(Late { due_ms, caller, effect, sequence });
        }
        finish(result, what)
    }

    /// Does what a client asked for, if it may.
    pub(super) fn perform(
        &mut self,
        caller: &Caller,
        effect: &Effect,
        etag_ignored: bool,
        now_ms: i64,
    ) -> Result<KeyView, Refusal> {
        match effect {
            Effect::Create => {
                permitted(caller, CREATE)?;
                let issued = self.mint(&caller.user, now_ms)?;
                let key = self.keys.get(&issued.client_id).ok_or(Refusal::NotFound)?;
                Ok(KeyView { client_secret: Some(issued.client_secret), ..key.view() })
            }
            Effect::Update(change) => {
                permitted(caller, UPDATE)?;
                self.may_change(caller, &change.client_id)?;
                let given = change.etag.as_deref();
                self.guard(&change.client_id, given, false, etag_ignored)?;
                self.keys.change(&change.client_id, now_ms, |key, dice| {
                    key.enabled = change.enabled.unwrap_or(key.enabled);
                    if change.regenerate_secret == Some(true) {
                        key.secret = dice.text(32);
                    }
                })
            }
            Effect::Delete { client_id, etag } => {
                permitted(caller, DELETE)?;
                self.may_change(caller, client_id)?;
                self.guard(client_id, etag.as_deref(), true, etag_ignored)?;
                self.keys.change(client_id, now_ms, |key, _| key.deleted = true)
            }
        }
    }

    /// Does what a person does by hand, and writes it down.
    pub(super) fn edit(&mut self, edit: &Edit, now_ms: i64) -> Result<Option<Issued>, Refusal> {
        let result = self.edit_unrecorded(edit, now_ms);
        let touched = self.keys.take_touched();
        self.ledger.write(Entry {
            sequence: 0,
            at_ms: now_ms,
            kind: CallKind::Person,
            as_key: None,
            effect_applied: result.is_ok(),
            keys: merge(None, touched),
            detail: edit.name().into(),
            outcome: result.as_ref().map_or_else(Refusal::name, |_| "ok").into(),
            fault: None,
            late_of: None,
        });
        result
    }

    pub(super) fn user(&self, id: &str) -> Option<&User> {
        self.users.iter().find(|(user, _)| user.id == id).map(|(user, _)| user)
    }

    pub(super) fn is_active(&self, id: &str) -> bool {
        self.users.iter().any(|(user, active)| user.id == id && *active)
    }

    /// Whether two users see the same list.
    pub(super) fn same_organization(&self, one: &str, other: &str) -> bool {
        match (self.user(one), self.user(other)) {
            (Some(one), Some(other)) => one.organization.id == other.organization.id,
            _ => false,
        }
    }

    fn land(&mut self, landing: Late) {
        let kind = match &landing.effect {
            Effect::Create => CallKind::CreateApiKey,
            Effect::Update(_) => CallKind::UpdateApiKey,
            Effect::Delete { .. } => CallKind::DeleteApiKey,
        };
        let result = self.perform(&landing.caller, &landing.effect, false, landing.due_ms);
        let touched = self.keys.take_touched();
        self.ledger.write(Entry {
            sequence: 0,
            at_ms: landing.due_ms,
            kind,
            as_key: Some(landing.caller.client_id),
            effect_applied: !touched.is_empty(),
            keys: touched,
            detail: "landed late".into(),
            outcome: result.as_ref().map_or_else(Refusal::name, |_| "ok").into(),
            fault: None,
            late_of: Some(landing.sequence),
        });
    }

    fn mint(&mut self, user: &str, now_ms: i64) -> Result<Issued, Refusal> {
        if !self.is_active(user) {
            return Err(Refusal::Permission(CREATE));
        }
        let permissions = self.user(user).map(|user| user.permissions.clone()).unwrap_or_default();
        self.keys.mint(user, permissions, now_ms)
    }

    fn edit_unrecorded(&mut self, edit: &Edit, now_ms: i64) -> Result<Option<Issued>, Refusal> {
        match edit {
            Edit::Mint { user } => self.mint(user, now_ms).map(Some),
            Edit::Disable { key } => self.set_enabled(key, false, now_ms).map(|()| None),
            Edit::Enable { key } => self.set_enabled(key, true, now_ms).map(|()| None),
            Edit::Regenerate { key } => {
                let id = self.keys.resolve(key);
                let view = self.keys.change(&id, now_ms, |key, dice| key.secret = dice.text(32))?;
                let client_secret = view.client_secret.unwrap_or_default();
                Ok(Some(Issued { client_id: view.client_id, client_secret }))
            }
            Edit::Delete { key } => {
                let id = self.keys.resolve(key);
                self.keys.change(&id, now_ms, |key, _| key.deleted = true).map(|_| None)
            }
            Edit::Deactivate { user } => {
                let found = self.users.iter_mut().find(|(found, _)| found.id == *user);
                found.ok_or(Refusal::NotFound)?.1 = false;
                for key in self.keys.of_user(user) {
                    self.set_enabled(&key, false, now_ms)?;
                }
                Ok(None)
            }
            Edit::Permit { user, permissions } => self.permit(user, permissions).map(|()| None),
        }
    }

    fn set_enabled(&mut self, key: &str, enabled: bool, now_ms: i64) -> Result<(), Refusal> {
        let id = self.keys.resolve(key);
        self.keys.change(&id, now_ms, |key, _| key.enabled = enabled).map(|_| ())
    }

    fn permit(&mut self, user: &str, permissions: &BTreeSet<String>) -> Result<(), Refusal> {
        let found = self.users.iter_mut().find(|(found, _)| found.id == user);
        found.ok_or(Refusal::NotFound)?.0.permissions = permissions.clone();
        Ok(())
    }

    /// A key of another organisation is not there, for this caller.
    fn may_change(&self, caller: &Caller, client_id: &str) -> Result<(), Refusal> {
        let key = self.keys.get(client_id).ok_or(Refusal::NotFound)?;
        if self.same_organization(&caller.user, &key.created_by) {
            Ok(())
        } else {
            Err(Refusal::NotFound)
        }
    }

    fn guard(
        &self,
        client_id: &str,
        given: Option<&str>,
        required: bool,
        ignored: bool,
    ) -> Result<(), Refusal> {
        if ignored || !self.settings.etag_enforced {
            return Ok(());
        }
        match given {
            None if required => Err(Refusal::EtagMissing),
            Some(given) if self.keys.etag(client_id) != Some(given) => Err(Refusal::EtagMismatch),
            _ => Ok(()),
        }
    }
}

/// Asks for a permission that the key was minted with.
pub(super) fn permitted(caller: &Caller, permission: &'static str) -> Result<(), Refusal> {
    if caller.permissions.contains(permission) {
        Ok(())
    } else {
        Err(Refusal::Permission(permission))
    }
}

/// What the server says where a fault keeps it from acting.
fn refusal_of(what: Option<&What>) -> Refusal {
    match what {
        Some(What::PermissionDenied) => Refusal::Permission("APIKeyObject"),
        Some(What::Unauthorized) => Refusal::Unauthorized,
        Some(What::GraphqlError { message, .. }) => Refusal::Injected(message.clone()),
        _ => Refusal::Injected("not handled".into()),
    }
}

/// Puts the answer on the line that the fault left.
fn finish<T>(result: Result<T, Refusal>, what: Option<What>) -> Reply<T> {
    let (delay_ms, end) = match what {
        Some(What::LostBefore | What::LostAfter) => (0, End::Dropped),
        Some(What::LateLanding { hang_ms, .. }) => (hang_ms, End::Dropped),
        Some(What::Delay { ms }) => (ms, End::Whole),
        Some(What::Status { status, retry_after_seconds, .. }) => {
            (0, End::Status { status, retry_after_seconds })
        }
        Some(What::Reset { .. }) => (0, End::Reset),
        Some(What::Html { status, .. }) => (0, End::Html { status }),
        Some(What::Flood { bytes }) => (0, End::Flood { bytes }),
        Some(What::NullData) => (0, End::NullData),
        Some(What::GarbageDate) => (0, End::GarbageDate),
        Some(What::GraphqlError { message, .. }) => {
            return Reply { result: Err(Refusal::Injected(message)), line: Line::default() };
        }
        _ => (0, End::Whole),
    };
    Reply { result, line: Line { delay_ms, end } }
}

fn merge(target: Option<String>, touched: Vec<String>) -> Vec<String> {
    let mut keys: Vec<String> = target.into_iter().chain(touched).collect();
    keys.dedup();
    keys
}
