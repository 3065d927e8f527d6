"""The service over HTTP, as openapi.yaml says: each provider below its own identifier."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .contract import AnalysisRequest, ReportRequest
from .errors import ServiceError
from .sr import write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.requests import Request

    from .archive import Archive
    from .service import Installed, Service

BODY_BYTES = 4 * 1024**2
LOOK_EVERY_SECONDS = 1.0
T = TypeVar("T")
S = TypeVar("S", bound=BaseModel)

log = logging.getLogger("orthancgen_analysis")


def problem(status: int, detail: str, errors: list[dict[str, str]] | None = None) -> Response:
    """An error answer (RFC 9457)."""
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors:
        content["errors"] = errors
    headers = {"www-authenticate": "Bearer"} if status == 401 else {}
    if status == 503:
        headers["retry-after"] = "10"
    return JSONResponse(content, status, headers, "application/problem+json")


class _RefusedRequestError(Exception):
    """A request which is not answered."""

    def __init__(self, status: int, detail: str, errors: list[dict[str, str]] | None = None) -> None:
        super().__init__(detail)
        self.answer = problem(status, detail, errors)


def create_app(token: str, providers: dict[str, Installed], service: Service, archive: Archive) -> Starlette:
    """Makes the application."""
    wanted = hashlib.sha256(token.encode()).digest()

    def guarded(handler: Callable[[Request, Installed], Awaitable[Response]]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            scheme, _, shown = request.headers.get("authorization", "").partition(" ")
            given = hashlib.sha256(shown.strip().encode("utf-8", "replace")).digest()
            if not hmac.compare_digest(given, wanted) or scheme.lower() != "bearer":
                return problem(401, "send the provider's token: Authorization: Bearer TOKEN")
            it = providers.get(request.path_params["provider"])
            if it is None:
                return problem(404, "there is no such provider here")
            try:
                return await handler(request, it)
            except _RefusedRequestError as error:
                return error.answer
            except ServiceError as error:
                log.info("%s: not done: %s", it.provider.id, type(error).__name__)
                return problem(error.status, str(error))

        return endpoint

    async def about(_request: Request, it: Installed) -> Response:
        return JSONResponse(it.provider.model_dump(mode="json"))

    async def analyse(request: Request, it: Installed) -> Response:
        wish = await _body(request, AnalysisRequest)
        result = await _while_heard(request, service.analyse(it, wish))
        log.info("%s: done in %s s", it.provider.id, result.provenance.duration_seconds)
        return JSONResponse(result.model_dump(mode="json"))

    async def report(request: Request, it: Installed) -> Response:
        wish = await _body(request, ReportRequest)
        if wish.analysis.provenance.provider != it.provider.id:
            return problem(422, "the result is of another provider")
        metadata = await service.metadata(wish.request)
        content = await run_in_threadpool(write, wish, it.provider, metadata)
        return Response(content, media_type="application/dicom")

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"alive": True, "providers": sorted(providers)})

    async def failed(_request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return problem(status, "there is nothing at this address" if status == 404 else "the request is not valid")

    async def crashed(_request: Request, error: Exception) -> Response:
        log.error("unexpected %s", type(error).__name__)
        return problem(500, "an error in the service; its log says more")

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await archive.close()

    return Starlette(
        routes=[
            Route("/healthz", healthz, methods=["GET"]),
            Route("/{provider}/v1/provider", guarded(about), methods=["GET"]),
            Route("/{provider}/v1/analyses", guarded(analyse), methods=["POST"]),
            Route("/{provider}/v1/reports/sr", guarded(report), methods=["POST"]),
        ],
        exception_handlers={HTTPException: failed, Exception: crashed},
        lifespan=lifespan,
    )


async def _body(request: Request, shape: type[S]) -> S:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise _RefusedRequestError(415, "the body must be application/json")
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > BODY_BYTES:
            raise _RefusedRequestError(413, "the body is too long")
    try:
        json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _RefusedRequestError(400, "the body is not JSON") from error
    try:
        return shape.model_validate_json(bytes(content))
    except ValidationError as error:
        places = [
            {"where": ".".join(map(str, it["loc"])) or "body", "what": it["msg"]}
            for it in error.errors(include_input=False, include_url=False)[:20]
        ]
        raise _RefusedRequestError(400, "the request is not valid", places) from error


async def _while_heard(request: Request, work: Awaitable[T]) -> T:
    """The work's result; where the caller hangs up, the work ends."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=LOOK_EVERY_SECONDS))[0]:
            if await request.is_disconnected():
                break
    finally:
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    if task.cancelled():
        raise _RefusedRequestError(503, "nobody waits for the answer any more")
    return task.result()
