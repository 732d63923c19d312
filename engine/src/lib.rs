//! quern-engine
