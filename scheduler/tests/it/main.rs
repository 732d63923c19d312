//! What clients of the scheduler see, through real connections.

// The attribute tells clippy that the helpers too are test code.
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod flight_sql;
