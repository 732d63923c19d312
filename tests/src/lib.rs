//! quern-tests
