//! The Flight SQL service in front of canned answers.

mod fake_backend;
mod harness;
mod metadata;
mod rows;
mod sessions;
mod statements;
mod tickets;
