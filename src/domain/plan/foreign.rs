//! *Current* names a key that we do not manage, and that key was reported leaked: the report is the
//! word to replace it (R14, R31). Takes it over, so that the report's rotation can start from it.

use super::account;
use super::step::Step;
use super::view::{Found, View};
use crate::domain::state::{Event, Held, Origin};

/// The adoption of a leaked *current* that is not ours, if that is how things are.
pub(super) fn take_over(v: &View<'_>) -> Found<Option<Step>> {
    if v.state.requests.leak.is_none() {
        return Ok(None);
    }
    let Some((version, holding)) = v.current()? else { return Ok(None) };
    let Some(proof) = holding.proof() else { return Ok(None) };
    let ours = v.state.keys.get(&proof.key).is_some_and(|key| key.origin != Origin::Foreign);
    if ours || !v.state.is_suspect(&proof.key) || v.works_if_clear(proof)? != Some(true) {
        return Ok(None);
    }
    let held = Held { proof: proof.clone(), version: version.clone() };
    let mut event = account::adopted(v, held, true)?;
    // Whoever put it, the account that the next key must act as stays what it was.
    if let Event::Adopted { baseline, chain, .. } = &mut event {
        if let Some(known) = &v.state.baseline {
            baseline.clone_from(known);
        }
        // A report is no word about another journal's claim.
        *chain = v.state.chain;
    }
    Ok(Some(Step::record(event)))
}
