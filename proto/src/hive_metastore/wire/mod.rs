//! Thrift values as Rust values: what generated code would do, from tables instead.
//!
//! The binary protocol itself is that of crate `thrift`. On top of it are the trait [`Wire`],
//! the macros that write it for structs, enums and services, and the bounds on what a message
//! may make us hold ([`WireLimits`]).
//!
//! A message that cannot be understood at all is an error. One that can be read to its end
//! but breaks a rule (a required field is missing) is a fault: it is read to its end, so that
//! the connection stays in step, and then refused.

mod error;
mod input;
mod limits;
mod macros;
mod output;
#[cfg(test)]
pub(super) mod sample;
mod value;

pub use error::WireError;
pub use input::Input;
pub(super) use limits::MemoryPool;
pub use limits::WireLimits;
pub(super) use macros::{
    thrift_enum, thrift_exceptions, thrift_service, thrift_struct, thrift_union,
};
pub use output::Output;
pub use value::{Binary, Wire};
