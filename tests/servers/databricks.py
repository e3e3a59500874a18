"""A Databricks SQL warehouse over DuckDB, speaking the Thrift that the vendor's own client brings along."""

import re
import ssl
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import sqlglot
from databricks.sql.thrift_api.TCLIService import TCLIService
from databricks.sql.thrift_api.TCLIService import ttypes as wire
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TTransport import TMemoryBuffer

CATALOG = "main_catalog"
HTTP_PATH = "/sql/1.0/warehouses/local"
_OK = wire.TStatus(statusCode=wire.TStatusCode.SUCCESS_STATUS)
_DONE = wire.TGetOperationStatusResp(status=_OK, operationState=wire.TOperationState.FINISHED_STATE)
_TYPES = {
    "BIGINT": "BIGINT",
    "INTEGER": "INT",
    "DOUBLE": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "BLOB": "BINARY",
    "TIMESTAMP": "TIMESTAMP_NTZ",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
}
"""DuckDB's word and Databricks'; what is not here is a string, a decimal or an array."""


class DatabricksServer:
    """`database` is what the tables are made in, in the catalog `main_catalog`. `faults` are statuses to answer first.
    With the files of a certificate and its key it speaks TLS.
    """

    token = f"dapi-{uuid.uuid4().hex}"

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        self.database = duckdb.connect()
        self.database.execute(f"ATTACH ':memory:' AS {CATALOG}")
        self.database.execute("SET TimeZone = 'UTC'")
        self.faults: list[int] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "DatabricksServer":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Warehouse:
    """The calls of `TCLIService` that a client makes; names are the protocol's."""

    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        self._database = database
        self._sessions: dict[bytes, duckdb.DuckDBPyConnection] = {}
        self._answers: dict[bytes, list[Any]] = {}

    def OpenSession(self, call: Any) -> Any:
        session = wire.TSessionHandle(sessionId=_handle())
        self._sessions[session.sessionId.guid] = self._database.cursor()
        return wire.TOpenSessionResp(
            status=_OK,
            serverProtocolVersion=wire.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V7,
            sessionHandle=session,
            canUseMultipleCatalogs=True,
            initialNamespace=call.initialNamespace,
        )

    def CloseSession(self, call: Any) -> Any:
        self._sessions.pop(call.sessionHandle.sessionId.guid, None)
        return wire.TCloseSessionResp(status=_OK)

    def ExecuteStatement(self, call: Any) -> Any:
        tree = sqlglot.parse_one(call.statement, read="databricks")
        for table in tree.find_all(sqlglot.exp.Table):
            if table.db == "information_schema":
                table.set("catalog", None)  # DuckDB has one for all its databases
        values = {one.name: one.value.stringValue for one in call.parameters or [] if one.name}
        return self._run(call, wire.TExecuteStatementResp, tree.sql("duckdb"), values)

    def GetTables(self, call: Any) -> Any:
        return self._run(
            call,
            wire.TGetTablesResp,
            'SELECT table_catalog AS "TABLE_CAT", table_schema AS "TABLE_SCHEM", table_name AS "TABLE_NAME", '
            "'TABLE' AS \"TABLE_TYPE\", '' AS \"REMARKS\" FROM information_schema.tables "
            "WHERE table_schema LIKE $schema AND table_name LIKE $table",
            {"schema": call.schemaName or "%", "table": call.tableName or "%"},
        )

    def GetColumns(self, call: Any) -> Any:
        kinds = " ".join(f"WHEN '{ours}' THEN '{theirs}'" for ours, theirs in _TYPES.items())
        return self._run(
            call,
            wire.TGetColumnsResp,
            'SELECT table_catalog AS "TABLE_CAT", table_schema AS "TABLE_SCHEM", table_name AS "TABLE_NAME", '
            f"column_name AS \"COLUMN_NAME\", CASE data_type {kinds} WHEN 'VARCHAR' THEN 'STRING' "
            "ELSE CASE WHEN data_type LIKE '%[]' THEN 'ARRAY<STRING>' ELSE data_type END END AS \"TYPE_NAME\", "
            'ordinal_position AS "ORDINAL_POSITION", is_nullable AS "IS_NULLABLE", \'\' AS "REMARKS" '
            "FROM information_schema.columns WHERE table_schema LIKE $schema AND table_name LIKE $table",
            {"schema": call.schemaName or "%", "table": call.tableName or "%"},
        )

    def _run(self, call: Any, answer: Any, sql: str, values: dict[str, Any]) -> Any:
        operation = wire.TOperationHandle(
            operationId=_handle(),
            operationType=wire.TOperationType.EXECUTE_STATEMENT,
            hasResultSet=True,
        )
        session = self._sessions[call.sessionHandle.sessionId.guid]
        try:
            done = session.execute(sql, values) if values else session.execute(sql)
            types = [str(column[1]) for column in done.description or ()]
            table = done.to_arrow_table()
        except duckdb.Error as error:
            failed = wire.TGetOperationStatusResp(
                status=_OK,
                operationState=wire.TOperationState.ERROR_STATE,
                errorMessage=str(error),
                displayMessage=str(error),
                sqlState="42000",
            )
            direct = wire.TSparkDirectResults(operationStatus=failed)
            return answer(status=_OK, operationHandle=operation, directResults=direct)
        self._answers[operation.operationId.guid] = [table, types, 0]
        direct = None
        if call.getDirectResults:
            direct = wire.TSparkDirectResults(
                operationStatus=_DONE,
                resultSetMetadata=self._metadata(operation),
                resultSet=self._rows(operation, call.getDirectResults.maxRows),
            )
        return answer(status=_OK, operationHandle=operation, directResults=direct)

    def _metadata(self, operation: Any) -> Any:
        table, types, _ = self._answers[operation.operationId.guid]
        columns = [
            wire.TColumnDesc(columnName=name, position=place + 1, typeDesc=_type(kind))
            for place, (name, kind) in enumerate(zip(table.column_names, types, strict=True))
        ]
        return wire.TGetResultSetMetadataResp(
            status=_OK,
            schema=wire.TTableSchema(columns=columns),
            resultFormat=wire.TSparkRowSetType.ARROW_BASED_SET,
            lz4Compressed=False,
            arrowSchema=table.schema.serialize().to_pybytes(),
            isStagingOperation=False,
        )

    def _rows(self, operation: Any, most: int) -> Any:
        answer = self._answers[operation.operationId.guid]
        table, _, place = answer
        part = table.slice(place, most)
        answer[2] += part.num_rows
        batches = [
            wire.TSparkArrowBatch(batch=one.serialize().to_pybytes(), rowCount=one.num_rows)
            for one in part.combine_chunks().to_batches()
        ]
        return wire.TFetchResultsResp(
            status=_OK,
            hasMoreRows=answer[2] < table.num_rows,
            results=wire.TRowSet(startRowOffset=0, rows=[], arrowBatches=batches),
        )

    def GetResultSetMetadata(self, call: Any) -> Any:
        return self._metadata(call.operationHandle)

    def FetchResults(self, call: Any) -> Any:
        found = self._rows(call.operationHandle, call.maxRows)
        if call.includeResultSetMetadata:
            found.resultSetMetadata = self._metadata(call.operationHandle)
        return found

    def GetOperationStatus(self, call: Any) -> Any:
        return _DONE

    def CloseOperation(self, call: Any) -> Any:
        self._answers.pop(call.operationHandle.operationId.guid, None)
        return wire.TCloseOperationResp(status=_OK)

    def CancelOperation(self, call: Any) -> Any:
        return wire.TCancelOperationResp(status=_OK)


