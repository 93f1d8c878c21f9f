"""Python's pools of processes, driven from outside: a line on the input is a block of work, a line on the
output the nanoseconds per call.

Arguments: the pool (concurrent.futures, anyio, pebble) and how many workers it has. The main thread stands
for the loop; it waits for results as the pool's own documentation does.
"""

import asyncio
import os
import signal
import statistics
import sys
import time
from collections import deque
from time import perf_counter_ns

MESSAGE = bytes(range(64))


def echo(value):
    return value


def nap(seconds):
    time.sleep(seconds)


def crash(_):
    os.kill(os.getpid(), signal.SIGKILL)


class Futures:
    """A pool whose calls are futures; a subclass says how it is made and how a call is submitted."""

    def __init__(self, workers):
        self.workers = workers
        self.start()

    def start(self):
        self.pool = self.make()
        # All workers at once, so that none is started later.
        for call in [self.submit(nap, 0.05) for _ in range(self.workers)]:
            call.result()

    async def calls(self, count, in_flight):
        waiting = deque()
        for _ in range(count):
            if len(waiting) == in_flight:
                waiting.popleft().result()
            waiting.append(self.submit(echo, MESSAGE))
        for call in waiting:
            call.result()

    async def one(self, function, argument):
        return self.submit(function, argument).result()

    def end(self):
        pass


class Executor(Futures):
    def make(self):
        from concurrent.futures import ProcessPoolExecutor

        return ProcessPoolExecutor(max_workers=self.workers)

    def submit(self, function, argument):
        return self.pool.submit(function, argument)

    def renew(self):
        """A crash breaks the whole pool."""
        self.pool.shutdown()
        self.start()

    def end(self):
        self.pool.shutdown()


class Pebble(Futures):
    def make(self):
        from pebble import ProcessPool

        return ProcessPool(max_workers=self.workers)

    def submit(self, function, argument):
        return self.pool.schedule(function, args=[argument])

    def renew(self):
        time.sleep(0.1)

    def end(self):
        self.pool.stop()
        self.pool.join()


class Anyio:
    def __init__(self, workers):
        import anyio

        self.anyio = anyio
        self.limiter = anyio.CapacityLimiter(workers)

    async def one(self, function, argument):
        return await self.anyio.to_process.run_sync(function, argument, limiter=self.limiter)

    async def calls(self, count, in_flight):
        if in_flight == 1:
            for _ in range(count):
                await self.one(echo, MESSAGE)
            return

        async def line(calls):
            for _ in range(calls):
                await self.one(echo, MESSAGE)

        async with self.anyio.create_task_group() as group:
            for number in range(in_flight):
                group.start_soon(line, (count + number) // in_flight)

    def renew(self):
        time.sleep(0.03)

    def end(self):
        pass


POOLS = {"concurrent.futures": Executor, "anyio": Anyio, "pebble": Pebble}


async def payload(pool, count, size):
    value, took = bytes(size), []
    for _ in range(count):
        began = perf_counter_ns()
        value = await pool.one(echo, value)
        took.append(perf_counter_ns() - began)
        if len(value) != size:
            raise ValueError("not the whole payload came back")
    return statistics.median(took)


async def crashes(pool, count):
    took = []
    for _ in range(count):
        # A worker that is there, so that no start is in the figure.
        await pool.one(echo, MESSAGE)
        began = perf_counter_ns()
        try:
            await pool.one(crash, None)
        except Exception:
            took.append(perf_counter_ns() - began)
        pool.renew()
    if len(took) != count:
        raise ValueError("a crash was not noticed")
    return statistics.median(took)


async def block(pool, work, count, extra):
    if work == "calls":
        began = perf_counter_ns()
        await pool.calls(count, extra)
        return (perf_counter_ns() - began) / count
    if work == "payload":
        return await payload(pool, count, extra)
    if work == "crash":
        return await crashes(pool, count)
    raise ValueError(f"no such work: {work}")


async def serve():
    pool = POOLS[sys.argv[1]](int(sys.argv[2]))
    # Not through `for`, which reads ahead.
    while line := sys.stdin.readline():
        work, count, extra = line.split()
        print(await block(pool, work, int(count), int(extra)), flush=True)
    pool.end()


def main():
    if sys.argv[1] == "anyio":
        import anyio

        anyio.run(serve)
    else:
        asyncio.run(serve())


if __name__ == "__main__":
    main()
