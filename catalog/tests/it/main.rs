//! Integration tests of the catalogue crate.

// The attribute tells clippy that the helpers too are test code.
#[cfg(test)]
mod storage;
#[cfg(test)]
mod text;
