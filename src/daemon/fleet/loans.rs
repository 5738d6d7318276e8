//! Engines lent to commands: one borrower a secret, the next ones behind it.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use super::{Fleet, Handle, Message, Returned};
use crate::daemon::agenda::Rank;
use crate::domain::ids::SecretKey;
use crate::engine::Engine;

type Waiter = oneshot::Sender<Option<Engine>>;

/// The daemon is ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the daemon is stopping; nothing was recorded")]
pub struct Stopping;

impl Handle {
    /// The right to use a secret's engine, and the engine where one is kept. Work under way on it
    /// ends at its next step. Whoever has it must call [`Handle::give_back`].
    ///
    /// # Errors
    /// When the daemon is stopping.
    pub async fn borrow(&self, secret: &SecretKey) -> Result<Option<Engine>, Stopping> {
        let (reply, answer) = oneshot::channel();
        let message = Message::Borrow { secret: secret.clone(), reply };
        self.messages.send(message).await.map_err(|_| Stopping)?;
        answer.await.map_err(|_| Stopping)
    }

    /// The secret is free again, and is looked at next.
    pub fn give_back(&self, secret: &SecretKey, engine: Option<Engine>) {
        // Where the fleet is gone, so is the need.
        drop(self.returns.send(Returned { secret: secret.clone(), engine }));
    }

    /// Has a secret looked at now.
    pub async fn rouse(&self, secret: &SecretKey) {
        let message = Message::Rouse { secret: secret.clone(), rank: Rank::Open };
        drop(self.messages.send(message).await);
    }
}

impl Fleet {
    pub(super) fn lend(&mut self, secret: &SecretKey, reply: Waiter) {
        if let Some(running) = self.running.get_mut(secret) {
            running.yields.send_replace(true);
            running.waiters.push_back(reply);
        } else if let Some(waiters) = self.lent.get_mut(secret) {
            waiters.push_back(reply);
        } else {
            self.agenda.claim(secret);
            let engine = self.engines.remove(secret);
            self.give(secret, engine, VecDeque::from([reply]));
        }
    }

    pub(super) fn take_back(&mut self, returned: Returned) {
        let waiters = self.lent.remove(&returned.secret).unwrap_or_default();
        self.give(&returned.secret, returned.engine, waiters);
    }

    /// To the first who still waits; else it is kept, and looked at next.
    pub(super) fn give(
        &mut self,
        secret: &SecretKey,
        mut engine: Option<Engine>,
        mut waiters: VecDeque<Waiter>,
    ) {
        let was_lent_or_waited_for = !waiters.is_empty() || self.agenda.is_working(secret);
        while let Some(waiter) = waiters.pop_front() {
            match waiter.send(engine.take()) {
                Ok(()) => {
                    self.agenda.claim(secret);
                    self.lent.insert(secret.clone(), waiters);
                    return;
                }
                Err(unsent) => engine = unsent,
            }
        }
        if let Some(engine) = engine {
            self.keep(secret, engine);
        }
        if was_lent_or_waited_for {
            let now = self.clock.stamp();
            self.agenda.release(secret, &now);
        }
    }
}
