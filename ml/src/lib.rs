//! quern-ml
