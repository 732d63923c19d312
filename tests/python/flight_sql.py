"""Flight SQL commands by hand: pyarrow.flight for the transport, protobuf for the messages.

The messages are described here rather than compiled: the tests need a few fields of each, and no
compiler for .proto files is needed. They are declared as proto2, which is the same on the wire and
tells an absent text from an empty one.
"""

import pyarrow as pa
import pyarrow.flight as pf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SQL = "arrow.flight.protocol.sql"
FLIGHT = "arrow.flight.protocol"

KEYS = "catalog=1:string db_schema=2:string table=3:string"
STATEMENT = "query=1:string transaction_id=2:bytes"
HANDLE = "prepared_statement_handle=1:bytes"

# name: "field=number:type ...", with * for repeated and a message's name as type.
MESSAGES = {
    SQL: {
        "CommandGetSqlInfo": "info=1:uint32*",
        "CommandGetXdbcTypeInfo": "data_type=1:int32",
        "CommandGetCatalogs": "",
        "CommandGetDbSchemas": "catalog=1:string db_schema_filter_pattern=2:string",
        "CommandGetTables": "catalog=1:string db_schema_filter_pattern=2:string "
        "table_name_filter_pattern=3:string table_types=4:string* include_schema=5:bool",
        "CommandGetTableTypes": "",
        "CommandGetPrimaryKeys": KEYS,
        "CommandGetExportedKeys": KEYS,
        "CommandGetImportedKeys": KEYS,
        "CommandGetCrossReference": "pk_catalog=1:string pk_db_schema=2:string pk_table=3:string "
        "fk_catalog=4:string fk_db_schema=5:string fk_table=6:string",
        "CommandStatementQuery": STATEMENT,
        "CommandStatementUpdate": STATEMENT,
        "CommandPreparedStatementQuery": HANDLE,
        "CommandPreparedStatementUpdate": HANDLE,
        "CommandStatementSubstraitPlan": "transaction_id=2:bytes",
        "CommandStatementIngest": "table=2:string schema=3:string catalog=4:string",
        "ActionCreatePreparedStatementRequest": STATEMENT,
        "ActionCreatePreparedStatementResult": HANDLE
        + " dataset_schema=2:bytes parameter_schema=3:bytes is_update=4:bool",
        "ActionClosePreparedStatementRequest": HANDLE,
        "ActionBeginTransactionRequest": "",
        "DoPutUpdateResult": "record_count=1:int64",
        "DoPutPreparedStatementResult": HANDLE,
    },
    FLIGHT: {
        "CancelFlightInfoRequest": "info=1:bytes",
        "CancelFlightInfoResult": "status=1:int32",
        "StringListValue": "values=1:string*",
        "SessionOptionValue": "string_value=1:string bool_value=2:bool int64_value=3:sfixed64 "
        "double_value=4:double string_list_value=5:StringListValue",
        # A map is a repeated message of key and value.
        "SessionOption": "key=1:string value=2:SessionOptionValue",
        "SetSessionOptionsRequest": "session_options=1:SessionOption*",
        "SetError": "value=1:int32",
        "SetSessionOptionError": "key=1:string value=2:SetError",
        "SetSessionOptionsResult": "errors=1:SetSessionOptionError*",
        "GetSessionOptionsRequest": "",
        "GetSessionOptionsResult": "session_options=1:SessionOption*",
        "CloseSessionRequest": "",
        "CloseSessionResult": "status=1:int32",
        "PollInfo": "info=1:bytes flight_descriptor=2:bytes progress=3:double",
    },
    "google.protobuf": {"Any": "type_url=1:string value=2:bytes"},
}

# What pyarrow raises depends on the gRPC status: INVALID_ARGUMENT, for one, is an ArrowInvalid.
FAILURES = (pf.FlightError, pa.ArrowException)

# Enumerations of Flight.proto.
CANCEL_STATUS_CANCELLED, CANCEL_STATUS_CANCELLING, CANCEL_STATUS_NOT_CANCELLABLE = 1, 2, 3
CLOSE_STATUS_CLOSED = 1
SET_ERROR_INVALID_NAME, SET_ERROR_INVALID_VALUE = 1, 2


def _build(messages):
    pool = descriptor_pool.DescriptorPool()
    for package, descriptions in messages.items():
        file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package)
        file.syntax = "proto2"
        for name, fields in descriptions.items():
            message = file.message_type.add(name=name)
            for field in fields.split():
                _add_field(message, package, field)
        pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
        for package, descriptions in messages.items()
        for name in descriptions
    }


def _add_field(message, package, text):
    name, rest = text.split("=")
    number, kind = rest.split(":")
    field = message.field.add(name=name, number=int(number))
    proto = descriptor_pb2.FieldDescriptorProto
    repeated = kind.endswith("*")
    kind = kind.rstrip("*")
    field.label = proto.LABEL_REPEATED if repeated else proto.LABEL_OPTIONAL
    if kind[0].isupper():
        field.type = proto.TYPE_MESSAGE
        field.type_name = f".{package}.{kind}"
    else:
        field.type = getattr(proto, f"TYPE_{kind.upper()}")
        field.options.packed = repeated and kind not in ("string", "bytes")


CLASSES = _build(MESSAGES)


def message(name, **fields):
    return CLASSES[name](**fields)


def parse(name, data):
    return CLASSES[name].FromString(bytes(data))


