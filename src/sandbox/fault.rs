//! What can go wrong on demand: which call, which time, and how.

use serde::{Deserialize, Serialize};

use super::ledger::CallKind;
use super::person::Edit;
use super::secrets_manager::Code;

/// No more faults than this wait at a time.
pub const MAX_FAULTS: usize = 1000;
/// No injected wait is longer.
pub const MAX_WAIT_MS: u64 = 600_000;
/// No injected body is larger.
pub const MAX_FLOOD_BYTES: u64 = 64 * 1024 * 1024;

/// One order to misbehave. Calls are counted from the moment it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub on: CallKind,
    /// The first call that it strikes; 1 is the next one.
    #[serde(default = "one")]
    pub nth: u32,
    /// How many calls in a row.
    #[serde(default = "one")]
    pub count: u32,
    /// Only calls that name this key, or that act with it; of Secrets Manager: that name this
    /// secret or version, or are signed with this access key.
    #[serde(default)]
    pub key: Option<String>,
    pub what: What,
}

/// What happens instead of a plain answer. In JSON: `"lost_after"`, `{"delay": {"ms": 500}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// Nothing is done; the connection closes without an answer.
    LostBefore,
    /// It is done; the connection closes without an answer.
    LostAfter,
    /// The connection closes after `hang_ms`; the effect lands `after_ms` from now.
    LateLanding {
        after_ms: u64,
        #[serde(default)]
        hang_ms: u64,
    },
    /// It is done at once, and answered after a wait.
    Delay { ms: u64 },
    /// An HTTP status from the layer in front: 429, 500, 502, 503, 403, …
    Status {
        status: u16,
        #[serde(default)]
        retry_after_seconds: Option<u32>,
        #[serde(default)]
        after_effect: bool,
    },
    /// TCP reset instead of an answer.
    Reset {
        #[serde(default)]
        after_effect: bool,
    },
    /// A web page instead of JSON.
    Html {
        status: u16,
        #[serde(default)]
        after_effect: bool,
    },
    /// A body of this many bytes that never becomes JSON; it is done.
    Flood { bytes: u64 },
    /// Done, but answered `{"data":null}` (a token, a secret: `{}`).
    NullData,
    /// Done, but the answer's secret is null (a token: `access_token` is null; a secret: its value
    /// is missing).
    NullSecret,
    /// A `Date` header that is none.
    GarbageDate,
    /// The token's `expires_in` says this; its real life does not change.
    ExpiresIn { seconds: i64 },
    /// The list, or the secret, as it was before the last N changes.
    StaleChanges { changes: u32 },
    /// The list, or the secret, as it was N ms ago.
    StaleMs { ms: u64 },
    /// The list, or the secret, as it was when the fault was ordered, until the fault is spent or
    /// taken back.
    Frozen,
    /// The list's first key stands in it twice, with different etags.
    DuplicateKey,
    /// Only so many keys of the page arrive; `pageInfo` says there are no more.
    IncompletePage { keep: u32 },
    /// Etags are not looked at.
    EtagIgnored,
    /// "You do not have permission …", whatever the key may do.
    PermissionDenied,
    /// As if the credential or token were wrong: 401.
    Unauthorized,
    /// Secrets Manager refuses with one of its exceptions, such as `ThrottlingException`.
    Exception {
        code: Code,
        #[serde(default)]
        after_effect: bool,
    },
    /// An error of GraphQL's in HTTP 200.
    GraphqlError {
        message: String,
        #[serde(default)]
        after_effect: bool,
    },
    /// A person edits something just before the call is handled; the call is answered plainly.
    Person { edit: Edit },
}

/// When the effect of a struck call happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timing {
    Never,
    Late { after_ms: u64 },
    Now,
}

impl What {
    pub(super) fn timing(&self) -> Timing {
        match self {
            Self::LostBefore | Self::PermissionDenied | Self::Unauthorized => Timing::Never,
            Self::Status { after_effect, .. }
            | Self::Reset { after_effect }
            | Self::Html { after_effect, .. }
            | Self::Exception { after_effect, .. }
            | Self::GraphqlError { after_effect, .. } => {
                if *after_effect {
                    Timing::Now
                } else {
                    Timing::Never
                }
            }
            Self::LateLanding { after_ms, .. } => Timing::Late { after_ms: *after_ms },
            _ => Timing::Now,
        }
    }

