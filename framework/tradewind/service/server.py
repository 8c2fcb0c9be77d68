"""Running the service with uvicorn until it is told to stop."""

from __future__ import annotations

import logging
from typing import Any

from tradewind.errors import UsageError
from tradewind.service.settings import Settings

CONNECTIONS = 512
KEEP_ALIVE = 15


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; then finish what runs, and end. UsageError without the extra [service]."""
    try:
        import uvicorn

        from tradewind.service.app import create_app
    except ModuleNotFoundError as missing:
        advice = "Install it with: pip install 'tradewind[service]'"
        raise UsageError(f"the service needs {missing.name}, which is not installed. {advice}") from missing
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    config = uvicorn.Config(create_app(settings), host=settings.host, port=settings.port, **options())
    uvicorn.Server(config).run()


def options() -> dict[str, Any]:
    """What uvicorn is told: our own log lines, bounded connections, a bounded wait at shutdown."""
    return {
        "access_log": False,
        "log_config": None,
        "limit_concurrency": CONNECTIONS,
        "timeout_keep_alive": KEEP_ALIVE,
        "timeout_graceful_shutdown": 30,
        "server_header": False,
        "date_header": True,
    }
