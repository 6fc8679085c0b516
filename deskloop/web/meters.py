"""What Prometheus reads at /metrics. One registry per app, so that several can live in one process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Meters:
    """Counters and histograms; labels are few and never hold a customer's words or ids."""

    def __init__(self) -> None:
        self.registry = r = CollectorRegistry()
        self.requests = Counter("deskloop_requests", "HTTP requests.", ["method", "route", "status"], registry=r)
        self.latency = Histogram(
            "deskloop_request_seconds", "From request to last byte.", ["route"], buckets=_SECONDS, registry=r
        )
        self.first_token = Histogram(
            "deskloop_first_token_seconds", "From request to the first piece.", buckets=_SECONDS, registry=r
        )
        self.answers = Counter("deskloop_answers", "Answers by how they came about.", ["kind"], registry=r)
        self.feedback = Counter("deskloop_feedback", "Thumbs.", ["thumb"], registry=r)
        self.refused = Counter("deskloop_refused", "Messages refused.", ["reason"], registry=r)
        self.unrecorded = Counter("deskloop_unrecorded", "Answers that could not be stored.", registry=r)
        self.champion = Gauge("deskloop_champion_version", "Version being served, 0 for none.", registry=r)

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self.registry)
