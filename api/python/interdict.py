"""Client of Interdict, the screening of addresses. One module; it needs Python 3.9 or later and nothing else.

    client = interdict.Client("https://interdict.internal:8080", key)
    decision = client.check(address, direction="withdrawal", network="ethereum", reference="wd-8842")
    if not decision.allowed:
        hold(transfer, decision.action, decision.error)

A decision holds the transfer unless the service gave a complete answer to this very question that says that no list has
the address. check and check_all return decisions and raise nothing for a failure of the service or the network: a
caller that forgets to handle an error holds the transfer. A decision has no truth value: ``if decision:`` raises.
Addresses are sent as they are given: never change their letters.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence
from urllib.parse import quote, urlencode, urlsplit

__all__ = ["Answer", "Check", "Client", "Decision", "Error", "HOLD", "MAX_BATCH"]

HOLD = "hold"
"""The action of a decision without an answer: do not credit, do not send, ask again."""

MAX_BATCH = 1000
"""How many checks one request holds; check_all sends several if there are more."""

_MAX_ANSWER = 64 << 20
_ACTIONS = {"allow", "review", "freeze", "reject"}
_REPEATED = {429, 502, 503, 504}


class Error(Exception):
    """Why there is no answer.

    status is that of the answer, 0 if there was none. code is stable ("invalid_address", "stale", "not_loaded" …), ""
    if the answer is not one of Interdict. possible_match says that the address may be listed; would_match that only
    its letter case is wrong, and the address in its right case is listed.
    """

    def __init__(self, message: str, status: int = 0, problem: Optional[Mapping[str, Any]] = None, retry_after: float = 0.0) -> None:
        super().__init__(message)
        problem = problem or {}
        self.status = status
        self.code = str(problem.get("code", ""))
        self.reason = str(problem.get("reason", ""))
        self.networks: List[str] = list(problem.get("networks") or [])
        self.would_match = problem.get("would_match") is True
        self.possible_match = problem.get("possible_match") is True
        self.retry_after = retry_after


@dataclass(frozen=True)
class Check:
    """One address of a transfer. direction is "deposit" or "withdrawal"."""

    address: str
    direction: str
    network: Optional[str] = None
    asset: Optional[str] = None
    reference: Optional[str] = None
    customer: Optional[str] = None

    def _body(self) -> Dict[str, str]:
        return {k: v for k, v in vars(self).items() if v is not None}


@dataclass(frozen=True)
class Answer:
    """The answer to a check. raw is all of it, as the service sent it."""

    check_id: str
    result: str
    action: str
    matches: List[Dict[str, Any]]
    screened: Dict[str, Any]
    raw: Dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Decision:
    """The outcome of a check. A decision without an answer holds the transfer."""

    answer: Optional[Answer] = None
    error: Optional[Error] = None

    @property
    def allowed(self) -> bool:
        """Whether the transfer may go on: the address was understood, and no fresh list has it."""
        a = self.answer
        return (
            self.error is None and a is not None and a.result == "miss" and a.action == "allow" and a.matches == []
            and a.screened["generation"] > 0 and a.screened["listings"] > 0
        )

    @property
    def action(self) -> str:
        """What to do: "allow", "review", "freeze" or "reject", or "hold" without an answer."""
        if self.allowed:
            return "allow"
        if self.error is not None or self.answer is None or self.answer.result != "hit":
            return HOLD
        return self.answer.action

    def __bool__(self) -> bool:
        raise TypeError("a decision has no truth value: use decision.allowed")


class Client:
    """Asks one Interdict service. It may be shared by threads; each has its own connection.

    timeout is how many seconds one attempt may take, retries how often a check is asked again after a failed
    connection, 429, 502, 503 or 504. context is for a private authority or a client certificate.
    """

    def __init__(self, base: str, key: str, *, timeout: float = 2.0, retries: int = 1, context: Optional[ssl.SSLContext] = None) -> None:
        url = urlsplit(base)
        if url.scheme not in ("http", "https") or not url.hostname or url.username or url.query or url.fragment:
            raise ValueError("base must be an http or https URL without user, query and fragment")
        self._url, self._prefix, self._key = url, url.path.rstrip("/"), key
        self._timeout, self._retries, self._context = timeout, retries, context
        self._local = threading.local()

    def __repr__(self) -> str:
        return f"Client({self._url.scheme}://{self._url.netloc})"  # without the key

    def close(self) -> None:
        """Closes the connection of this thread."""
        if getattr(self._local, "connection", None) is not None:
            self._drop()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def check(self, address: str, *, direction: str, network: Optional[str] = None, asset: Optional[str] = None,
              reference: Optional[str] = None, customer: Optional[str] = None) -> Decision:
        """Screens one address of a transfer."""
        check = Check(address, direction, network, asset, reference, customer)
        try:
            return Decision(_read(self._send("POST", "/v1/check", check._body()), check.address, check.direction))
        except Error as e:
            return Decision(error=e)

    def check_all(self, checks: Sequence[Check]) -> List[Decision]:
        """Screens many addresses. Decision i is for check i; one that fails does not fail the others."""
        out: List[Decision] = []
        for i in range(0, len(checks), MAX_BATCH):
            out += self._check_batch(checks[i:i + MAX_BATCH])
        return out

    def _check_batch(self, checks: Sequence[Check]) -> List[Decision]:
        try:
            body = self._send("POST", "/v1/checks", {"checks": [c._body() for c in checks]})
            results = body.get("results") if isinstance(body, dict) else None
            if not isinstance(results, list) or len(results) != len(checks):
                raise Error("the service did not answer each check")
        except Error as e:
            return [Decision(error=e) for _ in checks]
        out = []
        for check, item in zip(checks, results):
            try:
                if isinstance(item, dict) and "error" in item:
                    raise _problem(item["error"])
                out.append(Decision(_read(item, check.address, check.direction)))
            except Error as e:
                out.append(Decision(error=e))
        return out

    def look_up(self, address: str, network: Optional[str] = None) -> Answer:
        """Screens an address without a transfer: the answer has no action, and allows nothing. It raises Error."""
        query = "?" + urlencode({"network": network}) if network else ""
        return _read(self._send("GET", "/v1/addresses/" + quote(address, safe="") + query), address, "")

    def _send(self, method: str, path: str, body: Optional[Mapping[str, Any]] = None) -> Any:
        for attempt in range(self._retries + 1):
            try:
                return self._once(method, path, body)
            except Error as e:
                if attempt == self._retries or e.status and e.status not in _REPEATED or e.retry_after > self._timeout:
                    raise
                time.sleep(max(e.retry_after, 0.05 * (attempt + 1)))
        raise AssertionError("unreachable")

    def _once(self, method: str, path: str, body: Optional[Mapping[str, Any]]) -> Any:
        headers = {"Authorization": "Bearer " + self._key, "Accept": "application/json"}
        data = None
        if body is not None:
            headers["Content-Type"], data = "application/json", json.dumps(body).encode()
        connection = self._connection()
        try:
            connection.request(method, self._prefix + path, data, headers)
            response = connection.getresponse()
            text = response.read(_MAX_ANSWER + 1)
        except (OSError, http.client.HTTPException) as e:
            self._drop()
            raise Error("the service cannot be reached: " + type(e).__name__) from None  # the error may show the request
        if len(text) > _MAX_ANSWER:
            self._drop()
            raise Error("the answer is too large", response.status)
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if response.status // 100 != 2:
            after = response.headers.get("Retry-After") or ""
            raise _problem(value, response.status, float(after) if after.isdecimal() else 0.0)
        if value is None:
            raise Error("the answer is not JSON: is this the address of Interdict?", response.status)
        return value

    def _connection(self) -> http.client.HTTPConnection:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            host, port = self._url.hostname or "", self._url.port
            if self._url.scheme == "https":
                connection = http.client.HTTPSConnection(host, port, timeout=self._timeout, context=self._context)
            else:
                connection = http.client.HTTPConnection(host, port, timeout=self._timeout)
            self._local.connection = connection
        return connection

    def _drop(self) -> None:
        self._local.connection.close()
        self._local.connection = None


def _problem(value: Any, status: int = 0, retry_after: float = 0.0) -> Error:
    if not isinstance(value, dict) or not isinstance(value.get("code"), str):
        return Error(f"the service answered {status}, which is not an error of Interdict", status, None, retry_after)
    message = ": ".join(str(value[k]) for k in ("code", "reason", "detail") if value.get(k))
    number = value.get("status")
    return Error(message, status or (number if isinstance(number, int) else 0), value, retry_after)


def _read(value: Any, address: str, direction: str) -> Answer:
    """Reads an answer. Anything but a complete answer to this very question is an error."""

    def need(ok: bool, why: str) -> None:
        if not ok:
            raise Error("the answer is not an answer to this check: " + why)

    need(isinstance(value, dict), "it is not an object")
    asked, screened, matches = value.get("address"), value.get("screened"), value.get("matches")
    result, action = value.get("result"), value.get("action", "")
    need(result in ("hit", "miss"), "its result is neither hit nor miss")
    need(isinstance(value.get("check_id"), str) and len(value["check_id"]) == 36, "it has no check_id")
    need(isinstance(asked, dict) and asked.get("input") == address and bool(asked.get("canonical")) and value.get("direction", "") == direction,
         "it is about another address or direction")
    need(isinstance(screened, dict) and all(isinstance(screened.get(k), int) and screened[k] > 0 for k in ("generation", "lists", "listings")),
         "it does not say what was screened")
    need(isinstance(matches, list) and (result == "hit") == (len(matches) > 0), "its matches contradict its result")
    allowed = {""} if direction == "" else _ACTIONS if result == "hit" else {"allow"}
    need(action in allowed, "its action contradicts its result")
    return Answer(value["check_id"], result, action, matches, screened, value)
