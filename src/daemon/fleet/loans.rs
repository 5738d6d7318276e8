//! Engines lent to commands: one borrower a secret, the next ones behind it.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use super::{Fleet, Handle, Message, Returned};
use crate::domain::ids::SecretKey;
use crate::engine::Engine;
use crate::port::is_urgent;

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
        let message = Message::Borrow { secret: secret.clone(), is_urgent: is_urgent(), reply };
        self.messages.send(message).await.map_err(|_| Stopping)?;
        answer.await.map_err(|_| Stopping)
    }

    /// The secret is free again, and is looked at next.
    pub fn give_back(&self, secret: &SecretKey, engine: Option<Engine>) {
        // Where the fleet is gone, so is the need.
        drop(self.returns.send(Returned { secret: secret.clone(), engine }));
    }
}

impl Fleet {
    /// A leak stands before everybody else who waits.
    pub(super) fn lend(&mut self, secret: &SecretKey, is_urgent: bool, reply: Waiter) {
        if let Some(running) = self.running.get_mut(secret) {
            running.yields.ask();
            stand_in_line(&mut running.waiters, is_urgent, reply);
        } else if let Some(waiters) = self.lent.get_mut(secret) {
            stand_in_line(waiters, is_urgent, reply);
        } else {
            self.agenda.claim(secret);
            let engine = self.engines.remove(secret);
            self.give(secret, engine, VecDeque::from([reply]));
        }
    }

    /// What a command used was made for the policies that it found: only what nobody else has is kept
    /// of it.
    pub(super) fn take_back(&mut self, returned: Returned) {
        let waiters = self.lent.remove(&returned.secret).unwrap_or_default();
        let engine = returned.engine.filter(Engine::is_in_critical_section);
        let engine = engine.map(|engine| (self.set, engine));
        self.give(&returned.secret, engine, waiters);
    }

    /// To the first who still waits; else it is kept, and looked at next.
    pub(super) fn give(
        &mut self,
        secret: &SecretKey,
        engine: Option<(u64, Engine)>,
        mut waiters: VecDeque<Waiter>,
    ) {
        let was_lent_or_waited_for = !waiters.is_empty() || self.agenda.is_working(secret);
        let (set, mut engine) = match engine {
            Some((set, engine)) => (set, Some(engine)),
            None => (self.set, None),
        };
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
            self.keep(secret, set, engine);
        }
        if was_lent_or_waited_for {
            let now = self.clock.stamp();
            self.agenda.release(secret, &now);
        }
    }
}

fn stand_in_line(waiters: &mut VecDeque<Waiter>, is_urgent: bool, waiter: Waiter) {
    if is_urgent {
        waiters.push_front(waiter);
    } else {
        waiters.push_back(waiter);
    }
}
