//! How far a decommission has got, or that a policy is retired.

use super::Verdict;
use crate::cli::error::Exit;
use crate::domain::clocks::Stamp;
use crate::domain::report::{RUN_ONCE, Subject, not_proven, policy_report};
use crate::domain::state::{Adoption, State};

/// The end of a command for a policy that is retired, or on its way there. That nothing proves the
/// key's end is said once as a failure, when it happens, and ever after by `status`.
pub(super) fn decommissioned(
    subject: &Subject<'_>,
    before: &State,
    now: &Stamp,
) -> Option<Verdict> {
    let (name, state) = (subject.name, subject.state);
    if let Adoption::Retired(retired) = &state.adoption {
        let fresh = before.adoption != state.adoption;
        if let Some(problem) = not_proven(name, state).filter(|_| fresh) {
            let said = format!("retired. {}", problem.message);
            return Some(
                Verdict::new(name, Exit::Operator, "retired", said).next(problem.next_command),
            );
        }
        let said = if fresh {
            format!("retired: key {} is deleted, and proven gone.", retired.key)
        } else {
            "retired: nothing is done for it.".to_owned()
        };
        return Some(Verdict::new(name, Exit::Done, "retired", said));
    }
    let open = policy_report(subject, now).decommission?;
    let until = match (&open.deadline, open.state) {
        (Some(deadline), "drain") => format!("; its drain ends {deadline}"),
        (Some(deadline), _) => format!("; its soak ends {deadline}"),
        _ => String::new(),
    };
    let how = match open.state {
        "drain" => "it lives until its consumers have stopped",
        "disabled" => "it is disabled",
        _ => "it is deleted",
    };
    let said = format!("key {} is being decommissioned: {how}{until}.", open.key);
    Some(Verdict::new(name, Exit::Done, "decommissioning", said).next(RUN_ONCE))
}
