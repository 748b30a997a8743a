# SPDX-License-Identifier: MIT
"""An echo server with asyncio: a protocol, which is its fastest way. (Streams are slower.)"""
import asyncio
import sys


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def serve(port):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if sys.argv[1:2] == ["-v"]:
    print(f"Python {sys.version.split()[0]}, asyncio's Protocol")
else:
    asyncio.run(serve(int(sys.argv[1])))
