//! The passes of a training, as a driver sees them.

use crate::algorithm;
use crate::feature::{Design, InputColumns, Statistics, encode_batch};
use crate::model::{Facts, Model};
use crate::options::TrainingOptions;
use crate::trainer::{Step, TrainerState};
use crate::wire;
use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::Schema;
use quern_common::{Error, ErrorCode, Result};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One pass over the rows of the training query. It travels to the nodes as bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingPass {
    options: TrainingOptions,
    columns: InputColumns,
    number: u32,
    work: Work,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Work {
    Statistics,
    Fit { design: Design, parameters: Vec<u8> },
}

/// What comes after a pass.
#[derive(Debug, Clone, PartialEq)]
pub enum NextPass {
    /// Another pass.
    Continue(TrainingPass),
    /// The model.
    Done(Model),
}

impl TrainingPass {
    /// Returns the first pass of a training over a query with this schema.
    ///
    /// # Errors
    /// `COLUMN_NOT_FOUND` when the target is missing, `NOT_SUPPORTED` for a feature of a type
    /// without encoding, `INVALID_TRAINING_DATA` for a target of the wrong type or no feature,
    /// `DUPLICATE_COLUMN_NAME`.
    pub fn first(options: &TrainingOptions, schema: &Schema) -> Result<Self> {
        let columns = InputColumns::plan(options, schema)?;
        Ok(Self { options: options.clone(), columns, number: 1, work: Work::Statistics })
    }

    /// The columns that states take in, in order.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.names()
    }

    /// The number of the pass, from 1 (statistics).
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The options of the training.
    pub fn options(&self) -> &TrainingOptions {
        &self.options
    }

    /// Returns the state before any row.
    ///
    /// # Errors
    /// When the pass came as bytes that contradict themselves.
    pub fn start(&self) -> Result<PassState> {
        let collected = match &self.work {
            Work::Statistics => {
                Collected::Statistics(Statistics::new(&self.options, &self.columns))
            }
            Work::Fit { design, parameters } => {
                Collected::Fit(algorithm::trainer(&self.options, design)?.init(parameters)?)
            }
        };
        Ok(PassState { pass: Arc::new(self.clone()), collected })
    }

    /// Draws the conclusion of the pass from the merged states of all nodes.
    ///
    /// # Errors
    /// `INVALID_TRAINING_DATA` when the rows cannot train the model, `INVALID_MODEL_OPTION`
    /// when an option does not fit them.
    pub fn step(&self, state: PassState) -> Result<NextPass> {
        match (&self.work, state.collected) {
            (Work::Statistics, Collected::Statistics(statistics)) => {
                let rules = algorithm::design_rules(&self.options);
                let design = Design::new(&self.options, &self.columns, &statistics, rules)?;
                let parameters = algorithm::trainer(&self.options, &design)?.start()?;
                Ok(NextPass::Continue(self.next(Work::Fit { design, parameters })))
            }
            (Work::Fit { design, .. }, Collected::Fit(state)) => match state.step()? {
                Step::Continue(parameters) => {
                    let design = design.clone();
                    Ok(NextPass::Continue(self.next(Work::Fit { design, parameters })))
                }
                Step::Done(parameters, facts) => {
                    let facts = self.complete(design, facts);
                    let (options, columns) = (self.options.clone(), &self.columns);
                    Model::new(options, columns, design, parameters, facts).map(NextPass::Done)
                }
            },
            _ => Err(mixed_passes()),
        }
    }

    fn next(&self, work: Work) -> Self {
        Self { work, number: self.number + 1, ..self.clone() }
    }

    fn complete(&self, design: &Design, mut facts: Facts) -> Facts {
        facts.insert("rows".to_owned(), design.rows.to_string());
        facts.insert("rows_skipped".to_owned(), design.rows_skipped.to_string());
        facts.insert("features".to_owned(), design.features.len().to_string());
        facts.insert("passes".to_owned(), self.number.to_string());
        facts
    }

    /// Writes the pass for another node.
    ///
    /// # Errors
    /// When memory is short.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        wire::to_bytes("training pass", self)
    }

    /// Reads a pass.
    ///
    /// # Errors
    /// When the bytes are corrupt.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        wire::from_bytes("training pass", bytes)
    }
}

