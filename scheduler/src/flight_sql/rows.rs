//! DoGet, apart from the other calls: its messages are in parts, which a service that is generated
//! from Flight.proto cannot send.

use super::flight_data::Message;
use super::service::{BoxStream, FlightSqlService};
use arrow_flight::Ticket;
use arrow_flight::flight_service_server::FlightServiceServer;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::{CONTENT_TYPE, HeaderMap};
use hyper::body::{Body as HttpBody, Frame};
use prost::Message as _;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tonic::body::Body;
use tonic::codec::{DecodeBuf, Decoder};
use tonic::metadata::GRPC_CONTENT_TYPE;
use tonic::server::NamedService;
use tonic::{Request, Status, Streaming};
use tower::Service;

const DO_GET: &str = "/arrow.flight.protocol.FlightService/DoGet";

type Generated = FlightServiceServer<FlightSqlService>;

/// The Flight service, with DoGet by [`RowsBody`].
#[derive(Debug, Clone)]
pub(super) struct RowsService {
    service: Arc<FlightSqlService>,
    generated: Generated,
    ticket_bytes_max: usize,
}

impl RowsService {
    pub(super) fn new(service: Arc<FlightSqlService>, message_bytes_max: usize) -> Self {
        let generated = FlightServiceServer::from_arc(Arc::clone(&service))
            .max_decoding_message_size(message_bytes_max)
            .max_encoding_message_size(message_bytes_max);
        Self { service, generated, ticket_bytes_max: message_bytes_max }
    }
}

impl NamedService for RowsService {
    const NAME: &'static str = <Generated as NamedService>::NAME;
}

impl Service<http::Request<Body>> for RowsService {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<http::Request<Body>>::poll_ready(&mut self.generated, cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        if request.uri().path() != DO_GET {
            return self.generated.call(request);
        }
        let (service, limit) = (Arc::clone(&self.service), self.ticket_bytes_max);
        Box::pin(async move {
            Ok(do_get(&service, request, limit).await.unwrap_or_else(Status::into_http))
        })
    }
}

async fn do_get(
    service: &FlightSqlService,
    request: http::Request<Body>,
    ticket_bytes_max: usize,
) -> Result<http::Response<Body>, Status> {
    let (parts, body) = request.into_parts();
    let mut tickets = Streaming::new_request(TicketDecoder, body, None, Some(ticket_bytes_max));
    let ticket = tickets.message().await?;
    let ticket = ticket.ok_or_else(|| Status::invalid_argument("DoGet without a ticket"))?;
    let metadata = tonic::metadata::MetadataMap::from_headers(parts.headers);
    let request = Request::from_parts(metadata, parts.extensions, ticket);
    let (metadata, messages, _) = service.rows(request).await?.into_parts();
    let body = RowsBody { messages, parts: VecDeque::new(), is_over: false };
    let mut response = http::Response::new(Body::new(body));
    *response.headers_mut() = metadata.into_headers();
    response.headers_mut().insert(CONTENT_TYPE, GRPC_CONTENT_TYPE);
    Ok(response)
}

struct TicketDecoder;

impl Decoder for TicketDecoder {
    type Item = Ticket;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<Ticket>, Status> {
        let ticket = Ticket::decode(bytes);
        ticket.map(Some).map_err(|err| Status::invalid_argument(format!("a ticket: {err}")))
    }
}

/// The messages' parts, and gRPC's status behind them.
struct RowsBody {
    messages: BoxStream<Message>,
    /// What is left of a message.
    parts: VecDeque<Bytes>,
    is_over: bool,
}

impl HttpBody for RowsBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        loop {
            if let Some(part) = self.parts.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(part))));
            }
            if self.is_over {
                return Poll::Ready(None);
            }
            let status = match ready!(self.messages.as_mut().poll_next(cx)) {
                Some(Ok(message)) => {
                    self.parts = message.parts.into();
                    continue;
                }
                Some(Err(status)) => status,
                None => Status::ok(""),
            };
            self.is_over = true;
            let mut trailers = HeaderMap::new();
            status.add_header(&mut trailers)?;
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
    }
}
