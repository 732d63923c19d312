//! Training, prediction and evaluation against scikit-learn's numbers, over any spread of the
//! rows, and at the edges.

mod artifacts;
mod categories;
mod edges;
mod kmeans;
mod linear;
mod logistic;
mod partitions;
mod prediction;
mod support;
