"""What a person or a schedule asks of a flow. Each becomes a form in the dashboard, bounds included."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from deskloop.settings import Effort, Settings, load


class Request(BaseModel):
    """A flow's one parameter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    config: str | None = Field(
        None,
        title="Configuration file",
        description="Path of deskloop.yaml on the worker; the worker's DESKLOOP_CONFIG if empty.",
    )

    def settings(self) -> Settings:
        """The configuration this request runs with. Raises BadInput."""
        return load(self.config or None)


class TrainRequest(Request):
    """Run the pipeline from the sources to the champion."""

    effort: Effort | None = Field(
        None, title="Effort", description="Sets every training size at once; the configuration's if empty."
    )
    reason: str = Field(
        "by hand",
        title="Reason",
        max_length=500,
        description="Kept in the audit log with the gate's verdict.",
    )
    refresh: bool = Field(False, title="Refresh", description="Run every stage again, cached or not.")

    def settings(self) -> Settings:
        """The configuration with this request's effort."""
        settings = super().settings()
        return settings.model_copy(update={"effort": self.effort}) if self.effort else settings


class PrepareRequest(Request):
    """Acquire and preprocess only."""


class MonitorRequest(Request):
    """Compare the live window with the champion's reference."""

    window: int | None = Field(None, title="Window", ge=50, le=5000, description="Latest customer messages compared.")
    retrain: bool = Field(True, title="Retrain on drift", description="Emit the event that starts training.")


class BacktestRequest(Request):
    """Write the page of what the bot would have done with past tickets."""

    version: int | None = Field(None, title="Version", ge=1, description="Version to look at; the champion if empty.")


class RollbackRequest(Request):
    """Put an earlier version back."""

    version: int | None = Field(
        None, title="Version", ge=1, description="Version to serve; the previous champion if empty."
    )
    reason: str = Field("by hand", title="Reason", max_length=500, description="Kept in the audit log.")
