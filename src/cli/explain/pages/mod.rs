//! The page of every code, a room for each kind. What a page says must hold for every case in which
//! its code is shown.

mod call;
mod check;
mod concern;
mod control;
mod finding;
mod journal;
mod own;
mod parked;
mod read_only;
mod refused;
mod setup;

use super::Page;
use crate::domain::code::Code;

/// What a code means, and what to type.
pub fn page(code: Code) -> Page {
    match code {
        Code::Parked(code) => parked::page(code),
        Code::Refused(code) => refused::page(code),
        Code::ReadOnly(code) => read_only::page(code),
        Code::Concern(code) => concern::page(code),
        Code::Setup(code) => setup::page(code),
        Code::Journal(code) => journal::page(code),
        Code::Call(code) => call::page(code),
        Code::Check(code) => check::page(code),
        Code::Control(code) => control::page(code),
        Code::Own(code) => own::page(code),
        Code::Finding(room, problem) => finding::page(room, problem),
    }
}