/// What one node has collected in a pass.
#[derive(Debug)]
pub struct PassState {
    pass: Arc<TrainingPass>,
    collected: Collected,
}

#[derive(Debug)]
enum Collected {
    Statistics(Statistics),
    Fit(Box<dyn TrainerState>),
}

impl PassState {
    /// Takes in a batch: the columns of [`TrainingPass::columns`], in order.
    ///
    /// # Errors
    /// `INVALID_TRAINING_DATA` naming the column, `TYPE_MISMATCH` when a column has another type
    /// than planned.
    pub fn update(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let TrainingPass { options, columns: known, work, .. } = self.pass.as_ref();
        match (&mut self.collected, work) {
            (Collected::Statistics(statistics), _) => statistics.update(options, known, columns),
            (Collected::Fit(state), Work::Fit { design, .. }) => {
                state.update(&encode_batch(options.nulls, known, design, columns)?)
            }
            _ => Err(mixed_passes()),
        }
    }

    /// Adds another state of the same pass.
    ///
    /// # Errors
    /// `INVALID_TRAINING_DATA` when both together cannot train the model; an internal error for
    /// the state of another pass.
    pub fn merge(&mut self, other: Self) -> Result<()> {
        match (&mut self.collected, other.collected) {
            (Collected::Statistics(mine), Collected::Statistics(theirs)) => {
                mine.merge(&self.pass.options, &self.pass.columns, theirs)
            }
            (Collected::Fit(mine), Collected::Fit(theirs)) => mine.merge(theirs),
            _ => Err(mixed_passes()),
        }
    }

    /// Adds another state of the same pass that [`PassState::to_bytes`] wrote.
    ///
    /// # Errors
    /// As [`PassState::merge`].
    pub fn merge_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.collected {
            Collected::Statistics(mine) => {
                let theirs = wire::from_bytes("training statistics", bytes)?;
                mine.merge(&self.pass.options, &self.pass.columns, theirs)
            }
            Collected::Fit(mine) => mine.merge_bytes(bytes),
        }
    }

    /// Writes the state for another node.
    ///
    /// # Errors
    /// When memory is short.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        match &self.collected {
            Collected::Statistics(statistics) => wire::to_bytes("training statistics", statistics),
            Collected::Fit(state) => state.to_bytes(),
        }
    }

    /// Bytes on the heap, for memory accounting.
    pub fn size(&self) -> usize {
        match &self.collected {
            Collected::Statistics(statistics) => statistics.size(),
            Collected::Fit(state) => state.size(),
        }
    }
}

/// Trains on batches in memory.
///
/// # Errors
/// As [`TrainingPass::first`] and [`TrainingPass::step`].
pub fn train(options: &TrainingOptions, schema: &Schema, batches: &[RecordBatch]) -> Result<Model> {
    let mut pass = TrainingPass::first(options, schema)?;
    let inputs =
        batches.iter().map(|batch| select(batch, pass.columns())).collect::<Result<Vec<_>>>()?;
    loop {
        let mut state = pass.start()?;
        for columns in &inputs {
            state.update(columns)?;
        }
        match pass.step(state)? {
            NextPass::Continue(next) => pass = next,
            NextPass::Done(model) => return Ok(model),
        }
    }
}

/// Returns columns of a batch by name.
pub(crate) fn select<'a>(
    batch: &RecordBatch,
    names: impl Iterator<Item = &'a str>,
) -> Result<Vec<ArrayRef>> {
    let schema = batch.schema_ref();
    let column = |name: &str| {
        let index =
            schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name));
        index.and_then(|index| batch.columns().get(index)).map(Arc::clone).ok_or_else(|| {
            Error::new(ErrorCode::ColumnNotFound, format!("the input has no column \"{name}\""))
        })
    };
    names.map(column).collect()
}

fn mixed_passes() -> Error {
    Error::internal("a state of another pass was mixed in")
}
