"""Where tshark and segmon see a packet differently on purpose.

Adjusted here is what tshark says of each packet, before facts.py sums it up, and
only where the packet itself shows that the rule applies; how often is counted. All
else stays as tshark has it, so what a rule leaves is still compared to the byte.
"""
import collections
import subprocess

# Not decoded by segmon, which counts each such frame as unknown_link.
LINKS = {"arcnet", "wpan", "slip", "user_dlt", "juniper", "clip", "netlink", "can", "mtp2"}

# Opened by tshark; segmon takes what lies around them.
TUNNELS = {"lisp-data", "lisp", "sflow", "pim", "ipcomp", "capwap.data", "teredo", "nhrp"}

# UDP tunnels are known by their destination port (RFC 7348, RFC 8926, TS 29.281):
# the source port is the sender's choice, and would let him hide a flow inside.
TUNNEL_PORTS = {"vxlan": {4789, 4790, 8472}, "geneve": {6081},
                "gtp": {2152}}

EXTRA = ["ipv6.fraghdr.nxt"]


class Tshark:
    """Stands in for the subprocess module in facts.py."""
    DEVNULL = subprocess.DEVNULL

    def __init__(self, fields, unknown_links):
        self.fields = fields
        self.unknown_links = unknown_links
        self.applied = collections.Counter()

    def run(self, command, **options):
        run = subprocess.run(command, **options)
        packets = [Packet(self.fields, line)
                   for line in run.stdout.decode("utf8", "replace").split("\n") if line]
        packets = [p for p in self.known_links(packets) if p.layers]
        for packet in packets:
            self.cut_tunnels(packet)
            self.name_fragment(packet)
            self.give_time(packet)
        packets = self.first_fragments_first(packets)
        return subprocess.CompletedProcess(
            command, run.returncode, "\n".join(map(str, packets)).encode(), run.stderr)

    def known_links(self, packets):
        """Without the frames of unknown links, if they are as many as segmon says."""
        unknown = [p for p in packets if p.layers[:1] and p.layers[0] in LINKS]
        if not unknown or len(unknown) != self.unknown_links:
            return packets
        self.applied["link type not decoded"] += len(unknown)
        return [p for p in packets if p not in unknown]

    def cut_tunnels(self, packet):
        """Up to the first tunnel that segmon leaves closed."""
        n_udp = 0
        for i, layer in enumerate(packet.layers):
            if layer in ("icmp", "icmpv6"):
                return
            n_udp += layer == "udp"
            if not {"ip", "ipv6"} & set(packet.layers[i + 1:]):
                return
            if layer in TUNNELS:
                self.applied[f"{layer} not opened"] += 1
            elif layer in TUNNEL_PORTS and packet.udp_port(n_udp - 1) not in TUNNEL_PORTS[layer]:
                self.applied[f"{layer} by source port"] += 1
            else:
                continue
            packet.layers = packet.layers[:i + 1]
            return

    def name_fragment(self, packet):
        """The protocol that an IPv6 fragment header names, not the first header's."""
        at = packet.innermost("ipv6")
        names = packet.field("ipv6.fraghdr.nxt")
        protocols = packet.field("ipv6.nxt")
        if at is not None and names and packet.is_later_fragment() and at < len(protocols):
            self.applied["IPv6 fragment named by its fragment header"] += 1
            protocols[at] = names[-1]
            packet.set_field("ipv6.nxt", protocols)

    def give_time(self, packet):
        """A pcapng simple packet block has none, which facts.py does not expect."""
        if not packet.field("frame.time_epoch"):
            self.applied["frame without a time"] += 1
            packet.set_field("frame.time_epoch", ["0"])

    def first_fragments_first(self, packets):
        """Later fragments that came early go behind the first one, where facts.py
        knows its ports."""
        ordered, waiting, begun = [], collections.defaultdict(list), set()
        for packet in packets:
            name = packet.datagram()
            if name and packet.is_later_fragment() and name not in begun:
                waiting[name].append(packet)
                continue
            ordered.append(packet)
            if name and name not in begun and not packet.is_later_fragment():
                begun.add(name)
                self.applied["later fragment came first"] += len(waiting[name])
                ordered += waiting.pop(name)
        return ordered + [p for early in waiting.values() for p in early]


class Packet:
    """A line of tshark's fields."""

    def __init__(self, fields, line):
        self.at = {name: i for i, name in enumerate(fields)}
        self.column = line.split("|")
        protocols = self.at["frame.protocols"]
        self.layers = self.column[protocols].split(":") if len(self.column) > protocols else []

    def __str__(self):
        self.column[self.at["frame.protocols"]] = ":".join(self.layers)
        return "|".join(self.column)

    def field(self, name):
        i = self.at[name]
        return self.column[i].split(";") if i < len(self.column) and self.column[i] else []

    def set_field(self, name, values):
        self.column[self.at[name]] = ";".join(values)

    def number(self, name, n):
        values = self.field(name)
        return int(values[n], 0) if n < len(values) else 0

    def udp_port(self, n):
        return self.number("udp.dstport", n)

    def innermost(self, version):
        """Which value of ip.* or ipv6.* is the innermost header's; None if that is of
        the other version. What an ICMP error quotes is not part of the packet."""
        sent = []
        for layer in self.layers:
            if layer in ("icmp", "icmpv6"):
                break
            if layer in ("ip", "ipv6"):
                sent.append(layer)
        return sent.count(version) - 1 if sent and sent[-1] == version else None

    def datagram(self):
        """What names the datagram this is a fragment of; None if it is whole."""
        at = self.innermost("ip")
        if at is not None:
            if self.number("ip.frag_offset", at) == 0 and self.field("ip.flags.mf")[at:at + 1] \
                    not in (["1"], ["True"]):
                return None
            return tuple(self.field(f)[at] for f in ("ip.src", "ip.dst", "ip.proto", "ip.id"))
        at = self.innermost("ipv6")
        ids = self.field("ipv6.fraghdr.ident")
        if at is None or not ids or "ipv6.fraghdr" not in self.layers:
            return None
        return self.field("ipv6.src")[at], self.field("ipv6.dst")[at], ids[-1]

    def is_later_fragment(self):
        at = self.innermost("ip")
        if at is not None:
            return self.number("ip.frag_offset", at) != 0
        offsets = self.field("ipv6.fraghdr.offset")
        return bool(offsets) and int(offsets[-1], 0) != 0
