//! A new set of policies: what is new is learnt from the journal, what changed is weighed anew,
//! what is gone ends by the policy as it was (R28). Starts no rotation.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Fleet, Handle, Message, Reloaded, Stopping};
use crate::daemon::agenda::Outlook;
use crate::daemon::charge::{Charge, is_busy};
use crate::daemon::slice::after_a_bug;
use crate::daemon::watch::Finding;
use crate::daemon::workshop::{Workshop, WorkshopError};
use crate::domain::ids::SecretKey;
use crate::domain::policy::Policy;
use crate::domain::policy::duration::MINUTE_MS;
use crate::domain::state::{Adoption, State};

/// What reading a secret's journal came to.
pub(super) type Learned = Result<State, WorkshopError>;

/// So much time for each first contact, so that many do not come at once.
const FIRST_CONTACT_MS: u64 = 100;
/// So often the journal is asked for secrets that no policy names, a minute apart.
const DEPARTED_TRIES: u32 = 60;
/// A journal that could not be read is read again after so long.
const AGAIN_MS: i64 = MINUTE_MS;

impl Handle {
    /// Goes on with a new set of policies. Rotations that are open go on.
    ///
    /// # Errors
    /// When the daemon is stopping.
    pub async fn adopt(&self, workshop: Arc<dyn Workshop>) -> Result<Reloaded, Stopping> {
        let (reply, answer) = oneshot::channel();
        let message = Message::Adopt { workshop, reply };
        self.messages.send(message).await.map_err(|_| Stopping)?;
        answer.await.map_err(|_| Stopping)
    }
}

impl Fleet {
    /// The first set.
    pub(super) fn begin(&mut self) {
        let workshop = self.workshop.clone();
        self.adopt(workshop);
    }

    /// Looks for what is still open of secrets that no policy names. A journal that cannot be read
    /// now is read again, until another set comes.
    fn look_for_departed(&self) {
        let (workshop, clock) = (self.workshop.clone(), self.clock.clone());
        let messages = self.handle.messages.clone();
        tokio::spawn(async move {
            for _ in 0..DEPARTED_TRIES {
                match workshop.departed().await {
                    Ok(policies) => {
                        drop(messages.send(Message::Departed { policies }).await);
                        return;
                    }
                    Err(error) => {
                        tracing::error!("secrets that no policy names cannot be found: {error}");
                    }
                }
                if messages.is_closed() {
                    return;
                }
                clock.sleep(std::time::Duration::from_secs(60)).await;
            }
        });
    }

    pub(super) fn adopt(&mut self, workshop: Arc<dyn Workshop>) -> Reloaded {
        let charges = workshop.policies().iter().filter_map(|policy| Charge::new(policy, false));
        let mut new: BTreeMap<SecretKey, Charge> =
            charges.map(|charge| (charge.secret.clone(), charge)).collect();
        let mut change = Reloaded { policies: new.len(), ..Reloaded::default() };
        self.workshop = workshop;
        self.set += 1;
        let mut to_learn = Vec::new();
        for (secret, old) in std::mem::take(&mut self.charges) {
            let charge = match new.remove(&secret) {
                Some(same) if same.policy == old.policy && !old.departed => old,
                Some(changed) => {
                    change.changed += 1;
                    to_learn.push(changed.clone());
                    changed
                }
                None => {
                    change.removed += usize::from(!old.departed);
                    let left = Charge { departed: true, ..old };
                    to_learn.push(left.clone());
                    left
                }
            };
            self.charges.insert(secret, charge);
        }
        change.added = new.len();
        to_learn.extend(new.values().cloned());
        self.charges.extend(new);
        // Every engine knows the set that it was made for; only what it alone holds keeps it.
        self.engines.retain(|_, (_, engine)| engine.is_in_critical_section());
        self.running.values().for_each(|running| running.yields.ask());
        to_learn.iter().for_each(|charge| drop(self.findings.remove(&charge.secret)));
        self.learn_all(to_learn);
        self.look_for_departed();
        change
    }

    /// Reads what the journal knows of these, without holding anything else up.
    fn learn_all(&mut self, charges: Vec<Charge>) {
        self.unlearned += charges.len();
        let (messages, workshop) = (self.handle.messages.clone(), self.workshop.clone());
        tokio::spawn(async move {
            for charge in charges {
                let learned = Box::new(workshop.state(&charge.secret).await);
                if messages.send(Message::Learned { charge, learned }).await.is_err() {
                    return;
                }
            }
        });
    }

    pub(super) fn learn(&mut self, charge: &Charge, learned: Learned) {
        self.unlearned = self.unlearned.saturating_sub(1);
        let now = self.clock.stamp();
        // Another set may have come meanwhile; what it changed is read by itself.
        if !self.is_now(charge) {
            return;
        }
        let outlook = match learned {
            // What is under way says by itself when it is over.
            Ok(state) if charge.departed && !is_busy(&state) && !self.is_worked_on(charge) => {
                return self.forget(charge);
            }
            Ok(state) if is_busy(&state) || charge.is_rescheduled(&state) => {
                charge.outlook(&state, 0)
            }
            Ok(state) => charge.outlook(&state, self.first_look_ms(&state)),
            Err(error) => {
                self.found(&charge.secret, Finding::Problem(error.problem(charge.name())));
                Outlook { look_in_ms: AGAIN_MS, ..after_a_bug(self.bounds.watch_ms) }
            }
        };
        self.agenda.put(&charge.secret, charge.name(), &outlook, &now);
    }

    pub(super) fn take_departed(&mut self, policies: &[Policy]) {
        let mut to_learn = Vec::new();
        for charge in policies.iter().filter_map(|policy| Charge::new(policy, true)) {
            if !self.charges.contains_key(&charge.secret) {
                self.charges.insert(charge.secret.clone(), charge.clone());
                to_learn.push(charge);
            }
        }
        self.learn_all(to_learn);
    }

    /// After a slice: its policy may have changed meanwhile, or its secret may be over and done.
    pub(super) fn reconsider(&mut self, charge: &Charge, over: bool) {
        if !self.is_now(charge) {
            let now = self.charges.get(&charge.secret).cloned();
            self.learn_all(now.into_iter().collect());
        } else if over && !self.agenda.is_working(&charge.secret) {
            self.forget(charge);
        }
    }

    fn is_worked_on(&self, charge: &Charge) -> bool {
        self.agenda.is_working(&charge.secret)
    }

    fn is_now(&self, charge: &Charge) -> bool {
        self.charges.get(&charge.secret).is_some_and(|now| {
            Arc::ptr_eq(&now.policy, &charge.policy) && now.departed == charge.departed
        })
    }

    fn forget(&mut self, charge: &Charge) {
        self.charges.remove(&charge.secret);
        self.findings.remove(&charge.secret);
        self.engines.remove(&charge.secret);
        self.agenda.remove(&charge.secret);
    }

    /// The first looks of many are spread over the time between two; but whoever wrote a new policy
    /// waits to see it adopted.
    fn first_look_ms(&self, state: &State) -> i64 {
        let mut bound = u64::try_from(self.bounds.watch_ms).unwrap_or(0);
        if state.adoption == Adoption::Unadopted {
            let all = u64::try_from(self.charges.len()).unwrap_or(u64::MAX);
            bound = bound.min(all.saturating_mul(FIRST_CONTACT_MS));
        }
        i64::try_from(self.random.below(bound)).unwrap_or(0)
    }
}
