"""A real redis-server of a test's own, on a Unix socket in a folder of its own.

Nothing else on the machine is touched: no TCP port, no configuration file, and
only the process that was started is ever signalled."""
import os
import shutil
import socket
import subprocess
import time

SERVER = shutil.which("redis-server")


def free_ports(n):
    """Of 127.0.0.1; a moment later somebody may have them."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Server:
    """A redis-server, and just enough of its protocol to ask it things."""

    def __init__(self, folder, *arguments, wrapper=()):
        self.path = os.path.join(folder, "socket")
        self.uri = "unix://" + self.path
        self.command = [*wrapper, SERVER, "--port", "0", "--unixsocket", self.path,
                        "--dir", folder, "--save", "", *arguments]
        self.start()

    def start(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        try:
            self.wait()
        except BaseException:  # Also a signal: nobody else knows of it yet.
            self.kill()
            raise

    def wait(self):
        for _ in range(1200):
            if self.listens():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.025)
        raise RuntimeError("redis-server does not start")

    def listens(self):
        """The socket's file is there a moment before anybody listens."""
        with socket.socket(socket.AF_UNIX) as connection:
            return connection.connect_ex(self.path) == 0

    def kill(self):
        self.process.kill()
        self.process.wait()

    def signal(self, number):
        self.process.send_signal(number)

    def call(self, *words):
        return self.call_all(words)[0]

    def call_all(self, *commands):
        """On one connection."""
        text = b""
        for words in commands:
            text += b"*%d\r\n" % len(words)
            for word in words:
                word = word if isinstance(word, bytes) else str(word).encode()
                text += b"$%d\r\n%s\r\n" % (len(word), word)
        with self.connect() as connection:
            connection.settimeout(10)
            connection.sendall(text)
            with connection.makefile("rb") as reader:
                return [self.read(reader) for _ in commands]

    def connect(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self.path)
        return connection

    def read(self, reader):
        line = reader.readline().rstrip(b"\r\n")
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            return reader.read(int(rest) + 2)[:-2] if int(rest) >= 0 else None
        if kind == b"*":
            return [self.read(reader) for _ in range(int(rest))]
        return int(rest) if kind == b":" else rest

    def entries(self, kind, sensor="lab"):
        """(id, fields) of every entry of a stream, in order."""
        for name, words in self.call("XRANGE", "segmon:{%s}:%s" % (sensor, kind), "-", "+"):
            yield (tuple(map(int, name.split(b"-"))),
                   dict(zip(words[0::2], words[1::2])))
