"""Packets and capture files for tests of the whole program, built by hand.

Small on purpose: IPv4 over Ethernet; TCP, UDP and ICMP; one function a layer."""
import ipaddress
import struct

SYN, ACK, FIN, RST, PSH = 0x02, 0x10, 0x01, 0x04, 0x08


def ipv4(src, dst, protocol, payload, ttl=64, ident=0):
    header = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, 0, ttl, protocol, 0,
        ipaddress.IPv4Address(src).packed, ipaddress.IPv4Address(dst).packed)
    total = sum(struct.unpack(">10H", header))
    total = (total >> 16) + (total & 0xFFFF)
    total += total >> 16
    return header[:10] + struct.pack(">H", ~total & 0xFFFF) + header[12:] + payload


def tcp(src, sport, dst, dport, flags, seq=0, ack=0, data=b"", ident=0):
    header = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 65535, 0, 0)
    return ethernet(ipv4(src, dst, 6, header + data, ident=ident))


def udp(src, sport, dst, dport, data=b"", ident=0):
    header = struct.pack(">HHHH", sport, dport, 8 + len(data), 0)
    return ethernet(ipv4(src, dst, 17, header + data, ident=ident))


def icmp(src, dst, kind, code, body, ident=0):
    """'body' is all behind the checksum, the four bytes of the header included."""
    message = struct.pack(">BBH", kind, code, 0) + body
    padded = message + b"\0" * (len(message) % 2)
    total = sum(struct.unpack(f">{len(padded) // 2}H", padded))
    total = (total >> 16) + (total & 0xFFFF)
    total += total >> 16
    return ethernet(ipv4(src, dst, 1, message[:2] + struct.pack(">H", ~total & 0xFFFF) +
                         message[4:], ident=ident))


def vlan(frame, number):
    """The frame with an 802.1Q tag."""
    return frame[:12] + struct.pack(">HH", 0x8100, number) + frame[12:]


def ethernet(ip):
    return b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\x00" + ip


def tcp_session(client, server, dport, sport=40000, request=b"", response=b""):
    """A whole conversation, from SYN to the last ACK."""
    c, s = (client, sport, server, dport), (server, dport, client, sport)
    one, two = 1 + len(request), 1 + len(response)
    packets = [tcp(*c, SYN, 0), tcp(*s, SYN | ACK, 0, 1), tcp(*c, ACK, 1, 1)]
    if request:
        packets.append(tcp(*c, PSH | ACK, 1, 1, request))
    if response:
        packets.append(tcp(*s, PSH | ACK, 1, one, response))
    packets += [tcp(*c, FIN | ACK, one, two), tcp(*s, FIN | ACK, two, one + 1),
                tcp(*c, ACK, one + 1, two + 1)]
    return packets


def pcap(packets, start=1_700_000_000.0, step=0.001, linktype=1):
    """The bytes of a capture file; 'packets' are bytes or (time, bytes)."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, linktype)]
    for i, packet in enumerate(packets):
        time, data = packet if isinstance(packet, tuple) else (start + i * step, packet)
        out.append(struct.pack("<IIII", int(time), round(time % 1 * 1e6) % 1_000_000,
                               len(data), len(data)) + data)
    return b"".join(out)


def pcapng(frames, offsets):
    """Of (interface, frame): each interface's clock begins at its if_tsoffset, in
    seconds, and a frame comes a microsecond after the one before."""
    def block(kind, body):
        body += bytes(-len(body) % 4)
        size = struct.pack("<I", len(body) + 12)
        return struct.pack("<I", kind) + size + body + size

    blocks = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))]
    blocks += [block(1, struct.pack("<HHIHHqHH", 1, 0, 0, 14, 8, offset, 0, 0))
               for offset in offsets]
    blocks += [block(6, struct.pack("<IIIII", interface, 0, number, len(frame), len(frame))
                     + frame) for number, (interface, frame) in enumerate(frames)]
    return b"".join(blocks)
