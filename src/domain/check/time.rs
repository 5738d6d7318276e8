//! The line about time: which second witness there is beside this machine's clock (R19), and whether
//! they agree.

use super::Case;
use super::line::{Checked, Line};
use super::looked::Witness;
use crate::domain::clocks::{DateSource, MAX_SKEW_MS};
use crate::domain::code::Check;
use crate::domain::state::Refusal;

pub(super) fn line(case: &Case<'_>) -> Line {
    let check = Checked::Time;
    let witnesses = &case.looked.witnesses;
    let off = |witness: &&Witness| witness.ahead_ms.unsigned_abs() > MAX_SKEW_MS.unsigned_abs();
    if let Some(witness) = witnesses.iter().find(off) {
        let mut line = Line::refused(check, case.name(), Refusal::ClockSkew);
        line.message = format!("{}: {}", told(witness), line.message);
        return line;
    }
    if witnesses.is_empty() {
        let said = "no reply carried a Date: deadlines that permit a kill have the time that rekeyd \
                    itself has watched pass as their second witness, and wait longer where it does \
                    not run all the time.";
        return Line::warn(check, Check::NoWitness, said, case.again());
    }
    let told: Vec<String> = witnesses.iter().map(told).collect();
    Line::ok(check, told.join("; "))
}

fn told(witness: &Witness) -> String {
    let whose = match witness.source {
        DateSource::Store => "the store's Date",
        DateSource::Auth => "the auth server's Date",
        DateSource::Api => "the API's Date",
    };
    // A Date has whole seconds, so half of one is nothing.
    let seconds = witness.ahead_ms.unsigned_abs().saturating_add(500) / 1000;
    let aside = match (seconds, witness.ahead_ms < 0) {
        (0 | 1, _) => "agrees with".to_owned(),
        (seconds, true) => format!("is {seconds} s behind"),
        (seconds, false) => format!("is {seconds} s ahead of"),
    };
    format!("this machine's clock {aside} {whose}")
}
