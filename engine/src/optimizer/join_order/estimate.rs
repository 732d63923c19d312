//! How many rows joins give, and what they cost.

use super::graph::{ColumnRef, Edge, JoinGraph, JoinTree, RelationSet};
use datafusion::common::ColumnStatistics;
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use std::collections::HashMap;
use std::sync::Arc;

/// The part of the rows that a condition other than an equality of columns keeps.
const CONDITION_SELECTIVITY: f64 = 1.0 / 3.0;
/// A row of the hash table costs this many rows that look it up.
const BUILD_COST: f64 = 2.0;
/// Rows of a hash table that every thread has whole; for a larger one the rows of both sides are
/// sent to the threads by their keys first. DataFusion's default of
/// `optimizer.hash_join_single_partition_threshold_rows`.
const SHARED_BUILD_ROWS: f64 = 131_072.0;

/// What is known of a graph's relations.
#[derive(Debug)]
pub(super) struct Estimator<'a> {
    graph: &'a JoinGraph,
    rows: Vec<f64>,
    /// Distinct values of the columns that are joined on.
    distinct: HashMap<ColumnRef, f64>,
    /// Columns that are equal in the end have the same number: `a = c` says nothing new where
    /// `a = b` and `b = c` are known.
    class: HashMap<ColumnRef, usize>,
}

/// Some of the relations, joined.
#[derive(Debug, Clone)]
pub(super) struct Joined {
    pub(super) tree: JoinTree,
    pub(super) set: RelationSet,
    pub(super) rows: f64,
    /// Rows looked up, put into hash tables and given out by all joins of the tree.
    pub(super) cost: f64,
}

impl<'a> Estimator<'a> {
    /// None when the rows of some relation are not known.
    pub(super) fn new(graph: &'a JoinGraph) -> Result<Option<Self>> {
        let mut rows = vec![];
        let mut statistics = vec![];
        for relation in &graph.relations {
            let found = statistics_of(relation)?;
            let Some(n) = found.num_rows.get_value() else { return Ok(None) };
            rows.push((*n as f64).max(1.0));
            statistics.push(found);
        }
        let mut distinct = HashMap::new();
        for column in graph.edges.iter().flat_map(|edge| [edge.a, edge.b]) {
            let of_column = &statistics[column.relation].column_statistics[column.column];
            let rows = rows[column.relation];
            distinct.insert(column, distinct_values(of_column).map_or(rows, |n| n.min(rows)));
        }
        Ok(Some(Self { graph, rows, distinct, class: equal_columns(&graph.edges) }))
    }

    /// What a tree costs.
    pub(super) fn cost(&self, tree: &JoinTree) -> f64 {
        self.joined(tree).cost
    }

    pub(super) fn joined(&self, tree: &JoinTree) -> Joined {
        match tree {
            JoinTree::Relation(n) => self.relation(*n),
            JoinTree::Join(left, right) => self.join(&self.joined(left), &self.joined(right)),
        }
    }

    /// Joins the two that give the fewest rows, until all are joined. None when conditions do
    /// not connect all relations.
    pub(super) fn greedy(&self) -> Option<Joined> {
        let mut parts: Vec<Joined> = (0..self.rows.len()).map(|n| self.relation(n)).collect();
        while parts.len() > 1 {
            let pairs =
                (0..parts.len()).flat_map(|right| (0..right).map(move |left| (left, right)));
            let connected = pairs.filter(|(left, right)| {
                self.edges_between(parts[*left].set, parts[*right].set).next().is_some()
            });
            let joined = connected
                .map(|(left, right)| (left, right, self.join(&parts[left], &parts[right])))
                .min_by(|(_, _, a), (_, _, b)| {
                    a.rows.total_cmp(&b.rows).then(a.cost.total_cmp(&b.cost))
                });
            let (left, right, joined) = joined?;
            parts.remove(right);
            parts[left] = joined;
        }
        parts.pop()
    }

