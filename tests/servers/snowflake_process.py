"""Run by build/fakesnow's Python: fakesnow over HTTP, with three gaps closed. Prints its port when it listens.

Its login lacks what the connector since version 5 insists on, times that are NULL arrive as 1970, and SHOW PRIMARY
KEYS knows no place.
"""

import json
import secrets
import socket

import fakesnow.arrow
import fakesnow.server
import pyarrow as pa
import uvicorn
from starlette.responses import JSONResponse
from starlette.routing import Route

_times = fakesnow.arrow.timestamp_to_sf_struct
_login = fakesnow.server.login_request
PASSWORD = secrets.token_urlsafe(12)


def times_with_nulls(times):
    if isinstance(times, pa.ChunkedArray):
        times = times.combine_chunks()
    if not times.null_count:
        return _times(times)
    filled = _times(times.fill_null(0))
    return pa.StructArray.from_arrays(
        filled.flatten(), fields=list(filled.type), mask=times.is_null()
    )


async def login(request):
    body = await request.body()
    if request.headers.get("content-encoding") == "gzip":
        import gzip

        body = gzip.decompress(body)
    if json.loads(body)["data"].get("PASSWORD") != PASSWORD:
        refused = {"authnMethod": "", "nextAction": None}
        message = "Incorrect username or password was specified."
        return JSONResponse(
            {"data": refused, "code": "390100", "message": message, "success": False}
        )
    answer = json.loads((await _login(request)).body)
    answer["data"].setdefault("masterToken", secrets.token_urlsafe(32))
    answer["data"].update(
        validityInSeconds=3600,
        masterValidityInSeconds=14400,
        sessionId=secrets.randbits(40),
        healthCheckInterval=45,
        displayUserName="APP",
        firstLogin=False,
        remMeToken=None,
        remMeValidityInSeconds=0,
        idToken=None,
        idTokenValidityInSeconds=0,
        mfaToken=None,
        mfaTokenValidityInSeconds=0,
        newClientForUpgrade=None,
        responseData=None,
    )
    answer["data"]["sessionInfo"].update(warehouseName="COMPUTE_WH", roleName="READER")
    return JSONResponse({"message": None, "code": None, **answer})


fakesnow.arrow.timestamp_to_sf_struct = times_with_nulls
routes = fakesnow.server.app.router.routes
for place, route in enumerate(routes):
    if isinstance(route, Route) and route.endpoint is _login:
        routes[place] = Route(route.path, login, methods=["POST"])

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
print(listener.getsockname()[1], PASSWORD, flush=True)
uvicorn.Server(uvicorn.Config(fakesnow.server.app, log_level="warning")).run([listener])
