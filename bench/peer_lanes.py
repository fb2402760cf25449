"""One peer of bench/peers.py as a process of its own, run by the Python of an environment that has it.

    python bench/peer_lanes.py loop|procrastinate|pgqueuer URL JOBS CONNECTIONS

Puts so many jobs that do nothing into an empty database, lets so many connections claim and complete them, and prints
as JSON how many were done and in how many seconds: from the start of the workers to the last job in hand.
"""

import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable

NEXT = "SELECT id FROM job WHERE state = 'ready' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"
PAYLOAD = b'{"to": "camille@customers.example.org", "template": "ask-delivery"}'


class Done:
    """Counts jobs, and remembers when the last one was done."""

    def __init__(self) -> None:
        self.count = 0
        self.began = self.last = time.perf_counter()

    def begin(self) -> None:
        """Begin the time."""
        self.began = time.perf_counter()

    def one(self) -> None:
        """Count a job."""
        self.count += 1
        self.last = time.perf_counter()


def loop(url: str, jobs: int, connections: int, done: Done) -> None:
    """The loop that a competent developer writes: one job, one transaction, locked and skipped where locked."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE job (id bigint PRIMARY KEY, state text NOT NULL, payload bytea NOT NULL)")
        connection.execute("CREATE INDEX job_ready ON job (id) WHERE state = 'ready'")
        connection.execute("INSERT INTO job SELECT n, 'ready', %s FROM generate_series(1, %s) AS n", (PAYLOAD, jobs))
        connection.execute("VACUUM ANALYZE job")

    def work() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while True:
                with connection.transaction():
                    row = connection.execute(NEXT).fetchone()
                    if row is None:
                        return
                    connection.execute("UPDATE job SET state = 'done' WHERE id = %s", row)
                done.one()

    threads = [threading.Thread(target=work) for _ in range(connections)]
    done.begin()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def procrastinate(url: str, jobs: int, connections: int, done: Done) -> None:
    """A worker of procrastinate: as many jobs at once as connections of its pool."""
    from procrastinate import App, PsycopgConnector

    async def run() -> None:
        app = App(connector=PsycopgConnector(conninfo=url, min_size=connections, max_size=connections))

        @app.task(name="nothing")
        async def nothing(payload: str) -> None:
            done.one()

        async with app.open_async():
            await app.schema_manager.apply_schema_async()
            some = [{"payload": PAYLOAD.decode()}] * 500
            for first in range(0, jobs, 500):
                await nothing.batch_defer_async(*some[: jobs - first])
            done.begin()
            await app.run_worker_async(concurrency=connections, wait=False, install_signal_handlers=False)

    asyncio.run(run())


def pgqueuer(url: str, jobs: int, connections: int, done: Done) -> None:
    """Queue managers of pgqueuer, one for each connection, until the queue is empty."""
    import psycopg
    from pgqueuer import PgQueuer
    from pgqueuer.types import QueueExecutionMode

    async def run() -> None:
        managers = []
        for _ in range(connections):
            connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
            queuer = PgQueuer.from_psycopg_connection(connection)

            @queuer.entrypoint("nothing")
            async def nothing(_job: object) -> None:
                done.one()

            managers.append(queuer.qm)
        await managers[0].queries.install()
        await managers[0].queries.enqueue(["nothing"] * jobs, [PAYLOAD] * jobs, [0] * jobs)
        done.begin()
        await asyncio.gather(*(manager.run(mode=QueueExecutionMode.drain) for manager in managers))

    asyncio.run(run())


LANES: dict[str, Callable[[str, int, int, Done], None]] = {
    "loop": loop,
    "procrastinate": procrastinate,
    "pgqueuer": pgqueuer,
}


def main() -> None:
    """Run one peer and print what it measured."""
    lane, url, jobs, connections = sys.argv[1:]
    done = Done()
    LANES[lane](url, int(jobs), int(connections), done)
    print(json.dumps({"done": done.count, "seconds": done.last - done.began}), flush=True)


if __name__ == "__main__":
    main()
