"""segmon replay of a capture that comes bit by bit, so that something can happen to
Redis meanwhile; and whether all of it got there once, and in order."""
import json
import os
import pathlib
import subprocess
import threading
import time

import packets as p

POLICY = """\
version: 1
policy: {name: test, revision: "1"}
segments:
  users: {networks: [10.1.0.0/16]}
  servers: {networks: [10.2.0.0/16]}
"""
PORTS = 10000  # Of one client.
LEAST_S = 2  # That feeding takes.


def refused_connection(i):
    """A flow that ends, and is told, at its second packet; and a violation, which is told
    together with others."""
    client, port = f"10.1.0.{1 + i // PORTS}", 1024 + i % PORTS
    return [p.tcp(client, port, "10.2.0.1", 80, p.SYN),
            p.tcp("10.2.0.1", 80, client, port, p.RST | p.ACK, 0, 1)]


def number_of(event):
    """The other way round."""
    return ((int(event["source"]["ip"].rsplit(".", 1)[1]) - 1) * PORTS +
            event["source"]["port"] - 1024)


class SteadyReplay:
    def __init__(self, segmon, uri, folder, n_flows=20000, seconds=LEAST_S, sensor="lab",
                 options=(), wrapper=()):
        policy = os.path.join(folder, "policy.yaml")
        pathlib.Path(policy).write_text(POLICY)
        self.n_flows, self.sensor = n_flows, sensor
        self.content = p.pcap([packet for i in range(n_flows)
                               for packet in refused_connection(i)])
        self.errors = os.path.join(folder, "errors")
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                [*wrapper, segmon, "replay", "-q", "-p", policy, "--sensor", sensor, "--redis",
                 uri, *options, "-"], stdin=subprocess.PIPE, stderr=errors)
        self.seconds = seconds
        self.feeder = threading.Thread(target=self.feed)
        self.feeder.start()

    def feed(self):
        pieces = 20 * self.seconds
        size = len(self.content) // pieces + 1
        try:
            for at in range(0, len(self.content), size):
                self.process.stdin.write(self.content[at:at + size])
                self.process.stdin.flush()
                time.sleep(self.seconds / pieces)
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # It ended; why, it said.

    def is_fed(self):
        return not self.feeder.is_alive()

    def wait(self, patience=60):
        self.feeder.join()
        status = self.process.wait(patience)
        return status, pathlib.Path(self.errors).read_text()

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.feeder.join()

    def missing(self, server):
        """Numbers of flows that are told nowhere; fails if any is told twice, or late."""
        numbers = [number_of(json.loads(fields[b"event"]))
                   for _, fields in server.entries("flow", self.sensor)]
        assert numbers == sorted(set(numbers)), "flows were told twice, or out of order"
        return sorted(set(range(self.n_flows)) - set(numbers))
