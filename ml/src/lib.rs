//! Machine learning: batches in, a model out; batches in, predictions out.
//!
//! Owns: the algorithms, the encoding of columns as features, metrics, and the layout of
//! model artifacts.
//! Never knows: DataFusion, the catalogue, object storage, or how passes are distributed.
//! Read in this order: [`options`], [`pass`] (how training runs), [`trainer`] (what an
//! algorithm is), [`feature`], [`algorithm`], [`model`], [`artifact`], [`metrics`].
//!
//! Training is a loop of passes over the rows. A [`TrainingPass`] starts a [`PassState`] on
//! every node, each state takes in its node's batches, the states are merged, and
//! [`TrainingPass::step`] makes of them the next pass or the [`Model`]:
//!
//! ```text
//! let mut pass = TrainingPass::first(&options, &schema)?;
//! let model = loop {
//!     let mut state = pass.start()?;          // on every node
//!     state.update(&columns)?;                // for every batch, pass.columns() in order
//!     state.merge(other)?;                    // states travel as bytes
//!     match pass.step(state)? {
//!         NextPass::Continue(next) => pass = next,
//!         NextPass::Done(model) => break model,
//!     }
//! };
//! ```

#![warn(missing_docs)]

pub mod algorithm;
pub mod artifact;
pub mod feature;
mod linalg;
pub mod metrics;
pub mod model;
pub mod options;
pub mod pass;
mod row_hash;
mod sum;
pub mod trainer;
mod wire;

pub use artifact::{Artifact, sha256_hex};
pub use metrics::{Evaluation, evaluate};
pub use model::{Facts, Model};
pub use options::{Algorithm, NullHandling, TrainingOptions};
pub use pass::{NextPass, PassState, TrainingPass, train};
pub use trainer::{Step, Trainer, TrainerState};
