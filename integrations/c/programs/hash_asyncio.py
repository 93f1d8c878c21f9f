"""One program on every loop; here on Python's asyncio, by ctypes. It hashes the files of a folder off
the loop, while a counter ticks; `c` and Enter cancel it.

`App` is what `struct app` is in C. What is taken off the loop is a function in C, which knows of no
interpreter; the handlers run on the loop's own thread. OFFLOOP_C_LIBS names the folder of liboffloop_c.so and
libhash_folder.so, which is hash_folder.c.
"""

import asyncio
import ctypes as c
import os
import sys

from offloop import HANDLER, ON_PROGRESS, Call, address, check, lib

TICK_S = 0.05

hash_folder = c.CDLL(os.path.join(os.environ.get("OFFLOOP_C_LIBS", ""), "libhash_folder.so"))


class Options(c.Structure):
    _fields_ = [("folder", c.c_char * 4096), ("pause_ms", c.c_uint)]


hash_folder.hash_options_copy.argtypes = [c.POINTER(Options)]
hash_folder.hash_options_copy.restype = c.c_void_p
hash_folder.hash_summary_print.argtypes = [c.c_void_p, c.c_char_p, c.c_size_t]
free = c.CDLL(None).free
free.argtypes = [c.c_void_p]


class App:
    def __init__(self):
        folder, pause = (sys.argv[1:] + ["examples", "0"][len(sys.argv) - 1 :])[:2]
        self.options = Options(os.fsencode(folder), int(pause))
        self.off = c.c_uint64()
        self.ticks, self.line = 0, ""
        self.call = c.c_uint64()
        # C keeps no reference: these live as long as the calls that name them.
        self.handler = HANDLER(self.on_outcome)
        self.progress_handler = ON_PROGRESS(self.on_progress)
        check(lib.offloop_create(None, self.off))

    def start(self):
        """Here the loop would stand still: `hash_folder.hash_folder(options, 0)`."""
        call = Call(
            size=c.sizeof(Call),
            function=address(hash_folder.hash_folder),
            data=hash_folder.hash_options_copy(self.options),
            drop_data=address(free),
            drop_value=address(free),
            handler=self.handler,
            on_progress=self.progress_handler,
            name=b"hash",
        )
        check(lib.offloop_submit(self.off, call, self.call))

    def cancel(self):
        lib.offloop_cancel(self.call)

    def tick(self):
        self.ticks += 1

    def on_progress(self, _state, _user, done, of):
        self.line = f"{done} of {of} files"

    def on_outcome(self, _state, _user, outcome):
        self.call.value = 0
        if outcome[0].kind == 0:
            line = c.create_string_buffer(4400)
            hash_folder.hash_summary_print(outcome[0].value, line, len(line))
            self.line = line.value.decode()
        else:
            self.line = outcome[0].message.decode()
        free(outcome[0].value)
        print(self.line, flush=True)

    def end(self):
        """A function that was cancelled may still run: it is asked to stop, and waited for."""
        check(lib.offloop_shutdown(self.off, 10000, None))
        check(lib.offloop_destroy(self.off))


async def main():
    app = App()
    app.start()
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def on_woken():
        check(lib.offloop_deliver(app.off, None, None))
        if not app.call.value:
            ended.set()

    def on_keys():
        keys = os.read(0, 64)
        if not keys:
            loop.remove_reader(0)
        elif b"c" in keys:
            app.cancel()

    loop.add_reader(lib.offloop_fd(app.off), on_woken)
    try:
        loop.add_reader(0, on_keys)
    except PermissionError:
        pass  # it is a file
    while not ended.is_set():
        try:
            await asyncio.wait_for(ended.wait(), TICK_S)
        except asyncio.TimeoutError:
            app.tick()
            print(f"\r{app.ticks} {app.line}  ", end="", file=sys.stderr)
    loop.remove_reader(lib.offloop_fd(app.off))
    app.end()


asyncio.run(main())