    /// The equalities that join one set of relations with another.
    pub(super) fn edges_between(
        &self,
        left: RelationSet,
        right: RelationSet,
    ) -> impl Iterator<Item = Edge> {
        self.graph.edges.iter().filter_map(move |edge| {
            let (a, b) = (edge.a.set(), edge.b.set());
            if a & left != 0 && b & right != 0 {
                Some(*edge)
            } else if a & right != 0 && b & left != 0 {
                Some(Edge { a: edge.b, b: edge.a })
            } else {
                None
            }
        })
    }

    pub(super) fn relation(&self, n: usize) -> Joined {
        Joined { tree: JoinTree::Relation(n), set: 1 << n, rows: self.rows[n], cost: 0.0 }
    }

    fn join(&self, left: &Joined, right: &Joined) -> Joined {
        let set = left.set | right.set;
        let mut of_class: HashMap<usize, f64> = HashMap::new();
        for edge in self.edges_between(left.set, right.set) {
            let n_left = self.distinct[&edge.a].min(left.rows);
            let n_right = self.distinct[&edge.b].min(right.rows);
            let selectivity = 1.0 / n_left.max(n_right).max(1.0);
            let known = of_class.entry(self.class[&edge.a]).or_insert(selectivity);
            *known = known.min(selectivity);
        }
        let mut selectivities: Vec<f64> = of_class.into_values().collect();
        let n_conditions =
            self.graph.conditions.iter().filter(|c| is_new(c.set(), left.set, right.set)).count();
        selectivities.extend(std::iter::repeat_n(CONDITION_SELECTIVITY, n_conditions));
        let rows = (left.rows * right.rows * combined(selectivities)).max(1.0);
        let (build, probe) = (left.rows.min(right.rows), left.rows.max(right.rows));
        let tree = JoinTree::Join(Box::new(left.tree.clone()), Box::new(right.tree.clone()));
        let sent = if build > SHARED_BUILD_ROWS { build + probe } else { 0.0 };
        let cost = left.cost + right.cost + probe + BUILD_COST * build + sent + rows;
        Joined { tree, set, rows, cost }
    }
}

/// Whether a condition on `set` can be asked first where `left` and `right` meet.
pub(super) fn is_new(set: RelationSet, left: RelationSet, right: RelationSet) -> bool {
    set & !(left | right) == 0 && set & !left != 0 && set & !right != 0
}

fn equal_columns(edges: &[Edge]) -> HashMap<ColumnRef, usize> {
    let mut class: HashMap<ColumnRef, usize> = HashMap::new();
    for (n, edge) in edges.iter().enumerate() {
        let (a, b) = (*class.entry(edge.a).or_insert(n), *class.entry(edge.b).or_insert(n));
        for number in class.values_mut().filter(|number| **number == b) {
            *number = a;
        }
    }
    class
}

/// Conditions are seldom independent: each further one counts by the root of the one before.
fn combined(mut selectivities: Vec<f64>) -> f64 {
    selectivities.sort_by(f64::total_cmp);
    let mut exponent = 1.0;
    let mut product = 1.0;
    for selectivity in selectivities {
        product *= selectivity.powf(exponent);
        exponent /= 2.0;
    }
    product
}

fn statistics_of(plan: &Arc<dyn ExecutionPlan>) -> Result<Arc<datafusion::common::Statistics>> {
    StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new())
}

/// Counted, or as many as the range has room for.
fn distinct_values(column: &ColumnStatistics) -> Option<f64> {
    if let Some(n) = column.distinct_count.get_value() {
        return Some(*n as f64);
    }
    let (min, max) = (column.min_value.get_value()?, column.max_value.get_value()?);
    if !(min.data_type().is_integer() || min.data_type().is_temporal()) {
        return None;
    }
    max.distance(min).map(|distance| distance as f64 + 1.0)
}
