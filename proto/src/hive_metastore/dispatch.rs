//! From a call's bytes to a method of the service, and back.

use super::methods::{HiveMetastoreService, dispatch};
use super::types::ExceptionMessage;
use super::wire::{Input, Output, Wire, WireError};
use super::{ApplicationError, Exception, ExceptionKind, ServiceError};
use thrift::protocol::{TMessageIdentifier, TMessageType, TType};

/// What a call does, for a client that wonders whether to send it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing, or the same when it comes twice.
    Reads,
    /// It changes something.
    Writes,
    /// It has no answer.
    Oneway,
}

/// A method of the metastore. It is implemented by the struct of its arguments, which is what
/// a client hands over to call it.
pub trait Method: Wire {
    /// Name on the wire.
    const NAME: &'static str;
    /// What a call does.
    const EFFECT: Effect;
    /// The exceptions that the method declares, with the numbers of their fields in the answer.
    const THROWS: &'static [(i16, ExceptionKind)];
    /// What it returns.
    type Reply: Wire;
}

/// The number of the field that holds a result. Exceptions have the others.
pub(super) const RESULT_FIELD: i16 = 0;

/// Reads one message, runs its method and writes the answer.
///
/// # Errors
/// When the connection cannot go on. If the head of the message was understood, an answer that
/// says so has been written nevertheless.
pub(super) fn serve<S: HiveMetastoreService + ?Sized>(
    service: &mut S,
    input: &mut Input<'_>,
    output: &mut Output<'_>,
) -> Result<(), WireError> {
    let head = input.message_begin()?;
    let call = Call { head, input, output };
    match call.head.message_type {
        TMessageType::Call | TMessageType::OneWay => dispatch(service, call),
        TMessageType::Reply | TMessageType::Exception => call.refuse_type(),
    }
}

/// A call whose head is read and whose arguments are not.
pub(super) struct Call<'c, 'i, 'o> {
    head: TMessageIdentifier,
    input: &'c mut Input<'i>,
    output: &'c mut Output<'o>,
}

impl Call<'_, '_, '_> {
    /// The method's name on the wire.
    pub(super) fn name(&self) -> &str {
        &self.head.name
    }

    /// Reads the arguments, runs the method and writes its answer.
    pub(super) fn answer<M: Method>(
        mut self,
        run: impl FnOnce(M) -> Result<M::Reply, ServiceError>,
    ) -> Result<(), WireError> {
        let args = match M::read(self.input).and_then(|args| {
            self.input.check_faults()?;
            Ok(args)
        }) {
            Ok(args) => args,
            Err(error) => return self.refuse_arguments(error),
        };
        let result = run(args);
        if M::EFFECT == Effect::Oneway {
            return Ok(());
        }
        match result {
            Ok(reply) => self.write_result(RESULT_FIELD, &reply),
            Err(ServiceError::NotSupported) => self.write_failure(&unsupported(M::NAME)),
            Err(ServiceError::NoResult) => {
                self.write_head(TMessageType::Reply)?;
                self.output.write_struct(|_| Ok(()))
            }
            Err(ServiceError::Exception(exception)) => self.write_exception(M::THROWS, exception),
        }
    }

    /// Answers that there is no such method.
    pub(super) fn refuse_unknown(self) -> Result<(), WireError> {
        let message = format!("Invalid method name: '{}'", self.head.name);
        self.refuse(&ApplicationError::new(ApplicationError::UNKNOWN_METHOD, message))
    }

    /// Answers that there is such a method elsewhere, but not here.
    pub(super) fn refuse_unsupported(self) -> Result<(), WireError> {
        let failure = unsupported(&self.head.name);
        self.refuse(&failure)
    }

    fn refuse_type(self) -> Result<(), WireError> {
        let message = format!("a message of type {} is no call", self.head.message_type);
        self.refuse(&ApplicationError::new(ApplicationError::INVALID_MESSAGE_TYPE, message))
    }

    /// Reads over the arguments, so that the next message is found, and answers.
    fn refuse(mut self, failure: &ApplicationError) -> Result<(), WireError> {
        match self.input.skip(TType::Struct) {
            Ok(()) => self.write_failure(failure),
            Err(error) => self.refuse_arguments(error),
        }
    }

    /// Answers that the arguments are wrong. The connection goes on if they were at least read
    /// to their end.
    fn refuse_arguments(&mut self, error: WireError) -> Result<(), WireError> {
        match &error {
            WireError::Disconnected(_) | WireError::TimedOut => return Err(error),
            WireError::Malformed(_) | WireError::Invalid(_) => {}
        }
        let failure = ApplicationError::new(ApplicationError::PROTOCOL_ERROR, error.to_string());
        self.write_failure(&failure)?;
        if matches!(error, WireError::Invalid(_)) { Ok(()) } else { Err(error) }
    }

    fn write_exception(
        &mut self,
        throws: &[(i16, ExceptionKind)],
        exception: Exception,
    ) -> Result<(), WireError> {
        let Some((id, _)) = throws.iter().find(|(_, kind)| *kind == exception.kind) else {
            let message = format!("Internal error processing {}: {exception}", self.head.name);
            let failure = ApplicationError::new(ApplicationError::INTERNAL_ERROR, message);
            return self.write_failure(&failure);
        };
        self.write_result(*id, &ExceptionMessage { message: Some(exception.message) })
    }

    fn write_result<T: Wire>(&mut self, id: i16, value: &T) -> Result<(), WireError> {
        self.write_head(TMessageType::Reply)?;
        self.output.write_struct(|output| match T::TYPE {
            TType::Void => Ok(()),
            _ => output.write_field(id, value),
        })
    }

    fn write_failure(&mut self, failure: &ApplicationError) -> Result<(), WireError> {
        if self.head.message_type == TMessageType::OneWay {
            return Ok(());
        }
        self.write_head(TMessageType::Exception)?;
        failure.write(self.output)
    }

    fn write_head(&mut self, message_type: TMessageType) -> Result<(), WireError> {
        self.output.message_begin(&TMessageIdentifier {
            name: self.head.name.clone(),
            message_type,
            sequence_number: self.head.sequence_number,
        })
    }
}

/// Clients fall back to older methods when a method is unknown, and they tell by the kind.
fn unsupported(name: &str) -> ApplicationError {
    ApplicationError::new(ApplicationError::UNKNOWN_METHOD, format!("not supported: {name}"))
}

/// Is shown every method of the service.
#[cfg(test)]
pub(super) trait MethodVisitor {
    fn visit<M>(&mut self)
    where
        M: Method + SampleValue,
        M::Reply: SampleValue;
}

/// What a test needs of a type to send it there and back.
#[cfg(test)]
pub(super) trait SampleValue:
    super::wire::sample::Sample + Wire + PartialEq + std::fmt::Debug
{
}

#[cfg(test)]
impl<T: super::wire::sample::Sample + Wire + PartialEq + std::fmt::Debug> SampleValue for T {}
