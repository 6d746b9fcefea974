"""Real Redis Clusters and Sentinels of a test's own, on ports of 127.0.0.1 that were
free; only the processes that were started are ever signalled."""
import os
import socket
import ssl
import subprocess
import time

from redis_server import SERVER, Server, free_ports

PATIENCE = 30  # Seconds, for what takes one or two.


def wait_for(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(0.05)


def scheme_of(tls):
    return "rediss" if tls else "redis"


def query_of(tls):
    return "?ca=" + tls["tls-ca-cert-file"] if tls else ""


def start_server(folder, name, *arguments, tls=None):
    """One more, that also listens on a port; with 'tls', its settings, for TLS alone."""
    path = os.path.join(folder, name)
    os.mkdir(path)
    port, = free_ports(1)
    settings = [word for name, value in (tls or {}).items() for word in (f"--{name}", value)]
    server = Server(path, "--tls-port" if tls else "--port", str(port), "--bind", "127.0.0.1",
                    *settings, *arguments)
    server.port = port
    server.tcp = f"{scheme_of(tls)}://127.0.0.1:{port}{query_of(tls)}"
    return server


class Cluster:
    """Masters that share the slots evenly, and then replicas of the first of them."""

    def __init__(self, folder, masters=3, replicas=0, timeout_ms=2000, tls=None):
        if tls:
            tls = {**tls, "tls-cluster": "yes"}
        self.nodes = []
        self.n_masters = masters
        for i in range(masters + replicas):
            bus, = free_ports(1)
            node = start_server(folder, f"node{i}", "--cluster-enabled", "yes",
                                "--cluster-port", str(bus),
                                "--cluster-node-timeout", str(timeout_ms),
                                "--cluster-require-full-coverage", "no",
                                "--repl-diskless-sync-delay", "0", tls=tls)
            node.bus = bus
            node.name = node.call("CLUSTER", "MYID").decode()
            self.nodes.append(node)
        self.join(replicas)

    def join(self, replicas):
        first = self.nodes[0]
        bounds = [16384 * i // self.n_masters for i in range(self.n_masters + 1)]
        for i, node in enumerate(self.nodes):
            node.call("CLUSTER", "SET-CONFIG-EPOCH", i + 1)
            if i < self.n_masters:
                node.call("CLUSTER", "ADDSLOTSRANGE", bounds[i], bounds[i + 1] - 1)
            if i:
                first.call("CLUSTER", "MEET", "127.0.0.1", node.port, node.bus)
        wait_for(lambda: all(self.is_whole(node) for node in self.nodes), "a cluster")
        for node in self.nodes[self.n_masters:]:
            assert node.call("CLUSTER", "REPLICATE", first.name) == b"OK"
            wait_for(lambda node=node: b"master_link_status:up" in node.call("INFO"),
                     "a replica")
        wait_for(lambda: first.call("INFO", "replication").count(b"state=online") == replicas,
                 "replicas")

    def is_whole(self, node):
        info = node.call("CLUSTER", "INFO").decode()
        return ("cluster_state:ok" in info and "cluster_slots_assigned:16384" in info and
                f"cluster_known_nodes:{len(self.nodes)}\r" in info and
                "handshake" not in node.call("CLUSTER", "NODES").decode())

    def kill(self):
        for node in self.nodes:
            node.kill()

    def owner(self, key):
        """Among those that live."""
        slot = self.slot(key)
        for node in self.nodes:
            if node.process.poll() is None:
                for begin, end, *_ in node.call("CLUSTER", "SLOTS"):
                    if begin <= slot <= end:
                        return self.master_of(node, slot)
        raise AssertionError("nobody has it")

    def slot(self, key):
        for node in self.nodes:
            if node.process.poll() is None:
                return node.call("CLUSTER", "KEYSLOT", key)
        raise AssertionError("nobody lives")

    def master_of(self, node, slot):
        for begin, end, (_, _, name, *_), *_ in node.call("CLUSTER", "SLOTS"):
            if begin <= slot <= end:
                return next(one for one in self.nodes if one.name == name.decode())
        raise AssertionError("nobody has it")

    def sensor_of(self, node, stem="s"):
        """A name whose keys a node has."""
        for i in range(1000):
            if self.owner("{%s%d}" % (stem, i)) is node:
                return f"{stem}{i}"
        raise AssertionError("no such name")

    def begin_migration(self, slot, source, target):
        for node, what, other in ((target, "IMPORTING", source), (source, "MIGRATING", target)):
            done = node.call("CLUSTER", "SETSLOT", slot, what, other.name)
            assert done == b"OK", done

    def migrate_keys(self, slot, source, target, pause=0.0):
        while keys := source.call("CLUSTER", "GETKEYSINSLOT", slot, 100):
            for key in keys:
                done = source.call("MIGRATE", "127.0.0.1", target.port, key, 0, 10000)
                assert done in (b"OK", b"NOKEY"), done
                time.sleep(pause)

    def end_migration(self, slot, target):
        for node in [target] + [one for one in self.nodes[:self.n_masters] if one is not target]:
            if node.process.poll() is None:
                done = node.call("CLUSTER", "SETSLOT", slot, "NODE", target.name)
                assert done == b"OK", done
        wait_for(lambda: all(self.master_of(node, slot) is target for node in self.nodes
                             if node.process.poll() is None), "nodes that agree")
        time.sleep(0.5)  # What they said to each other before is on its way no more.


class Sentinels:
    """Who watch a master and promote its replica."""

    def __init__(self, folder, master, n=3, down_after_ms=1000, tls=None):
        self.name = "main"
        self.tls = tls
        self.ports = free_ports(n)
        self.processes = []
        for i, port in enumerate(self.ports):
            path = os.path.join(folder, f"sentinel{i}")
            os.mkdir(path)
            config = os.path.join(path, "sentinel.conf")
            with open(config, "w", encoding="ascii") as file:
                for name, value in (tls or {}).items():
                    file.write(f"{name} {value}\n")
                listen = f"port 0\ntls-port {port}" if tls else f"port {port}"
                file.write(f"{listen}\nbind 127.0.0.1\ndir {path}\n"
                           f"sentinel monitor {self.name} 127.0.0.1 {master.port} "
                           f"{n // 2 + 1}\n"
                           f"sentinel down-after-milliseconds {self.name} {down_after_ms}\n"
                           f"sentinel failover-timeout {self.name} 10000\n")
            self.processes.append(subprocess.Popen([SERVER, config, "--sentinel"],
                                                   stdout=subprocess.DEVNULL,
                                                   stderr=subprocess.DEVNULL))
        self.uri = "%s+sentinel://%s/%s%s" % (
            scheme_of(tls), ",".join(f"127.0.0.1:{port}" for port in self.ports), self.name,
            query_of(tls))

    def ask(self, i, *words):
        return Tcp(self.ports[i], self.tls).call(*words)

    def know_each_other(self, n_replicas):
        """And the replicas: only then can they promote one."""
        def ready(i):
            try:
                fields = self.ask(i, "SENTINEL", "MASTER", self.name)
            except OSError:
                return False
            known = dict(zip(fields[0::2], fields[1::2]))
            return (int(known[b"num-other-sentinels"]) == len(self.ports) - 1 and
                    int(known[b"num-slaves"]) == n_replicas)
        wait_for(lambda: all(ready(i) for i in range(len(self.ports))), "Sentinels")

    def kill(self):
        for process in self.processes:
            process.kill()
            process.wait()


class Tcp(Server):
    """To ask a server on a port."""

    def __init__(self, port, tls=None):  # pylint: disable=super-init-not-called
        self.port = port
        self.tls = tls

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), 10)
        if not self.tls:
            return connection
        context = ssl.create_default_context(cafile=self.tls["tls-ca-cert-file"])
        return context.wrap_socket(connection, server_hostname="127.0.0.1")
