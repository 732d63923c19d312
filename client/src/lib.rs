//! quern-client
