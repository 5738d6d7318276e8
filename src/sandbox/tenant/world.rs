//! One tenant's state, and the one way a call goes through it: settle what lands late, look for a
//! fault, act, write the ledger.

use super::super::dice::Dice;
use super::super::fault::{Changes, Faults, Struck, Timing, What};
use super::super::ledger::{CallKind, Entry, Ledger, key_id_only, version_id_only};
use super::super::reply::{End, Line, Refusal, Reply};
use super::super::secrets_manager::SecretsManager;
use super::super::settings::{Settings, User};
use super::effect::Effect;
use super::keys::Keys;
use super::tokens::{Caller, Tokens};

/// Effects on their way; more than this are dropped, as a crashing server would.
const MAX_LATE: usize = 1_000;

/// A call on its way in.
pub(super) struct Call {
    /// As the ledger will tell it; the outcome is filled in.
    pub(super) entry: Entry,
    /// What a fault may choose it by.
    pub(super) named: Vec<String>,
    /// What it asks to be changed, for the call that lands late.
    pub(super) late: Option<Effect>,
}

impl Call {
    /// A call of ION's: who acts, and the key that is named in the arguments.
    pub(super) fn by_key(
        kind: CallKind,
        now_ms: i64,
        as_key: &str,
        target: Option<&str>,
        detail: String,
    ) -> Self {
        let entry = Entry {
            as_key: Some(key_id_only(as_key)),
            keys: target.map(key_id_only).into_iter().collect(),
            detail,
            ..Entry::of(kind, now_ms)
        };
        let named = [as_key].into_iter().chain(target).map(str::to_owned).collect();
        Self { entry, named, late: None }
    }
}

struct Late {
    due_ms: i64,
    effect: Effect,
    sequence: u64,
}

pub(super) struct World {
    pub(super) settings: Settings,
    pub(super) keys: Keys,
    pub(super) tokens: Tokens,
    pub(super) secrets: SecretsManager,
    /// For what is not ION's: its own, so that ION's ids stay what a seed made them.
    pub(super) secrets_dice: Dice,
    pub(super) faults: Faults,
    pub(super) ledger: Ledger,
    /// With whether they are active.
    pub(super) users: Vec<(User, bool)>,
    late: Vec<Late>,
}

impl World {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            keys: Keys::new(Dice::new(settings.seed)),
            tokens: Tokens::default(),
            secrets: SecretsManager::default(),
            secrets_dice: Dice::new(settings.seed.map(|seed| seed.wrapping_add(1))),
            faults: Faults::default(),
            ledger: Ledger::default(),
            users: settings.users.iter().map(|user| (user.clone(), true)).collect(),
            late: Vec::new(),
            settings,
        }
    }

    /// Lets land what is due, in the order it is due.
    pub(super) fn settle(&mut self, now_ms: i64) {
        let (mut due, late) = std::mem::take(&mut self.late)
            .into_iter()
            .partition::<Vec<_>, _>(|late| late.due_ms <= now_ms);
        self.late = late;
        due.sort_by_key(|late| late.due_ms);
        for landing in due {
            self.land(&landing);
        }
        self.secrets.settle(now_ms);
    }

    /// Handles a call. `act` is what the server does when nothing keeps it from acting.
    pub(super) fn call<T>(
        &mut self,
        now_ms: i64,
        call: Call,
        act: impl FnOnce(&mut Self, Option<&What>) -> Result<T, Refusal>,
    ) -> Reply<T> {
        self.settle(now_ms);
        let Call { entry, named, late } = call;
        let struck = self.faults.strike(entry.kind, &named, self.changes());
        let (what, fault) = match struck {
            Some(Struck { what, name }) => (Some(what), Some(name)),
            None => (None, None),
        };
        if let Some(What::Person { edit }) = &what {
            // What the edit came to stands in its own entry; the call goes on either way.
            drop(self.edit(edit, now_ms));
        }
        let timing = what.as_ref().map_or(Timing::Now, What::timing);
        let result = match timing {
            Timing::Now => act(self, what.as_ref()),
            Timing::Never | Timing::Late { .. } => Err(refusal_of(what.as_ref())),
        };
        let outcome = match (&result, timing) {
            (Ok(_), _) => "ok",
            (Err(_), Timing::Late { .. }) => "late",
            (Err(refusal), _) => refusal.name(),
        };
        let sequence = self.write(Entry { outcome: outcome.into(), fault, ..entry });
        if let (Timing::Late { after_ms }, Some(effect)) = (timing, late)
            && self.late.len() < MAX_LATE
        {
            let due_ms = now_ms.saturating_add_unsigned(after_ms);
            self.late.push(Late { due_ms, effect, sequence });
        }
        finish(result, what)
    }

    /// Writes an entry down, with what was changed since the last one.
    pub(super) fn write(&mut self, mut entry: Entry) -> u64 {
        let (versions, secrets_changed) = self.secrets.take_touched();
        // Clients make up the ids of versions.
        let versions = versions.iter().map(|id| version_id_only(id));
        let touched: Vec<String> = self.keys.take_touched().into_iter().chain(versions).collect();
        entry.effect_applied |= secrets_changed || !touched.is_empty();
        for name in touched {
            if !entry.keys.contains(&name) {
                entry.keys.push(name);
            }
        }
        self.ledger.write(entry)
    }

    /// How often what can be read has changed.
    pub(super) fn changes(&self) -> Changes {
        Changes { keys: self.keys.changes(), secrets: self.secrets.changes() }
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

    fn land(&mut self, landing: &Late) {
        let mut entry = Entry {
            detail: "landed late".into(),
            late_of: Some(landing.sequence),
            ..Entry::of(landing.effect.kind(), landing.due_ms)
        };
        landing.effect.sign(&mut entry, &self.secrets);
        let result = self.perform_late(&landing.effect, landing.due_ms);
        entry.outcome = result.as_ref().map_or_else(Refusal::name, |()| "ok").into();
        self.write(entry);
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
        Some(What::Exception { code, .. }) => Refusal::injected(*code),
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
        Some(What::Exception { code, .. }) => {
            return Reply { result: Err(Refusal::injected(code)), line: Line::default() };
        }
        Some(What::GraphqlError { message, .. }) => {
            return Reply { result: Err(Refusal::Injected(message)), line: Line::default() };
        }
        _ => (0, End::Whole),
    };
    Reply { result, line: Line { delay_ms, end } }
}
