"""A mailbox on a real IMAP server (Dovecot): incremental by UID, deletions followed, the password kept."""

import grp
import logging
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import pytest

from deskloop import ingest, sources
from deskloop.errors import BadInput, TransientError
from deskloop.origins import ImapSource
from deskloop.settings import Settings

PASSWORD = "pass-5ecret"
CONFIG = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail/%u
mail_fsync = never
first_valid_uid = 1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {login}
auth_failure_delay = 0 secs
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={mail} gid={mail_group} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {tls}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""

pytestmark = pytest.mark.imap


@dataclass
class Server:
    """A running Dovecot: its ports, its certificate, and mailboxes that tests fill."""

    folder: Path
    plain: int
    tls: int
    boxes: int = field(default=0)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def dovecot(tether):
    binary = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin")
    if not binary:
        pytest.skip("no Dovecot on this machine; Debian's package is `dovecot-imapd`")
    folder = Path(tempfile.mkdtemp(prefix="deskloop-imap-"))
    folder.chmod(0o755)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    server = Server(folder, free_port(), free_port())
    root = os.geteuid() == 0
    me = pwd.getpwuid(os.geteuid())
    mine = me.pw_name, grp.getgrgid(me.pw_gid).gr_name
    user, group = ("dovecot", "dovecot") if root else mine
    mail = pwd.getpwnam("nobody") if root else me
    (folder / "mail").mkdir()
    os.chown(folder / "mail", mail.pw_uid, mail.pw_gid)
    (folder / "dovecot.conf").write_text(
        CONFIG.format(
            folder=folder, user=user, group=group, login="dovenull" if root else user, mail=mail.pw_uid,
            mail_group=mail.pw_gid, password=PASSWORD, plain=server.plain, tls=server.tls,
        )
    )  # fmt: skip
    process = subprocess.Popen([binary, "-F", "-c", folder / "dovecot.conf"], stderr=subprocess.DEVNULL)
    tether.hold(process.pid)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if process.poll() is None and probe.connect_ex(("127.0.0.1", server.tls)) == 0:
                    break
            time.sleep(0.05)
        else:
            pytest.fail(f"Dovecot did not start: {(folder / 'log').read_text() if (folder / 'log').exists() else ''}")
        yield server
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def source(dovecot):
    """A mailbox of this test's own."""
    dovecot.boxes += 1
    return ImapSource(
        kind="imap", name="desk", host="localhost", port=dovecot.tls, user=f"user{dovecot.boxes}", password=PASSWORD,
        certificate=dovecot.folder / "cert.pem", folders=("INBOX", "Sent"), own_addresses=("help@desk.example",),
    )  # fmt: skip


@pytest.fixture
def box(source, dovecot):
    """Another client of the same mailbox, that writes."""
    from imapclient import IMAPClient

    client = IMAPClient("127.0.0.1", dovecot.plain, ssl=False)
    client.login(source.user, PASSWORD)
    client.create_folder("Sent")
    yield client
    client.logout()


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home")


def mail(number, reply=False, body=""):
    message = EmailMessage()
    ours, theirs = "help@desk.example", f"ann{number}@mail.example"
    message["From"], message["To"] = (ours, theirs) if reply else (theirs, ours)
    message["Subject"] = f"{'Re: ' * reply}Parcel {number}"
    message["Message-ID"] = f"<{number}{'r' * reply}@x.example>"
    message["Date"] = f"Mon, 05 Jan 2026 {10 + reply:02}:00:00 +0000"
    if reply:
        message["In-Reply-To"] = f"<{number}@x.example>"
    message.set_content(body or ("It is on its way." if reply else f"Where is my parcel number {number}, please?"))
    return message


def put(box, folder, *messages):
    for message in messages:
        box.append(folder, bytes(message))


def openings(batch):
    return sorted(c.turns[0].text.split("\n\n")[-1].strip() for c in batch.conversations)


def asked(*numbers):
    return [f"Where is my parcel number {n}, please?" for n in numbers]


def test_question_and_reply_of_two_folders_are_one_conversation(source, box, settings):
    put(box, "INBOX", mail(1), mail(2))
    put(box, "Sent", mail(1, reply=True))
    batch = sources.read(source, settings)
    assert openings(batch) == asked(1, 2)
    assert sorted([t.role for t in c.turns] for c in batch.conversations) == [["customer"], ["customer", "agent"]]
    assert {c.lineage.locator.split("/")[0] for c in batch.conversations} == {"INBOX"}
    box.select_folder("INBOX", readonly=True)
    assert box.search("UNSEEN")  # reading marks nothing as seen


