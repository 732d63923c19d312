//! Between the nodes of one cluster: the shared secret, and connections that carry it.
//!
//! Every listener of the cluster is behind [`AuthLayer`], and every client's endpoint goes
//! through [`ClusterSecret::endpoint`]. Ballista makes most clients itself and lets us change
//! only the `Endpoint`, whose one constant header is the user agent, so the token is there.

mod channels;
mod secret;

pub use channels::{Channels, incoming};
pub use secret::{AuthLayer, AuthService, ClusterSecret};