def _handle() -> Any:
    return wire.THandleIdentifier(guid=uuid.uuid4().bytes, secret=uuid.uuid4().bytes)


def _type(kind: str) -> Any:
    limits = None
    word = _TYPES.get(kind, "STRING").removesuffix("_NTZ")
    if found := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind):
        word = "DECIMAL"
        limits = wire.TTypeQualifiers(
            {
                "precision": wire.TTypeQualifierValue(i32Value=int(found[1])),
                "scale": wire.TTypeQualifierValue(i32Value=int(found[2])),
            }
        )
    entry = wire.TPrimitiveTypeEntry(
        type=wire.TTypeId._NAMES_TO_VALUES[f"{word}_TYPE"], typeQualifiers=limits
    )
    return wire.TTypeDesc(types=[wire.TTypeEntry(primitiveEntry=entry)])


def _handler(server: DatabricksServer) -> type[BaseHTTPRequestHandler]:
    processor = TCLIService.Processor(_Warehouse(server.database))
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize, disable_nagle_algorithm = -1, True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Authorization") != f"Bearer {server.token}":
                return self._answer(401)
            if server.faults:
                return self._answer(server.faults.pop(0))
            out = TMemoryBuffer()
            with lock:
                processor.process(TBinaryProtocol(TMemoryBuffer(body)), TBinaryProtocol(out))
            return self._answer(200, out.getvalue())

        def _answer(self, status: int, body: bytes = b"") -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/x-thrift")
            self.send_header("Content-Length", str(len(body)))
            if status in (429, 503):
                self.send_header("Retry-After", "1")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *values: Any) -> None: ...

    return Handler
