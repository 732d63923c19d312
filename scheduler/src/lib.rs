//! quern-scheduler