def test_only_new_messages_are_fetched_and_deleted_ones_go(source, box, settings, caplog):
    put(box, "INBOX", *(mail(n) for n in range(1, 5)))
    before = sources.fingerprint(source, settings)
    assert openings(sources.read(source, settings)) == asked(1, 2, 3, 4)
    assert sources.fingerprint(source, settings) == before
    box.select_folder("INBOX")
    box.delete_messages([2])
    box.expunge()
    box.delete_messages([3])  # marked, and not yet removed
    put(box, "INBOX", mail(5))
    caplog.set_level(logging.DEBUG, "imapclient")
    assert sources.fingerprint(source, settings) != before
    fetched = [r.getMessage() for r in caplog.records if "FETCH" in r.getMessage() and "BODY.PEEK" in r.getMessage()]
    assert len(fetched) == 1
    assert openings(sources.read(source, settings)) == asked(1, 4, 5)


def test_a_folder_that_was_numbered_anew_is_read_anew(source, box, settings):
    put(box, "Sent", mail(1), mail(2))
    sources.read(source, settings)
    box.delete_folder("Sent")
    time.sleep(1.1)  # Dovecot takes UIDVALIDITY from the clock, in seconds
    box.create_folder("Sent")
    put(box, "Sent", mail(3))
    assert openings(sources.read(source, settings)) == asked(3)


def test_a_second_read_is_what_a_first_one_would_be(source, box, settings, tmp_path):
    put(box, "INBOX", *(mail(n) for n in range(120)))
    sources.read(source, settings)
    put(box, "INBOX", mail(200))
    fresh = sources.read(source, Settings(home=tmp_path / "other"))
    assert openings(sources.read(source, settings)) == openings(fresh)
    assert len(fresh.conversations) == 121


def test_attachments_of_large_messages_are_listed_and_not_kept(source, box, settings, tmp_path):
    large = mail(1)
    large.add_attachment(os.urandom(300_000), maintype="image", subtype="png", filename="crack.png")
    put(box, "INBOX", large)
    assert openings(sources.read(source, settings)) == asked(1)
    (kept,) = (path.read_text() for path in tmp_path.rglob("segment-*.jsonl"))
    assert len(kept) < 5000
    assert "crack.png" in kept


@pytest.mark.parametrize("tls", ["starttls", "none"])
def test_other_ways_to_connect(tls, source, box, settings, dovecot):
    put(box, "INBOX", mail(1))
    other = source.model_copy(update={"tls": tls, "port": dovecot.plain})
    assert openings(sources.read(other, settings)) == asked(1)


def test_a_password_is_not_sent_in_the_clear(source, settings):
    open_line = source.model_copy(update={"tls": "none", "host": "mail.example"})
    with pytest.raises(BadInput, match=r"not sent to mail\.example without TLS"):
        sources.read(open_line, settings)


def test_an_unknown_certificate_is_refused(source, settings):
    with pytest.raises(BadInput, match="certificate of localhost is not trusted"):
        sources.read(source.model_copy(update={"certificate": None}), settings)


def test_a_wrong_password_or_folder_is_one_clear_line(source, box, settings):
    wrong = source.model_copy(update={"password": type(source.password)("other-5ecret")})
    with pytest.raises(BadInput, match=r"^source desk: localhost refused user\d+; check `user`") as told:
        sources.read(wrong, settings)
    assert "5ecret" not in str(told.value)
    with pytest.raises(BadInput, match="check `folders`"):
        sources.read(source.model_copy(update={"folders": ("Nowhere",)}), settings)


def test_a_server_that_is_away_may_come_back(source, settings):
    with pytest.raises(TransientError, match="localhost is not reachable"):
        sources.read(source.model_copy(update={"port": free_port()}), settings)


def test_the_password_shows_nowhere(source, box, settings, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    put(box, "INBOX", mail(1))
    everything = settings.model_copy(update={"sources": (source,)})
    said = [sources.fingerprint(source, everything), repr(sources.read(source, everything)), repr(everything),
            everything.model_dump_json(), caplog.text]  # fmt: skip
    said += [path.read_text("utf-8", "replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert not [text for text in said if PASSWORD in text]


def test_a_dry_run_shows_what_would_be_taken_and_writes_nothing(source, box, settings, tmp_path):
    put(box, "INBOX", mail(1), mail(2))
    shown = ingest.preview(settings.model_copy(update={"sources": (source,)}))
    assert shown["sources"][0]["conversations"] == len(shown["samples"]) == 2
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
