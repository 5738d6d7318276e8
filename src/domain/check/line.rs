//! One thing that was looked at, and what was seen.

use serde::{Serialize, Serializer};

use super::looked::Failed;
use crate::domain::class::Class;
use crate::domain::code::{Code, named};
use crate::domain::report::obstacle;
use crate::domain::state::Refusal;

named! {
    /// What is looked at. Stable names: machines read them.
    pub enum Checked {
        Setup = "setup",
        Store = "store",
        Health = "health",
        Pending = "pending",
        Claim = "claim",
        Current = "current",
        Auth = "auth",
        Key = "key",
        Drain = "drain",
        Api = "api",
        Identity = "identity",
        Actor = "actor",
        ActorIdentity = "actor_identity",
        Rights = "rights",
        Keys = "keys",
        Etags = "etags",
        Schema = "schema",
        Canaries = "canaries",
        Neighbours = "neighbours",
        Time = "time",
    }
}

named! {
    /// How it was found: `warn` bars no rotation, `skipped` was not looked at because of another
    /// line.
    pub enum Outcome {
        Ok = "ok",
        Warn = "warn",
        Fail = "fail",
        Skipped = "skipped",
    }
}

macro_rules! by_name {
    ($($Name:ident),*) => {
        $(impl Serialize for $Name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        })*
    };
}
by_name!(Checked, Outcome);

/// What a failure's exit code is taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blame {
    Refusal(Refusal),
    Class(Class),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    pub check: Checked,
    pub outcome: Outcome,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_command: Option<String>,
    /// Only of a failure.
    #[serde(skip)]
    pub blame: Option<Blame>,
}

impl Line {
    fn plain(check: Checked, outcome: Outcome, message: String) -> Self {
        Self { check, outcome, message, code: None, next_command: None, blame: None }
    }

    pub fn ok(check: Checked, message: impl Into<String>) -> Self {
        Self::plain(check, Outcome::Ok, message.into())
    }

    /// `because`: what stood in the way, as the end of "not looked at: …".
    pub fn skipped(check: Checked, because: &str) -> Self {
        Self::plain(check, Outcome::Skipped, format!("not looked at: {because}"))
    }

    pub fn warn(
        check: Checked,
        code: impl Into<Code>,
        message: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        let (code, next_command) = (Some(code.into()), Some(next.into()));
        Self { code, next_command, ..Self::plain(check, Outcome::Warn, message.into()) }
    }

    pub fn fail(
        check: Checked,
        blame: Blame,
        code: impl Into<Code>,
        message: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        let outcome = Outcome::Fail;
        Self { outcome, blame: Some(blame), ..Self::warn(check, code, message, next) }
    }

    /// What a start would be refused for.
    pub fn refused(check: Checked, policy: &str, why: Refusal) -> Self {
        let problem = obstacle(policy, &why);
        let (code, message, next) = (problem.code, problem.message, problem.next_command);
        Self::fail(check, Blame::Refusal(why), code, message, next)
    }

    /// A call that failed; `advice` follows what it said.
    pub fn failed(
        check: Checked,
        failed: &Failed,
        code: impl Into<Code>,
        advice: &str,
        next: impl Into<String>,
    ) -> Self {
        let message = match advice {
            "" => format!("{}.", failed.said),
            advice => format!("{}. {advice}", failed.said),
        };
        Self::fail(check, Blame::Class(failed.class), code, message, next)
    }
}
