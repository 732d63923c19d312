//! The whole system: real `quern` processes, driven as clients drive them.

#[cfg(test)]
mod demo;
#[cfg(test)]
mod locations;
#[cfg(test)]
mod metastore;
#[cfg(test)]
mod partitions;
#[cfg(test)]
mod sqllogic;
#[cfg(test)]
mod tpch;
