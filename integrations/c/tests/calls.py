"""programs/offloop.py: what a call brings, what it raises, and that nothing of it stays."""

import asyncio
import threading
import time

import offloop


async def raised(awaitable):
    try:
        await awaitable
    except BaseException as error:
        return type(error)


async def until(done):
    for _ in range(60_000):
        if done():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it does not come")


async def begun(call, stay):
    flag = threading.Event()
    task = asyncio.create_task(call(lambda: flag.set() or stay() or "late"))
    await until(flag.is_set)
    return task


def a_moment():
    time.sleep(0.2)


async def main():
    off = offloop.Offloop()
    assert await off.call(threading.get_ident) != threading.get_ident()
    assert await raised(off.call(int, "x")) is ValueError
    squares = await asyncio.gather(*[off.call(pow, number, 2) for number in range(2000)])
    assert squares == [number**2 for number in range(2000)]
    go = threading.Event()
    cancelled = await begun(off.call, lambda: go.wait(60))
    cancelled.cancel()
    assert await raised(cancelled) is asyncio.CancelledError
    assert await raised(off.call(go.wait, 60, deadline_ms=10)) is TimeoutError
    go.set()
    assert await raised(off.call(print, policies=99)) is RuntimeError
    finishing = await begun(off.call, a_moment)
    off.close()
    assert await finishing == "late"
    off = offloop.Offloop()
    go = threading.Event()
    left = await begun(off.call, lambda: go.wait(60))
    off.close(within_ms=0)
    assert await raised(left) is RuntimeError
    go.set()
    await until(lambda: not offloop._to_run and not offloop._to_hand_over)
    off = offloop.Offloop()
    return await begun(off.call, a_moment)  # it runs on into the end of the program


asyncio.run(main())
