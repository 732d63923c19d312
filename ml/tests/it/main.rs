//! Training, prediction and evaluation against scikit-learn's numbers, over any spread of the
//! rows, and at the edges.

// The attribute tells clippy that the helpers too are test code.
#[cfg(test)]
mod artifacts;
#[cfg(test)]
mod categories;
#[cfg(test)]
mod edges;
#[cfg(test)]
mod kmeans;
#[cfg(test)]
mod linear;
#[cfg(test)]
mod logistic;
#[cfg(test)]
mod partitions;
#[cfg(test)]
mod prediction;
#[cfg(test)]
mod support;
