//! A plan out of an order of joins.

use super::estimate::{Estimator, is_new};
use super::graph::{ColumnRef, Condition, JoinGraph, JoinTree, RelationSet};
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DataFusionError, JoinSide};
use datafusion::error::Result;
use datafusion::logical_expr::JoinType;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{PhysicalExprRef, conjunction};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::HashJoinExecBuilder;
use datafusion::physical_plan::joins::utils::{ColumnIndex, JoinFilter};
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use std::sync::Arc;

/// A part of the new plan and what its columns are.
struct Part {
    plan: Arc<dyn ExecutionPlan>,
    columns: Vec<ColumnRef>,
    set: RelationSet,
    rows: f64,
}

/// The plan of `tree`, with the columns of `root` under their names.
pub(super) fn plan(
    graph: &JoinGraph,
    estimator: &Estimator<'_>,
    tree: &JoinTree,
    root: &Arc<dyn ExecutionPlan>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let part = Builder { graph, estimator }.part(tree)?;
    let schema = root.schema();
    let names = schema.fields().iter().map(|field| field.name().as_str());
    project(&part, &graph.output, names)
}

struct Builder<'a> {
    graph: &'a JoinGraph,
    estimator: &'a Estimator<'a>,
}

impl Builder<'_> {
    fn part(&self, tree: &JoinTree) -> Result<Part> {
        let estimate = self.estimator.joined(tree);
        match tree {
            JoinTree::Relation(n) => {
                let plan = Arc::clone(&self.graph.relations[*n]);
                let columns = 0..plan.schema().fields().len();
                let columns = columns.map(|column| ColumnRef { relation: *n, column }).collect();
                Ok(Part { plan, columns, set: estimate.set, rows: estimate.rows })
            }
            JoinTree::Join(a, b) => {
                let (a, b) = (self.part(a)?, self.part(b)?);
                // The left side is the one that is put into the hash table.
                let (left, right) = if a.rows <= b.rows { (a, b) } else { (b, a) };
                self.join(&left, &right, estimate.rows)
            }
        }
    }

    fn join(&self, left: &Part, right: &Part, rows: f64) -> Result<Part> {
        let on = self
            .estimator
            .edges_between(left.set, right.set)
            .map(|edge| Ok((left.expr(edge.a)?, right.expr(edge.b)?)))
            .collect::<Result<Vec<_>>>()?;
        let new = |condition: &&Condition| is_new(condition.set(), left.set, right.set);
        let conditions: Vec<_> = self.graph.conditions.iter().filter(new).collect();
        let plan = HashJoinExecBuilder::new(
            Arc::clone(&left.plan),
            Arc::clone(&right.plan),
            on,
            JoinType::Inner,
        )
        .with_filter(filter(&conditions, left, right)?)
        .with_partition_mode(self.graph.mode)
        .build_exec()?;
        let columns = [left.columns.as_slice(), &right.columns].concat();
        let joined = Part { plan, columns, set: left.set | right.set, rows };
        self.without_what_is_done_with(joined)
    }

    /// Drops the columns that only the joins so far needed.
    fn without_what_is_done_with(&self, part: Part) -> Result<Part> {
        let columns: Vec<_> =
            part.columns.iter().copied().filter(|c| self.is_needed(*c, part.set)).collect();
        // A batch without columns would lose its row count in some operators.
        if columns.len() == part.columns.len() || columns.is_empty() {
            return Ok(part);
        }
        let schema = part.plan.schema();
        let places =
            columns.iter().map(|column| part.place(*column)).collect::<Result<Vec<_>>>()?;
        let names = places.iter().map(|place| schema.field(*place).name().as_str());
        let plan = project(&part, &columns, names)?;
        Ok(Part { plan, columns, ..part })
    }

    fn is_needed(&self, column: ColumnRef, set: RelationSet) -> bool {
        let outside = |other: ColumnRef| other.set() & set == 0;
        self.graph.output.contains(&column)
            || self.graph.edges.iter().any(|edge| {
                (edge.a == column && outside(edge.b)) || (edge.b == column && outside(edge.a))
            })
            || self
                .graph
                .conditions
                .iter()
                .any(|condition| condition.set() & !set != 0 && condition.columns.contains(&column))
    }
}

impl Part {
    fn place(&self, column: ColumnRef) -> Result<usize> {
        let place = self.columns.iter().position(|own| *own == column);
        place.ok_or_else(|| DataFusionError::Internal("a join lost a column".to_owned()))
    }

    fn expr(&self, column: ColumnRef) -> Result<PhysicalExprRef> {
        let place = self.place(column)?;
        Ok(Arc::new(Column::new(self.plan.schema().field(place).name(), place)))
    }
}

fn project<'a>(
    part: &Part,
    columns: &[ColumnRef],
    names: impl Iterator<Item = &'a str>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let exprs = columns
        .iter()
        .zip(names)
        .map(|(column, name)| Ok(ProjectionExpr::new(part.expr(*column)?, name.to_owned())))
        .collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(ProjectionExec::try_new(exprs, Arc::clone(&part.plan))?))
}

/// All conditions as one, over the intermediate rows of all.
fn filter(conditions: &[&Condition], left: &Part, right: &Part) -> Result<Option<JoinFilter>> {
    if conditions.is_empty() {
        return Ok(None);
    }
    let mut fields: Vec<Arc<Field>> = vec![];
    let mut places = vec![];
    let mut exprs = vec![];
    for condition in conditions {
        exprs.push(shifted(condition.filter.expression(), fields.len())?);
        fields.extend(condition.filter.schema().fields().iter().cloned());
        for column in &condition.columns {
            places.push(match column.set() & left.set != 0 {
                true => ColumnIndex { index: left.place(*column)?, side: JoinSide::Left },
                false => ColumnIndex { index: right.place(*column)?, side: JoinSide::Right },
            });
        }
    }
    let schema = Arc::new(Schema::new(fields));
    Ok(Some(JoinFilter::new(conjunction(exprs), places, schema)))
}

fn shifted(expr: &PhysicalExprRef, by: usize) -> Result<PhysicalExprRef> {
    Arc::clone(expr)
        .transform(|node| {
            Ok(match node.downcast_ref::<Column>() {
                Some(column) => {
                    let moved = Column::new(column.name(), column.index() + by);
                    Transformed::yes(Arc::new(moved) as PhysicalExprRef)
                }
                None => Transformed::no(node),
            })
        })
        .data()
}
