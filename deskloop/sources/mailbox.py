"""A connection to an IMAP server that comes back when it drops. Knows nothing about journals.

Passwords go over TLS alone, but to this machine.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Sequence
from typing import Any, Self, TypeVar

from deskloop.errors import BadInput, TransientError
from deskloop.origins import ImapSource
from deskloop.sources.client import is_this_machine
from deskloop.sources.retry import patient

_SECONDS = 60.0
# RFC 5530: response codes of a refusal that may pass
_PASSING = ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]", "[CONTACTADMIN]")

T = TypeVar("T")


class Mailbox:
    """The folders of one account, read-only. Raises BadInput for what a person must mend, else TransientError."""

    def __init__(self, source: ImapSource) -> None:
        if source.tls == "none" and not is_this_machine(source.host):
            raise BadInput(
                f"source {source.name}: a password is not sent to {source.host} without TLS; use `tls: tls`"
            )
        self._source = source
        self._client: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()

    def listed(self, folder: str) -> tuple[int, list[int]]:
        """UIDVALIDITY of a folder and the UIDs of its messages, those marked as deleted left out."""
        return self._patient(lambda client: (_select(client, folder), list(client.search("UNDELETED"))))

    def messages(self, folder: str, validity: int, uids: Sequence[int], most: int) -> dict[int, tuple[bytes, bool]]:
        """By UID the message and whether it is whole; of one larger than `most` bytes only the header."""

        def fetch(client: Any) -> dict[int, tuple[bytes, bool]]:
            if _select(client, folder) != validity:
                raise TransientError(f"source {self._source.name}: {folder} was numbered anew while it was read")
            sizes = client.fetch(uids, ["RFC822.SIZE"])
            small = [uid for uid, found in sizes.items() if found[b"RFC822.SIZE"] <= most]
            large = [uid for uid in sizes if uid not in set(small)]
            whole = client.fetch(small, ["BODY.PEEK[]"]) if small else {}
            heads = client.fetch(large, ["BODY.PEEK[HEADER]"]) if large else {}
            # a message can go between two commands: then it has no body and is no longer there
            return {uid: (found[b"BODY[]"], True) for uid, found in sorted(whole.items()) if b"BODY[]" in found} | {
                uid: (found[b"BODY[HEADER]"], False) for uid, found in heads.items() if b"BODY[HEADER]" in found
            }

        return self._patient(fetch)

    def _patient(self, action: Callable[[Any], T]) -> T:
        return patient(lambda: self._once(action))

    def _once(self, action: Callable[[Any], T]) -> T:
        from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

        try:
            self._client = self._client or self._connected()
            return action(self._client)
        except ssl.SSLCertVerificationError as error:
            raise BadInput(
                f"source {self._source.name}: the certificate of {self._source.host} is not trusted "
                f"({error.verify_message}); set `certificate` to that of its authority"
            ) from None
        except (IMAPClientAbortError, OSError, EOFError) as error:
            self._drop()
            raise TransientError(
                f"source {self._source.name}: {self._source.host} is not reachable ({type(error).__name__})"
            ) from None
        except IMAPClientError as error:
            self._drop()
            raise self._told(str(error)) from None

    def _connected(self) -> Any:
        from imapclient import IMAPClient
        from imapclient.exceptions import LoginError

        source = self._source
        context = ssl.create_default_context(cafile=str(source.certificate) if source.certificate else None)
        port = source.port or (993 if source.tls == "tls" else 143)
        client = IMAPClient(
            source.host, port, ssl=source.tls == "tls", ssl_context=context if source.tls == "tls" else None,
            timeout=_SECONDS,
        )  # fmt: skip
        try:
            if source.tls == "starttls":
                client.starttls(context)
            client.login(source.user, source.password.get_secret_value())
        except LoginError as error:
            with contextlib.suppress(Exception):
                client.shutdown()
            raise self._told(str(error), login=True) from None
        except BaseException:
            with contextlib.suppress(Exception):
                client.shutdown()
            raise
        return client

    def _told(self, reason: str, login: bool = False) -> Exception:
        name, host = self._source.name, self._source.host
        if any(code in reason.upper() for code in _PASSING):
            return TransientError(f"source {name}: {host} is busy")
        if login:
            return BadInput(
                f"source {name}: {host} refused {self._source.user}; check `user`, and put a valid password (often "
                "one for this application alone) into the variable that `password` names"
            )
        return BadInput(f"source {name}: {host} answered: {reason[:120]}; check `folders`")

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):
                client.logout()


def _select(client: Any, folder: str) -> int:
    """Open a folder for reading. Returns its UIDVALIDITY."""
    return int(client.select_folder(folder, readonly=True)[b"UIDVALIDITY"])
