//! What every service that follows fb303 says of itself, and how it says no.

use super::{thrift_enum, thrift_struct};

thrift_enum! {
    /// Whether a service works.
    ServiceStatus { #[default] 0: Dead, 1: Starting, 2: Alive, 3: Stopping, 4: Stopped, 5: Warning }
}

thrift_struct! {
    /// An exception as it is on the wire: they all look like this.
    ExceptionMessage {
        1: optional message: String,
    }
}