    /// The name that stands in the ledger.
    pub(super) fn name(&self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            Ok(serde_json::Value::Object(map)) => map.keys().next().cloned().unwrap_or_default(),
            _ => String::new(),
        }
    }
}

/// How often what can be read has changed, by the moment it is asked.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Changes {
    pub(super) keys: u64,
    pub(super) secrets: u64,
}

impl Changes {
    /// Of what that call reads, since an earlier moment.
    fn since(self, then: Self, kind: CallKind) -> u32 {
        let changes = if kind.is_of_secrets_manager() {
            self.secrets.saturating_sub(then.secrets)
        } else {
            self.keys.saturating_sub(then.keys)
        };
        u32::try_from(changes).unwrap_or(u32::MAX)
    }
}

/// What strikes a call, and the name that stands in the ledger for it.
pub(super) struct Struck {
    pub(super) what: What,
    pub(super) name: String,
}

struct Waiting {
    fault: Fault,
    /// Calls that it has seen.
    seen: u32,
    ordered: Changes,
}

/// The faults that wait, in the order they were given.
#[derive(Default)]
pub(super) struct Faults {
    waiting: Vec<Waiting>,
}

impl Faults {
    /// Takes an order in.
    ///
    /// # Errors
    /// Which bound it breaks.
    pub(super) fn add(&mut self, fault: Fault, ordered: Changes) -> Result<(), String> {
        check(&fault)?;
        if self.waiting.len() >= MAX_FAULTS {
            return Err(format!("more than {MAX_FAULTS} faults"));
        }
        self.waiting.push(Waiting { fault, seen: 0, ordered });
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    pub(super) fn waiting(&self) -> Vec<Fault> {
        self.waiting.iter().map(|waiting| waiting.fault.clone()).collect()
    }

    /// Counts a call, and says what strikes it: the oldest order that does.
    pub(super) fn strike(
        &mut self,
        kind: CallKind,
        named: &[String],
        now: Changes,
    ) -> Option<Struck> {
        let mut struck = None;
        for Waiting { fault, seen, ordered } in &mut self.waiting {
            let mine = fault.on == kind || fault.on == CallKind::Any;
            let meant = fault.key.as_ref().is_none_or(|key| named.contains(key));
            if !mine || !meant {
                continue;
            }
            *seen = seen.saturating_add(1);
            if *seen >= fault.nth && struck.is_none() {
                let what = match &fault.what {
                    What::Frozen => What::StaleChanges { changes: now.since(*ordered, kind) },
                    what => what.clone(),
                };
                struck = Some(Struck { what, name: fault.what.name() });
            }
        }
        self.waiting.retain(|waiting| {
            let Fault { nth, count, .. } = waiting.fault;
            waiting.seen < nth.saturating_add(count - 1)
        });
        struck
    }
}

fn check(fault: &Fault) -> Result<(), String> {
    if fault.nth == 0 || fault.count == 0 {
        return Err("nth and count start at 1".into());
    }
    if fault.on == CallKind::Person {
        return Err("a person's edits do not fail".into());
    }
    let wait_ms = match fault.what {
        What::LateLanding { after_ms, hang_ms } => after_ms.max(hang_ms),
        What::Delay { ms } | What::StaleMs { ms } => ms,
        _ => 0,
    };
    if wait_ms > MAX_WAIT_MS {
        return Err(format!("no wait may be longer than {MAX_WAIT_MS} ms"));
    }
    match fault.what {
        What::Status { status, .. } | What::Html { status, .. }
            if !(200..=599).contains(&status) =>
        {
            Err("status is not within 200 to 599".into())
        }
        What::Flood { bytes } if bytes > MAX_FLOOD_BYTES => {
            Err(format!("no body may be larger than {MAX_FLOOD_BYTES} bytes"))
        }
        _ => Ok(()),
    }
}

fn one() -> u32 {
    1
}
