"""Who looks, and whether they may act.

There is no session: the cookie holds the API key itself, out of reach of scripts (HttpOnly) and of
other sites (SameSite=Strict), and each request is judged by the key as it is now, so a revoked key
is out at once, and workers share nothing. What changes state is taken only from our own pages: the
form carries a token that is made of the key, and the browser must say that the request is ours.
"""

import hmac
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from domain.failures import Refused, Unavailable

COOKIE = "catalog_key"
_LONGEST_FORM = 64 * 1024
_ID_LENGTH = 12


class RequestRefused(Refused):
    """A request that is not done; the message says why."""

    def __init__(self, reason: str, status: int = 403) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks."""

    name: str | None = None
    """Public part of their key; None for who has none."""
    may_read: bool = False
    may_operate: bool = False
    token: str = ""
    """What their forms carry."""


Admit = Callable[[str, str, str], Awaitable[bool]]
"""(key, scope, address of who sends it) → whether the key has the scope (`read`, `operate`) now."""


@dataclass(frozen=True)
class AccessRules:
    """Who gets in, and how they must ask."""

    admit: Admit
    is_open: bool
    """Who brings no key may look; to act always needs a key with `operate`."""
    is_metrics_open: bool = True
    """/metrics needs no key; otherwise one with `read`."""
    hosts: Collection[str] | None = None
    """Names by which alone the dashboard may be asked; None: by any."""


def address_of(request: Request) -> str:
    """Where a request comes from, as far as it is known."""
    return request.client.host if request.client else ""


async def visitor(request: Request, access: AccessRules) -> Visitor:
    """Judge a request's cookie. Where the dashboard is open, everybody may read."""
    key = request.cookies.get(COOKIE)
    if not key:
        return Visitor(may_read=access.is_open)
    try:
        return await holder(key, access.admit, address_of(request), is_open=access.is_open)
    except Unavailable:
        # Where everybody may look, whoever signed in may as well: above all now.
        if not access.is_open:
            raise
        return Visitor(public_part(key), may_read=True)


async def holder(key: str, admit: Admit, address: str, *, is_open: bool) -> Visitor:
    """Who holds a key."""
    operate = await admit(key, "operate", address)
    read = operate or is_open or await admit(key, "read", address)
    return Visitor(public_part(key), read, operate, token_of(key))


def token_of(key: str) -> str:
    """The token that forms of this key's holder carry."""
    return hmac.new(key.encode(), b"catalog dashboard form", sha256).hexdigest()


def public_part(key: str) -> str:
    """A key's id, which may be shown and logged; the secret behind it may hold a `_` as well."""
    prefix, _, rest = key.partition("_")
    name, cut, _ = rest.partition("_")
    return f"{prefix}_{name}" if prefix == "cat" and cut and len(name) == _ID_LENGTH else "?"


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a posted form. Raises RequestRefused."""
    from_us(request)
    kind = request.headers.get("content-type", "").partition(";")[0]
    if kind != "application/x-www-form-urlencoded":
        raise RequestRefused("only forms of this dashboard are taken", 415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            raise RequestRefused("the form is too long", 413)
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def whole_number(text: object) -> int:
    """A whole number of an address; 0 for none. Raises RequestRefused."""
    try:
        return int(str(text or 0))
    except ValueError:
        raise RequestRefused(f"{text!r} is no number", 400) from None


async def operators_form(request: Request, who: Visitor) -> dict[str, str]:
    """The fields of a form that changes something. Raises RequestRefused."""
    if not who.may_operate:
        raise RequestRefused("this needs an API key with the scope `operate`: sign in")
    form = await form_of(request)
    if not hmac.compare_digest(form.pop("token", ""), who.token):
        raise RequestRefused("the form is not of this sign-in: load the page again")
    return form


def from_us(request: Request) -> None:
    """Raises RequestRefused for a request that another site made the browser send."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None and site != "same-origin":
        raise RequestRefused("requests from other sites are refused")
    if site is None and origin is not None and urlsplit(origin).netloc != request.url.netloc:
        raise RequestRefused("requests from other sites are refused")


def remember(response: Response, request: Request, key: str) -> None:
    """Sign in."""
    response.set_cookie(
        COOKIE, key, httponly=True, samesite="strict", secure=is_https(request), path="/"
    )


def is_https(request: Request) -> bool:
    """Whether the browser speaks TLS, to us or to a proxy before us.

    The browser itself says so (Origin), whatever the proxy passes on; without it the proxy's word
    is taken: who lies about it harms only a cookie of their own.
    """
    forwarded = request.headers.get("x-forwarded-proto", "").split(",")[0].strip()
    standard = request.headers.get("forwarded", "").split(",")[0].replace('"', "").lower()
    return (
        request.url.scheme == "https"
        or request.headers.get("origin", "").startswith("https://")
        or forwarded.lower() == "https"
        or "proto=https" in [part.strip() for part in standard.split(";")]
    )


def forget(response: Response) -> None:
    """Sign out."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
