//! What an algorithm is: transition, merge, final.
//!
//! An algorithm implements `Fit` with its own types; every `Fit` is a [`Trainer`], which
//! passes parameters and states around as bytes and trait objects, so that the drivers know
//! no algorithm.

use crate::feature::FeatureBatch;
use crate::model::{Facts, ModelParameters};
use crate::wire;
use quern_common::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

/// What comes after a pass.
#[derive(Debug, Clone, PartialEq)]
pub enum Step<P> {
    /// Another pass with these parameters.
    Continue(P),
    /// The model is found.
    Done(ModelParameters, Facts),
}

/// An algorithm with its own types of parameters (what a pass receives) and state (what a pass
/// collects).
pub(crate) trait Fit: Debug + Send + Sync + 'static {
    /// The model so far.
    type Parameters: Serialize + DeserializeOwned + Debug + Send + Sync;
    /// Sums over rows.
    type State: Serialize + DeserializeOwned + Debug + Send + Sync;

    /// What the first pass receives.
    fn start(&self) -> Result<Self::Parameters>;
    /// The state before any row.
    fn init(&self, parameters: &Self::Parameters) -> Self::State;
    /// Takes in rows.
    fn update(
        &self,
        parameters: &Self::Parameters,
        state: &mut Self::State,
        batch: &FeatureBatch,
    ) -> Result<()>;
    /// Whether a state that came as bytes has the shape of this training.
    fn fits(&self, parameters: &Self::Parameters, state: &Self::State) -> bool;
    /// Adds another state of the same pass; the order must not matter beyond rounding.
    fn merge(&self, parameters: &Self::Parameters, state: &mut Self::State, other: Self::State);
    /// Bytes on the heap.
    fn size(&self, state: &Self::State) -> usize;
    /// Draws the conclusion of a pass.
    fn step(
        &self,
        parameters: Self::Parameters,
        state: Self::State,
    ) -> Result<Step<Self::Parameters>>;
}

/// Trains one model; passes and states of different algorithms look alike.
pub trait Trainer: Debug + Send + Sync {
    /// Returns the parameters of the first pass.
    ///
    /// # Errors
    /// `INVALID_MODEL_OPTION` when options do not fit the features.
    fn start(&self) -> Result<Vec<u8>>;

    /// Starts a pass: returns the state before any row.
    ///
    /// # Errors
    /// When `parameters` are not those of this training.
    fn init(&self, parameters: &[u8]) -> Result<Box<dyn TrainerState>>;
}

/// What a pass collects on one node.
pub trait TrainerState: Debug + Send + Sync + Any {
    /// Takes in rows.
    ///
    /// # Errors
    /// When the batch has another width.
    fn update(&mut self, batch: &FeatureBatch) -> Result<()>;

    /// Adds another state of the same pass.
    ///
    /// # Errors
    /// When it is one of another training.
    fn merge(&mut self, other: Box<dyn TrainerState>) -> Result<()>;

    /// Adds another state of the same pass that [`TrainerState::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes are corrupt or of another training.
    fn merge_bytes(&mut self, bytes: &[u8]) -> Result<()>;

    /// Writes the state for another node.
    ///
    /// # Errors
    /// When memory is short.
    fn to_bytes(&self) -> Result<Vec<u8>>;

    /// Bytes on the heap, for memory accounting.
    fn size(&self) -> usize;

    /// Ends the pass; on the driver, after all merges.
    ///
    /// # Errors
    /// `INVALID_TRAINING_DATA` when the rows cannot train the model.
    fn step(self: Box<Self>) -> Result<Step<Vec<u8>>>;
}

/// The bridge from [`Fit`] to [`Trainer`].
#[derive(Debug)]
pub(crate) struct FitTrainer<F>(Arc<F>);

impl<F: Fit> FitTrainer<F> {
    pub(crate) fn boxed(fit: F) -> Box<dyn Trainer> {
        Box::new(Self(Arc::new(fit)))
    }
}

impl<F: Fit> Trainer for FitTrainer<F> {
    fn start(&self) -> Result<Vec<u8>> {
        wire::to_bytes("training parameters", &self.0.start()?)
    }

    fn init(&self, parameters: &[u8]) -> Result<Box<dyn TrainerState>> {
        let parameters = wire::from_bytes("training parameters", parameters)?;
        let state = self.0.init(&parameters);
        Ok(Box::new(FitState { fit: Arc::clone(&self.0), parameters, state }))
    }
}

#[derive(Debug)]
struct FitState<F: Fit> {
    fit: Arc<F>,
    parameters: F::Parameters,
    state: F::State,
}

impl<F: Fit> FitState<F> {
    fn merge_state(&mut self, other: F::State) -> Result<()> {
        if !self.fit.fits(&self.parameters, &other) {
            return Err(Error::internal("a training state of another training was mixed in"));
        }
        self.fit.merge(&self.parameters, &mut self.state, other);
        Ok(())
    }
}

impl<F: Fit> TrainerState for FitState<F> {
    fn update(&mut self, batch: &FeatureBatch) -> Result<()> {
        self.fit.update(&self.parameters, &mut self.state, batch)
    }

    fn merge(&mut self, other: Box<dyn TrainerState>) -> Result<()> {
        let other: Box<dyn Any> = other;
        match other.downcast::<Self>() {
            Ok(other) => self.merge_state(other.state),
            Err(_) => Err(Error::internal("a training state of another algorithm was mixed in")),
        }
    }

    fn merge_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.merge_state(wire::from_bytes("training state", bytes)?)
    }

    fn to_bytes(&self) -> Result<Vec<u8>> {
        wire::to_bytes("training state", &self.state)
    }

    fn size(&self) -> usize {
        self.fit.size(&self.state)
    }

    fn step(self: Box<Self>) -> Result<Step<Vec<u8>>> {
        match self.fit.step(self.parameters, self.state)? {
            Step::Done(model, facts) => Ok(Step::Done(model, facts)),
            Step::Continue(parameters) => {
                Ok(Step::Continue(wire::to_bytes("training parameters", &parameters)?))
            }
        }
    }
}
