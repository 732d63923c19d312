//! The client against a small Flight SQL server of the test's own.

// `cfg(test)` tells clippy that functions which are not tests themselves are of tests too.
#[cfg(test)]
mod connection;
#[cfg(test)]
mod fake_server;
#[cfg(test)]
mod shell;
