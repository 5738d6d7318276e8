//! Reads, from the causes of an HTTP client's error, why no connection came about. For words only:
//! whether a request was sent is told by the client itself, never by this.

use std::error::Error;
use std::io;

use crate::domain::facts::Unreached;

/// The first cause that says why, from `error` on down.
#[must_use]
pub fn in_causes(error: &(dyn Error + 'static)) -> Option<Unreached> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        // The connector's own error is private to its crate; this text is all that it tells.
        if error.to_string() == "dns error" {
            return Some(Unreached::Name);
        }
        if error.is::<rustls::Error>() {
            return Some(Unreached::Tls);
        }
        let io = error.downcast_ref::<io::Error>();
        match io.map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => return Some(Unreached::Refused),
            Some(io::ErrorKind::TimedOut) => return Some(Unreached::Timeout),
            _ => {}
        }
        // Asked for its source, an I/O error passes over the error that it wraps.
        cause = match io.and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}