def as_any(name, **fields):
    """A Flight SQL command: the message inside of google.protobuf.Any."""
    body = message(name, **fields).SerializeToString()
    wrapper = message("Any", type_url=f"type.googleapis.com/{SQL}.{name}", value=body)
    return wrapper.SerializeToString()


def unwrap(name, data):
    wrapper = parse("Any", data)
    assert wrapper.type_url.endswith(f"{SQL}.{name}"), wrapper.type_url
    return parse(name, wrapper.value)


def read_schema(data):
    """A schema as a Flight SQL message carries it: an IPC message, or nothing for no columns."""
    return pa.ipc.read_schema(pa.py_buffer(bytes(data))) if data else pa.schema([])


class _Cookies(pf.ClientMiddlewareFactory):
    """Keeps what the server sets, as a browser would."""

    def __init__(self):
        super().__init__()
        self.cookies = {}

    def start_call(self, _info):
        return _CookieCall(self.cookies)


class _CookieCall(pf.ClientMiddleware):
    def __init__(self, cookies):
        super().__init__()
        self.cookies = cookies

    def sending_headers(self):
        if not self.cookies:
            return {}
        return {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    def received_headers(self, headers):
        for key, values in headers.items():
            if key.lower() == "set-cookie":
                for value in values:
                    name, _, content = value.split(";")[0].partition("=")
                    self.cookies[name.strip()] = content.strip()


class FlightSql:
    """A client that sends one command at a time."""

    def __init__(self, uri, headers=(), cookies=True):
        self.cookies = _Cookies()
        middleware = [self.cookies] if cookies else []
        self.client = pf.FlightClient(uri, middleware=middleware)
        self.options = pf.FlightCallOptions(
            headers=[(name.encode(), value.encode()) for name, value in headers], timeout=60
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()

    def info(self, name, **fields):
        descriptor = pf.FlightDescriptor.for_command(as_any(name, **fields))
        return self.client.get_flight_info(descriptor, self.options)

    def schema(self, name, **fields):
        descriptor = pf.FlightDescriptor.for_command(as_any(name, **fields))
        return self.client.get_schema(descriptor, self.options).schema

    def read(self, info):
        """All rows, whose schema must be the one that was promised."""
        tables = []
        for endpoint in info.endpoints:
            reader = self.client.do_get(endpoint.ticket, self.options)
            # Not read_all, which takes the status CANCELLED for a Control-C.
            table = pa.Table.from_batches([chunk.data for chunk in reader], reader.schema)
            assert table.schema.equals(info.schema), f"{table.schema} is not {info.schema}"
            tables.append(table)
        return pa.concat_tables(tables)

    def fetch(self, name, **fields):
        return self.read(self.info(name, **fields))

    def query(self, sql):
        return self.fetch("CommandStatementQuery", query=sql)

    def put(self, name, batches=None, **fields):
        """DoPut; returns the reply's metadata."""
        descriptor = pf.FlightDescriptor.for_command(as_any(name, **fields))
        table = batches if batches is not None else pa.table({})
        writer, reader = self.client.do_put(descriptor, table.schema, self.options)
        with writer:
            if batches is not None:
                writer.write_table(table)
            writer.done_writing()
            return reader.read()

    def update(self, sql):
        """Runs a statement through DoPut and returns its row count."""
        reply = self.put("CommandStatementUpdate", query=sql)
        return parse("DoPutUpdateResult", reply.to_pybytes()).record_count

    def action(self, kind, body):
        results = self.client.do_action(pf.Action(kind, body), self.options)
        return [result.body.to_pybytes() for result in results]

    def flight_action(self, kind, request, result):
        """An action of Flight itself, whose body is the bare message."""
        (body,) = self.action(kind, request.SerializeToString())
        return parse(result, body)

    def prepare(self, sql):
        body = as_any("ActionCreatePreparedStatementRequest", query=sql)
        (reply,) = self.action("CreatePreparedStatement", body)
        return unwrap("ActionCreatePreparedStatementResult", reply)

    def close_prepared(self, handle):
        body = as_any("ActionClosePreparedStatementRequest", prepared_statement_handle=handle)
        self.action("ClosePreparedStatement", body)

    def bind(self, handle, table):
        """Binds parameters and returns the handle to go on with."""
        reply = self.put(
            "CommandPreparedStatementQuery", batches=table, prepared_statement_handle=handle
        )
        if reply is None:
            return handle
        new = parse("DoPutPreparedStatementResult", reply.to_pybytes())
        return new.prepared_statement_handle or handle

    def set_options(self, **options):
        request = message("SetSessionOptionsRequest")
        for key, value in options.items():
            option = request.session_options.add(key=key)
            option.value.SetInParent()
            if isinstance(value, bool):
                option.value.bool_value = value
            elif isinstance(value, int):
                option.value.int64_value = value
            elif isinstance(value, str):
                option.value.string_value = value
        result = self.flight_action("SetSessionOptions", request, "SetSessionOptionsResult")
        return {error.key: error.value.value for error in result.errors}

    def get_options(self):
        request = message("GetSessionOptionsRequest")
        result = self.flight_action("GetSessionOptions", request, "GetSessionOptionsResult")
        found = {}
        for option in result.session_options:
            for _, value in option.value.ListFields():
                found[option.key] = value
        return found

    def close_session(self):
        request = message("CloseSessionRequest")
        return self.flight_action("CloseSession", request, "CloseSessionResult").status

    def cancel(self, info):
        request = message("CancelFlightInfoRequest", info=info.serialize())
        return self.flight_action("CancelFlightInfo", request, "CancelFlightInfoResult").status
