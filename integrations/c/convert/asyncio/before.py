"""A name is looked up from an asyncio loop, and shown."""

import asyncio
import socket
import sys


class App:
    def __init__(self):
        self.ticks = 0

    async def tick(self):
        while True:
            self.ticks += 1
            print(f"\r{self.ticks}  ", end="", file=sys.stderr)
            await asyncio.sleep(0.02)

    def show(self, answer):
        print(f"localhost: {answer}")


def look_up(host):
    """Asks the system, which may ask a server: this takes as long as it takes."""
    try:
        found = socket.getaddrinfo(host, None)
        return ", ".join(sorted({address[0] for *_, address in found}))
    except OSError as error:
        return str(error)


async def main():
    app = App()
    ticking = asyncio.create_task(app.tick())
    await asyncio.sleep(0.05)
    app.show(look_up("localhost"))
    ticking.cancel()


asyncio.run(main())
