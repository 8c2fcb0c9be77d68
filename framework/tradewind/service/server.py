"""Running the service with uvicorn until it is told to stop."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from collections.abc import Iterator
from typing import Any

from tradewind.errors import UsageError
from tradewind.service.settings import Settings

CONNECTIONS = 512
STOPS = (signal.SIGINT, signal.SIGTERM)
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
    _server(uvicorn)(config).run()


def _server(uvicorn: Any) -> Any:
    """A uvicorn.Server for which a signal to stop is an order carried out, not an error of the process."""

    class Server(uvicorn.Server):  # type: ignore[misc]  # uvicorn is imported late, hence Any
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            if threading.current_thread() is not threading.main_thread():
                yield
                return
            before = {number: signal.signal(number, self.handle_exit) for number in STOPS}
            try:
                yield
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

    return Server


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
