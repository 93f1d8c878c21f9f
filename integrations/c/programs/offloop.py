"""offloop on Python's asyncio, by ctypes: one file, to be copied beside a program.

`await off.call(function, *args)` is `function(*args)` on another thread. What a program in C has by
offloop.h, `lib` has too: see hash_asyncio.py. OFFLOOP_C_LIBS names the folder of liboffloop_c.so;
without it the system's are searched.

Invariant: what C may still call or give back stands in a table until C says that it is done with it.
"""

import asyncio
import atexit
import ctypes as c
import itertools
import os

lib = c.CDLL(os.path.join(os.environ.get("OFFLOOP_C_LIBS", ""), "liboffloop_c.so"), c.RTLD_GLOBAL)

OK, TIMED_OUT, CANCELLED, SUPERSEDED = 0, 2, 3, 4


class Outcome(c.Structure):
    _fields_ = [
        ("ticket", c.c_uint64),
        ("value", c.c_void_p),
        ("message", c.c_char_p),
        ("kind", c.c_uint32),
    ]


FUNCTION = c.CFUNCTYPE(c.c_void_p, c.c_void_p, c.c_uint64)
DROP = c.CFUNCTYPE(None, c.c_void_p)
HANDLER = c.CFUNCTYPE(None, c.c_void_p, c.c_void_p, c.POINTER(Outcome))
ON_PROGRESS = c.CFUNCTYPE(None, c.c_void_p, c.c_void_p, c.c_uint64, c.c_uint64)


class Call(c.Structure):
    _fields_ = [
        ("size", c.c_size_t),
        ("function", c.c_void_p),
        ("data", c.c_void_p),
        ("drop_data", c.c_void_p),
        ("drop_value", c.c_void_p),
        ("handler", HANDLER),
        ("on_progress", ON_PROGRESS),
        ("user", c.c_void_p),
        ("drop_user", c.c_void_p),
        ("name", c.c_char_p),
        ("deadline_ms", c.c_uint64),
        ("executor", c.c_uint32),
        ("priority", c.c_uint32),
        ("policies", c.c_uint32),
        ("in_order_key", c.c_uint64),
        ("serial_key", c.c_uint64),
        ("latest_key", c.c_uint64),
    ]


lib.offloop_create.argtypes = [c.c_void_p, c.POINTER(c.c_uint64)]
lib.offloop_open.argtypes = [c.POINTER(c.c_uint64)]
lib.offloop_submit.argtypes = [c.c_uint64, c.POINTER(Call), c.POINTER(c.c_uint64)]
lib.offloop_cancel.argtypes = [c.c_uint64]
lib.offloop_fd.argtypes = [c.c_uint64]
lib.offloop_deliver.argtypes = [c.c_uint64, c.c_void_p, c.c_void_p]
lib.offloop_shutdown.argtypes = [c.c_uint64, c.c_uint64, c.c_void_p]
lib.offloop_destroy.argtypes = [c.c_uint64]
lib.offloop_last_error.restype = c.c_char_p


def check(code):
    if code < 0:
        raise RuntimeError(lib.offloop_last_error().decode())
    return code


def address(function):
    return c.cast(function, c.c_void_p)


class _Work:
    """What a call runs, and then what came of it."""

    def __init__(self, run, future):
        self.run, self.future = run, future
        self.value = self.error = None

    def is_awaited(self):
        return not self.future.done() and not self.future.get_loop().is_closed()


_numbers = itertools.count(1)
_to_run, _to_hand_over = {}, {}  # by number, which is what C has for data, user and value


@FUNCTION
def _function(number, _ticket):
    work = _to_run[number]
    try:
        work.value = work.run()
    except BaseException as error:
        work.error = error
    work.run = None
    return number


@HANDLER
def _handler(_state, number, outcome):
    work, outcome = _to_hand_over[number], outcome[0]
    if not work.is_awaited():
        return
    if outcome.kind in (CANCELLED, SUPERSEDED):
        work.future.cancel()
    elif outcome.kind != OK:
        kind = TimeoutError if outcome.kind == TIMED_OUT else RuntimeError
        work.future.set_exception(kind(outcome.message.decode()))
    elif work.error is not None:
        work.future.set_exception(work.error)
    else:
        work.future.set_result(work.value)


@DROP
def _drop_data(number):
    del _to_run[number]


@DROP
def _drop_user(number):
    work = _to_hand_over.pop(number)
    if work.is_awaited():
        work.future.cancel()  # no handler heard of it


class Offloop:
    """An offloop of the running loop. Close it on the loop's thread; else the program's end does."""

    def __init__(self):
        self.id = c.c_uint64()
        self._loop = asyncio.get_running_loop()
        self._fd = check(lib.offloop_open(self.id))
        self._loop.add_reader(self._fd, lambda: check(lib.offloop_deliver(self.id, None, None)))
        atexit.register(self.close)

    async def call(self, function, *args, **policies):
        """Same as `function(*args)`, on another thread; what it raises is raised here.

        Cancelled, it is not run any more, or runs on unheard. The policies are fields of Call:
        `deadline_ms=500` raises a TimeoutError. A call that can't be taken is a RuntimeError.
        """
        number, future = next(_numbers), self._loop.create_future()
        _to_run[number] = _to_hand_over[number] = _Work(lambda: function(*args), future)
        call = Call(c.sizeof(Call), address(_function), number, address(_drop_data), **policies)
        call.handler, call.user, call.drop_user = _handler, number, address(_drop_user)
        ticket = c.c_uint64()
        try:
            check(lib.offloop_submit(self.id, call, ticket))
        except RuntimeError:
            del _to_run[number], _to_hand_over[number]
            raise
        try:
            return await future
        finally:
            lib.offloop_cancel(ticket)

    def close(self, within_ms=10000):
        """Waits for functions that run, and ends their threads; who awaits them is cancelled."""
        atexit.unregister(self.close)
        if not self._loop.is_closed():
            self._loop.remove_reader(self._fd)
        check(lib.offloop_shutdown(self.id, within_ms, None))
        check(lib.offloop_deliver(self.id, None, None))
        check(lib.offloop_destroy(self.id))
