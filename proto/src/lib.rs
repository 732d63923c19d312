//! quern-proto
