//! quern-executor
