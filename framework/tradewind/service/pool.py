"""Worker processes behind a bounded queue: a job that takes too long, or takes its process down, harms nobody else.

One thread a worker hands jobs to its process through a pipe and waits. A process that does not answer in time is killed
and replaced (503); one that dies under a job is replaced and the job is given to the new one, once.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import queue
import threading
import time
from concurrent.futures import Future
from multiprocessing.connection import Connection

from tradewind.service.settings import Limits
from tradewind.service.work import Answer, Worker, problem

LOG = logging.getLogger("tradewind.service")
START_SECONDS = 600.0
"""The first start on a machine compiles kernels."""


class QueueFull(Exception):
    """No room for another job now."""


def _serve(connection: Connection, bundle: str, limits: Limits) -> None:
    """The life of a worker process."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when a worker ends
    worker = Worker(bundle, limits)
    worker.warm()
    connection.send("ready")
    while True:
        try:
            entry, body = connection.recv()
        except (EOFError, OSError):
            return
        try:
            answer = worker.answer(entry, body)
        except Exception as error:  # a bug of ours must not end the process
            logging.getLogger("tradewind.service").exception("%s failed", entry)
            answer = problem(500, f"this is a bug of the service: {type(error).__name__}")
        connection.send(answer)


class _Process:
    """One worker process and the pipe to it."""

    def __init__(self, bundle: str, limits: Limits) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, bundle, limits), daemon=True)
        self.process.start()
        theirs.close()
        if not self.connection.poll(START_SECONDS):
            self.kill()
            raise TimeoutError("a worker did not start")
        self.connection.recv()

    def ask(self, entry: str, body: bytes, seconds: float) -> Answer | None:
        """The answer, None when it did not come in time; EOFError when the process died."""
        try:
            self.connection.send((entry, body))
            if not self.connection.poll(seconds):
                return None
            return self.connection.recv()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise EOFError from error

    def kill(self) -> None:
        """End the process at once."""
        self.process.kill()
        self.process.join(5)
        self.connection.close()


class Pool:
    """Workers and their queue; ``submit`` is safe from any thread."""

    def __init__(self, bundle: str, limits: Limits) -> None:
        self._bundle, self._limits = bundle, limits
        self._jobs: queue.Queue[tuple[str, bytes, Future[Answer]] | None] = queue.Queue()
        self._open, self._stopped, self._lock, self._pending = True, False, threading.Lock(), 0
        self._processes: dict[int, _Process] = {}
        self._threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(limits.workers)]

    def start(self) -> None:
        """Start the workers and wait until they are warm; raises what the first of them raises."""
        for i in range(self._limits.workers):
            self._processes[i] = _Process(self._bundle, self._limits)
        for thread in self._threads:
            thread.start()

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers."""
        return [worker.process.pid for worker in self._processes.values() if worker.process.pid is not None]

    @property
    def pending(self) -> int:
        """Jobs waiting or running."""
        return self._pending

    def submit(self, entry: str, body: bytes) -> Future[Answer]:
        """The future answer of an entry point; raises QueueFull."""
        future: Future[Answer] = Future()
        with self._lock:
            if not self._open or self._pending >= self._limits.queue:
                raise QueueFull
            self._pending += 1
        future.add_done_callback(self._one_less)
        self._jobs.put((entry, body, future))
        return future

    def _one_less(self, _: Future[Answer]) -> None:
        with self._lock:
            self._pending -= 1

    def _run(self, number: int) -> None:
        while (job := self._jobs.get()) is not None:
            entry, body, future = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._answer(number, entry, body))
            except Exception:  # nothing may end this thread
                LOG.exception("the worker of %s could not be replaced", entry)
                future.set_result(problem(503, "the service has no worker for this request; try again"))

    def _answer(self, number: int, entry: str, body: bytes) -> Answer:
        for attempt in (1, 2):
            if self._stopped:
                break
            worker = self._processes.get(number)
            if worker is None:
                worker = self._processes[number] = _Process(self._bundle, self._limits)
            try:
                answer = worker.ask(entry, body, self._limits.seconds)
            except EOFError:
                LOG.warning("a worker died under %s (attempt %d)", entry, attempt)
                self._drop(number)
                continue
            if answer is not None:
                return answer
            LOG.warning("%s took longer than %g s and was stopped", entry, self._limits.seconds)
            self._drop(number)
            return problem(503, f"this request took longer than the {self._limits.seconds:g} s one request may take")
        ended = "the service is shutting down" if self._stopped else "two workers died under this request"
        return problem(503, ended)

    def _drop(self, number: int) -> None:
        worker = self._processes.pop(number, None)
        if worker is not None:
            worker.kill()

    def drain(self, seconds: float) -> int:
        """Take no more jobs, wait for those there are; returns how many were left when the time was up."""
        with self._lock:
            self._open = False
        until = time.monotonic() + seconds
        while self._pending and time.monotonic() < until:
            time.sleep(0.02)
        return self._pending

    def stop(self) -> None:
        """End the workers; jobs that still wait are answered 503."""
        self._stopped = True
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is not None and job[2].set_running_or_notify_cancel():
                job[2].set_result(problem(503, "the service is shutting down"))
        for _ in self._threads:
            self._jobs.put(None)
        for number in list(self._processes):
            with contextlib.suppress(OSError, ValueError):
                self._drop(number)
