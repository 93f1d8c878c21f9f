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


async def begun(call):
    flag = threading.Event()
    task = asyncio.create_task(call(lambda: flag.set() or time.sleep(0.2) or "late"))
    while not flag.is_set():
        await asyncio.sleep(0.001)
    return task


async def main():
    off = offloop.Offloop()
    assert await off.call(threading.get_ident) != threading.get_ident()
    assert await raised(off.call(int, "x")) is ValueError
    squares = await asyncio.gather(*[off.call(pow, number, 2) for number in range(2000)])
    assert squares == [number**2 for number in range(2000)]
    cancelled = await begun(off.call)
    cancelled.cancel()
    assert await raised(cancelled) is asyncio.CancelledError
    assert await raised(off.call(time.sleep, 0.2, deadline_ms=10)) is TimeoutError
    assert await raised(off.call(print, policies=99)) is RuntimeError
    finishing = await begun(off.call)
    off.close()
    assert await finishing == "late"
    off = offloop.Offloop()
    left = await begun(off.call)
    off.close(within_ms=0)
    assert await raised(left) is RuntimeError
    while offloop._to_run or offloop._to_hand_over:
        await asyncio.sleep(0.001)
    off = offloop.Offloop()
    return await begun(off.call)  # it runs on into the end of the program


asyncio.run(main())
