//! A tree of inner joins, taken apart.

use datafusion::common::{JoinSide, NullEquality};
use datafusion::error::Result;
use datafusion::logical_expr::JoinType;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{PhysicalExpr, PhysicalExprRef};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::projection::ProjectionExec;
use std::sync::Arc;

/// A column of a relation of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ColumnRef {
    pub(super) relation: usize,
    pub(super) column: usize,
}

/// Relations as bits.
pub(super) type RelationSet = u64;

/// What joins what.
#[derive(Debug, Clone)]
pub(super) enum JoinTree {
    Relation(usize),
    Join(Box<Self>, Box<Self>),
}

/// `a = b`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub(super) a: ColumnRef,
    pub(super) b: ColumnRef,
}

/// Another condition: an expression over an intermediate row of `columns`.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) filter: JoinFilter,
    pub(super) columns: Vec<ColumnRef>,
}

#[derive(Debug)]
pub(super) struct JoinGraph {
    pub(super) relations: Vec<Arc<dyn ExecutionPlan>>,
    pub(super) edges: Vec<Edge>,
    pub(super) conditions: Vec<Condition>,
    /// The columns of the tree's root.
    pub(super) output: Vec<ColumnRef>,
    /// The order of the statement.
    pub(super) tree: JoinTree,
    pub(super) mode: PartitionMode,
}

impl ColumnRef {
    pub(super) fn set(self) -> RelationSet {
        1 << self.relation
    }
}

impl Condition {
    pub(super) fn set(&self) -> RelationSet {
        self.columns.iter().fold(0, |set, column| set | column.set())
    }
}

impl JoinGraph {
    /// Takes the joins at the top of `plan` apart.
    pub(super) fn of(plan: &Arc<dyn ExecutionPlan>) -> Result<Self> {
        let mut graph = Self {
            relations: vec![],
            edges: vec![],
            conditions: vec![],
            output: vec![],
            tree: JoinTree::Relation(0),
            mode: PartitionMode::Auto,
        };
        (graph.tree, graph.output) = graph.add(plan);
        Ok(graph)
    }

    fn add(&mut self, plan: &Arc<dyn ExecutionPlan>) -> (JoinTree, Vec<ColumnRef>) {
        if let Some(join) = inner_join(plan) {
            return self.add_join(join);
        }
        if let Some((projection, columns)) = column_projection(plan)
            && is_join_tree(projection.input())
        {
            let (tree, input) = self.add(projection.input());
            return (tree, columns.into_iter().map(|column| input[column]).collect());
        }
        let relation = self.relations.len();
        self.relations.push(Arc::clone(plan));
        let columns = 0..plan.schema().fields().len();
        let columns = columns.map(|column| ColumnRef { relation, column }).collect();
        (JoinTree::Relation(relation), columns)
    }

    fn add_join(&mut self, join: &HashJoinExec) -> (JoinTree, Vec<ColumnRef>) {
        self.mode = *join.partition_mode();
        let (left_tree, left) = self.add(join.left());
        let (right_tree, right) = self.add(join.right());
        let keys = join.on().iter().filter_map(|(l, r)| Some((column(l)?, column(r)?)));
        self.edges.extend(keys.map(|(l, r)| Edge { a: left[l], b: right[r] }));
        if let Some(filter) = join.filter() {
            let columns = filter.column_indices().iter().map(|place| match place.side {
                JoinSide::Right => right[place.index],
                JoinSide::Left | JoinSide::None => left[place.index],
            });
            let columns = columns.collect();
            self.conditions.push(Condition { filter: filter.clone(), columns });
        }
        let tree = JoinTree::Join(Box::new(left_tree), Box::new(right_tree));
        (tree, [left, right].concat())
    }
}

/// Whether joins that may be ordered are at the top of a plan.
pub(super) fn is_join_tree(plan: &Arc<dyn ExecutionPlan>) -> bool {
    inner_join(plan).is_some()
        || column_projection(plan).is_some_and(|(projection, _)| is_join_tree(projection.input()))
}

/// An inner join on columns, from which nothing but its rows is expected.
fn inner_join(plan: &Arc<dyn ExecutionPlan>) -> Option<&HashJoinExec> {
    let join = plan.downcast_ref::<HashJoinExec>()?;
    let plain = *join.join_type() == JoinType::Inner
        && join.null_equality() == NullEquality::NullEqualsNothing
        && !join.contains_projection()
        && join.fetch().is_none()
        && join.on().iter().all(|(l, r)| column(l).is_some() && column(r).is_some());
    plain.then_some(join)
}

fn column_projection(plan: &Arc<dyn ExecutionPlan>) -> Option<(&ProjectionExec, Vec<usize>)> {
    let projection = plan.downcast_ref::<ProjectionExec>()?;
    let columns = projection.expr().iter().map(|expr| column(&expr.expr));
    Some((projection, columns.collect::<Option<_>>()?))
}

pub(super) fn column(expr: &PhysicalExprRef) -> Option<usize> {
    let expr: &dyn PhysicalExpr = expr.as_ref();
    expr.downcast_ref::<Column>().map(Column::index)
}
