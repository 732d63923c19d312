//! quern-benches
