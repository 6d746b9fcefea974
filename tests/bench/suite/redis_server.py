"""A private Redis on the loopback."""
import contextlib
import socket
import subprocess
import sys
import time


class Server:
    def __init__(self, folder):
        self.folder, self.server = folder, None

    def start(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.server = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port),
             "--dir", self.folder, "--save", ""],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with contextlib.suppress(OSError):
                return self.ask("PING")
            time.sleep(0.025)
        sys.exit("run: redis-server does not start")

    def ask(self, *words):
        parts = [f"*{len(words)}"] + [part for word in words for part in (f"${len(word)}", word)]
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall("".join(part + "\r\n" for part in parts).encode())
            return connection.makefile("rb").readline().strip()

    def stop(self):
        if self.server:
            self.server.terminate()
            self.server.wait()
