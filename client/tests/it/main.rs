//! The client against a small Flight SQL server of the test's own.

mod connection;
mod fake_server;
mod shell;
