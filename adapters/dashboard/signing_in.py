"""Signing in with an API key, and out."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from adapters.dashboard.access import (
    address_of,
    forget,
    form_of,
    from_us,
    holder,
    remember,
)
from adapters.dashboard.board import Board
from adapters.dashboard.rendering import local, render


def routes(board: Board) -> list[Route]:
    """The page, and what its forms do."""

    async def page(request: Request) -> Response:
        return _page(board, request)

    async def sign_in(request: Request) -> Response:
        key = (await form_of(request)).get("key", "").strip()
        who = await holder(key, board.access.admit, address_of(request), is_open=False)
        if not who.may_read:
            return _page(board, request, "This key is unknown or revoked.")
        response = RedirectResponse(local(request, "/"), 303)
        remember(response, request, key)
        return response

    async def sign_out(request: Request) -> Response:
        from_us(request)
        response = RedirectResponse(local(request, "/"), 303)
        forget(response)
        return response

    return [
        Route("/sign-in", page),
        Route("/sign-in", sign_in, methods=["POST"]),
        Route("/sign-out", sign_out, methods=["POST"]),
    ]


def _page(board: Board, request: Request, problem: str = "") -> Response:
    return render(
        board,
        request,
        "sign_in.html",
        title="Sign in",
        status=401 if problem else 200,
        problem=problem,
    )
