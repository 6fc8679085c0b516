"""One typed configuration from `deskloop.yaml` and `DESKLOOP_*` variables; passed in, never global.

Variables win over the file: `DESKLOOP_EFFORT=standard`, `DESKLOOP_SERVE__PORT=9000`. `${NAME}` in a value of
the file is replaced by the environment's value.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from deskloop.configfile import anchored_sqlite, below, read, told
from deskloop.errors import BadInput
from deskloop.origins import (
    AnySource,
    FilesSource,
    HelpdeskSource,
    ImapSource,
    MailSource,
    SqlSource,
    SyntheticSource,
)
from deskloop.sections import (
    Backtest,
    Compute,
    Effort,
    Features,
    Gate,
    Intents,
    Model,
    Monitor,
    Preprocess,
    Serve,
    Shop,
)

NO_SOURCE = "no source is named in the config; add one to `sources:`, as the examples that `deskloop init` writes"


class Settings(BaseSettings):
    """Everything that can be configured."""

    model_config = SettingsConfigDict(env_prefix="DESKLOOP_", env_nested_delimiter="__", extra="forbid", frozen=True)

    home: Path = Field(Path(".deskloop"), description="Where everything that Deskloop makes is kept.")
    models: Path | None = Field(None, description="Fetched models; `models/` in the home folder if unset.")
    store_url: str | None = Field(
        None, description="Object store (fsspec URL); `store/` in the home folder if unset."
    )
    database_url: str | None = Field(None, description="SQLAlchemy URL; SQLite in the home folder if unset.")
    tracking_uri: str | None = Field(None, description="MLflow; SQLite in the home folder if unset, `none` for off.")
    prefect_port: int = Field(4200, ge=1, le=65535)
    effort: Effort = "quick"
    shop: Shop = Shop()
    sources: tuple[AnySource, ...] = ()
    preprocess: Preprocess = Preprocess()
    compute: Compute = Compute()
    features: Features = Features()
    intents: Intents = Intents()
    model: Model = Model()
    gate: Gate = Gate()
    backtest: Backtest = Backtest()
    serve: Serve = Serve()
    monitor: Monitor = Monitor()

    @property
    def models_dir(self) -> Path:
        """Folder of the fetched models."""
        return self.models or self.home / "models"

    @property
    def store_root(self) -> str:
        """Root of the object store."""
        return self.store_url or str(self.home / "store")

    @property
    def raw_root(self) -> str:
        """Root of the store of raw batches, for its owner alone."""
        return f"{self.store_url.rstrip('/')}/raw" if self.store_url else str(self.home / "raw" / "_batches")

    @property
    def database(self) -> str:
        """SQLAlchemy URL of releases and traffic."""
        return self.database_url or f"sqlite:///{self.home / 'deskloop.db'}"

    @property
    def tracking(self) -> str | None:
        """MLflow tracking URI, or None when off."""
        if self.tracking_uri == "none":
            return None
        return self.tracking_uri or f"sqlite:///{self.home / 'mlflow.db'}"

    @model_validator(mode="after")
    def _sources_are_named_once(self) -> Self:
        names = [s.name for s in self.sources]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"sources need unique names, got twice: {', '.join(twice)}")
        for source in self.sources:
            if isinstance(source, SyntheticSource) and source.grow not in names:
                raise ValueError(f"source {source.name} grows {source.grow!r}, which is not a source")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file: the file comes in as init arguments."""
        return env_settings, init_settings


def load(config: Path | str | None = None) -> Settings:
    """Read the configuration; `config` defaults to `DESKLOOP_CONFIG`, then `./deskloop.yaml` if there.

    Relative paths inside are resolved against the file's folder. Raises BadInput with one line.
    """
    named = config or os.environ.get("DESKLOOP_CONFIG")
    path = Path(named) if named else Path("deskloop.yaml")
    values: dict[str, Any] = {}
    if path.is_file():
        values = read(path)
    elif named:
        raise BadInput(f"config {path} does not exist; `deskloop init` writes one")
    folder = path.resolve().parent if path.is_file() else Path.cwd()
    try:
        settings = Settings(**values)
    except ValidationError as error:
        where = f"config {path}" if values else "a DESKLOOP_* variable"
        raise BadInput(f"{where}: {told(error)}") from None
    except SettingsError as error:
        raise BadInput(f"a DESKLOOP_* variable cannot be read: {error}; write JSON, or NAME__KEY=value") from None
    return _anchored(settings, folder)


def _anchored(settings: Settings, folder: Path) -> Settings:
    update: dict[str, Any] = {
        "home": below(folder, settings.home),
        "sources": tuple(_anchored_source(source, folder) for source in settings.sources),
    }
    if settings.models:
        update["models"] = below(folder, settings.models)
    if settings.store_url and "://" not in settings.store_url:
        update["store_url"] = str(below(folder, Path(settings.store_url)))
    for name in ("database_url", "tracking_uri"):
        if url := getattr(settings, name):
            update[name] = anchored_sqlite(url, folder)
    return settings.model_copy(update=update)


def _anchored_source(source: AnySource, folder: Path) -> AnySource:
    if isinstance(source, MailSource | HelpdeskSource | FilesSource):
        return source.model_copy(update={"path": below(folder, source.path)})
    if isinstance(source, ImapSource) and source.certificate:
        return source.model_copy(update={"certificate": below(folder, source.certificate)})
    if isinstance(source, SqlSource):
        return source.model_copy(update={"url": anchored_sqlite(source.url, folder)})
    return source
