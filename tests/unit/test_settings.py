"""The configuration: what is read, what wins, and one clear line for what is wrong."""

from pathlib import Path

import pytest

from deskloop.errors import BadInput
from deskloop.origins import MailSource, SqlSource
from deskloop.settings import Settings, load

MAIL = "sources:\n  - {kind: mail, name: inbox, path: mail.mbox}\n"


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Writes a configuration file and returns its path."""
    monkeypatch.delenv("DESKLOOP_CONFIG", raising=False)

    def write(text: str) -> Path:
        path = tmp_path / "deskloop.yaml"
        path.write_text(text, "utf-8")
        return path

    return write


def test_without_a_file_everything_has_a_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DESKLOOP_CONFIG", raising=False)
    settings = load()
    assert settings.home == tmp_path / ".deskloop"
    assert settings.sources == ()


def test_variables_win_over_the_file_and_leave_its_other_keys(config, monkeypatch):
    path = config("effort: standard\nserve: {host: 0.0.0.0, port: 9000}\n")
    monkeypatch.setenv("DESKLOOP_SERVE__PORT", "9001")
    settings = load(path)
    assert (settings.effort, settings.serve.host, settings.serve.port) == ("standard", "0.0.0.0", 9001)


def test_relative_paths_start_from_the_files_folder(config, tmp_path):
    settings = load(
        config(
            MAIL
            + "  - {kind: sql, name: db, url: 'sqlite:///shop.db', query: select 1}\ndatabase_url: sqlite:///d.db\n"
        )
    )
    mail, sql = settings.sources
    assert isinstance(mail, MailSource) and mail.path == tmp_path / "mail.mbox"
    assert isinstance(sql, SqlSource) and sql.url == f"sqlite:///{tmp_path / 'shop.db'}"
    assert settings.database == f"sqlite:///{tmp_path / 'd.db'}"


def test_absolute_home_and_foreign_database_urls_stay(config, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    settings = load(config("home: ~/desk\ndatabase_url: postgresql://desk@db/desk\nstore_url: s3://bucket/desk\n"))
    assert settings.home == tmp_path / "me" / "desk"
    assert settings.database == "postgresql://desk@db/desk"
    assert settings.store_root == "s3://bucket/desk"


def test_a_variable_in_a_value_is_filled_in_and_in_a_comment_is_not_asked_for(config, monkeypatch):
    monkeypatch.setenv("SHOP", "Tea: # and more")
    monkeypatch.setenv("PORT", "8000")
    settings = load(config("# ${NOT_SET} here\nshop: {name: '${SHOP}'}\nserve: {port: '${PORT}'}\n"))
    assert settings.shop.name == "Tea: # and more"
    assert settings.serve.port == 8000


def test_the_template_that_init_writes_is_a_valid_configuration(config):
    import deskloop

    text = Path(deskloop.__file__).with_name("template.yaml").read_text("utf-8")
    assert load(config(text)).effort == "quick"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("effort: huge\n", "effort: Input should be 'quick', 'standard' or 'thorough', got 'huge'"),
        ("efort: quick\n", "efort is no setting"),
        ("serve: {prot: 80}\n", "serve.prot is no setting"),
        ("1: 2\n", "1 is no setting"),
        ("serve: {port: 0}\n", "got 0"),
        ("- a\n- b\n", "must be a mapping of settings, got list"),
        ("effort: [\n", "is not YAML"),
        ("shop: {name: '${NOT_SET}'}\n", "uses ${NOT_SET}, which is not set"),
        (MAIL + "  - {kind: mail, name: inbox, path: b}\n", "unique names, got twice: inbox"),
        ("sources: [{kind: pigeon, name: a}]\n", "sources.0: Input tag 'pigeon'"),
        (MAIL + "  - {kind: synthetic, name: more, grow: nowhere}\n", "grows 'nowhere', which is not a source"),
        ("monitor: {window: 60}\n", "min_window 80 is above window 60"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(config, text, said):
    with pytest.raises(BadInput) as error:
        load(config(text))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_named_file_that_is_missing_is_an_error(tmp_path):
    with pytest.raises(BadInput, match=r"none\.yaml does not exist; `deskloop init` writes one"):
        load(tmp_path / "none.yaml")


def test_a_variable_that_cannot_be_read_is_told_in_one_line(config, monkeypatch):
    monkeypatch.setenv("DESKLOOP_SERVE", "port=8000")
    with pytest.raises(BadInput, match="DESKLOOP_"):
        load(config("effort: quick\n"))


def test_a_secret_is_never_told_or_shown(config):
    with pytest.raises(BadInput) as error:
        load(config("serve: {desk_token: 12345}\n"))
    assert "12345" not in str(error.value)
    assert "hunter2" not in repr(load(config("serve: {desk_token: hunter2}\n")))


def test_tracking_can_be_turned_off():
    assert Settings(tracking_uri="none").tracking is None
    assert str(Settings(home=Path("h")).tracking) == "sqlite:///h/mlflow.db"


@pytest.mark.parametrize(
    ("languages", "says"),
    [("{english: keep}", "no language code"), ("{en: route}", "no language is kept"), ("{en: answer}", "keep")],
)
def test_a_language_policy_that_means_nothing_is_told_in_one_line(tmp_path, languages, says):
    path = tmp_path / "deskloop.yaml"
    path.write_text(f"shop: {{languages: {languages}}}")
    with pytest.raises(BadInput, match=says) as error:
        load(path)
    assert "\n" not in str(error.value)
