//! What the journal keeps of a policy's file, so that a rotation can end by the policy that it
//! started with after the file is gone (R28). Never a comment and never a free text: what may stand
//! there nobody checks, and the journal holds no secret.

use serde::{Deserialize, Serialize};

use super::{Policy, parse};
use crate::domain::ids::PolicyName;

/// Longer ones are not kept. The longest policy, all canaries at their longest, is half of it.
pub const MAX_KEPT_BYTES: usize = 256 * 1024;

/// Fields that no rotation needs to end.
const LEFT_OUT: [&str; 2] = ["description", "owner"];
/// And those of `[schedule]` that say when one begins.
const BEGINNINGS: [&str; 4] = ["cron", "every", "jitter", "max_age"];

/// A policy's fields as TOML, without comments, `description`, `owner`, and when it is due. It holds
/// only fields that a policy may have, and no field of a policy takes a secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeptPolicy(String);

impl KeptPolicy {
    /// What is kept of a file that has no finding; nothing where that is longer than
    /// [`MAX_KEPT_BYTES`].
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let mut fields: toml::Table = text.parse().ok()?;
        for field in LEFT_OUT {
            fields.remove(field);
        }
        if let Some(schedule) = fields.get_mut("schedule").and_then(toml::Value::as_table_mut) {
            for field in BEGINNINGS {
                schedule.remove(field);
            }
        }
        let kept = toml::to_string(&fields).ok()?;
        (kept.len() <= MAX_KEPT_BYTES).then_some(Self(kept))
    }

    /// The policy as it was, rotated on demand only. Nothing where this version's rules for a
    /// policy refuse it.
    #[must_use]
    pub fn policy(&self, name: &PolicyName) -> Option<Policy> {
        parse(&format!("{name}.toml"), &self.0).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::{Schedule, When};

    const FILE: &str = "# the old secret was hunter2\n\
        description = \"hunter3\"\n\
        owner = \"hunter4\"\n\
        [schedule]\nevery = \"30d\"\njitter = \"1h\"\nmax_age = \"90d\"\n\
        timezone = \"Europe/Berlin\"\nwindows = [\"Mon-Fri 09:00-17:00\"]\n\
        group = \"netsuite\"\n\
        [issuer.ion]\nenvironment = \"app.firstresonance.io\" # hunter5\n\
        identity = \"sync@example.com\"\nactor = { secret_id = \"prod/actor\" }\n\
        [store.aws_secrets_manager]\nsecret_id = \"prod/ion\"\nregion = \"us-west-2\"\n\
        fields = { client_id = \"id\", client_secret = \"pw\" }\n\
        [consumers]\ncache_ttl = \"2h\"\n\
        [verify]\ncanaries = [\"query {\\n currentUser { id }\\n}\"]\n\
        [retire]\ndrain = \"30h\"\nsoak = \"2h\"\n";

    #[test]
    fn comments_and_free_texts_are_not_kept() {
        let kept = KeptPolicy::of(FILE).unwrap();
        assert!(!kept.0.contains("hunter"), "{}", kept.0);
    }

    #[test]
    fn what_is_kept_is_the_policy_but_for_when_it_is_due_and_its_words() {
        let policy = parse("demo.toml", FILE).unwrap();
        let again = policy.kept.clone().unwrap().policy(&policy.name).unwrap();
        assert_eq!(again.schedule.when, When::OnDemand);
        assert_eq!((&again.description, &again.owner), (&None, &None));
        let Policy { schedule, description, owner, .. } = policy.clone();
        let when = schedule.when.clone();
        let (jitter_ms, max_age_ms) = (schedule.jitter_ms, schedule.max_age_ms);
        let schedule = Schedule { when, jitter_ms, max_age_ms, ..again.schedule };
        assert_eq!(Policy { schedule, description, owner, ..again }, policy);
    }

    #[test]
    fn what_is_too_long_is_not_kept() {
        assert_eq!(KeptPolicy::of(&format!("a = \"{}\"", "x".repeat(MAX_KEPT_BYTES))), None);
    }
}
