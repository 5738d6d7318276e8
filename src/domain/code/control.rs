//! The codes of the control socket: a command and the daemon do not come together.

use super::named;

named! {
    /// A command did not reach the daemon, or is not served by it.
    pub enum Control {
        NotAllowed = "control/not-allowed",
        Version = "control/version",
        Garbled = "control/garbled",
        Busy = "control/busy",
        OtherPlaces = "control/other-places",
        NotServed = "control/not-served",
        Unopened = "control/unopened",
        Untrusted = "control/untrusted",
        TooLong = "control/too-long",
        Broken = "control/broken",
        NoDaemon = "control/no-daemon",
        NoSocket = "control/no-socket",
        NoGroup = "control/no-group",
    }
}
