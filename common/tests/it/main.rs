//! Keeps the documents that describe this crate equal to it.

// `cfg(test)` tells clippy that functions which are not tests themselves are of tests too.
#[cfg(test)]
mod config_example;
#[cfg(test)]
mod error_codes_document;
#[cfg(test)]
mod files;
