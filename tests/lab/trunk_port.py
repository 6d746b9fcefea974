"""A switch port of the lab: untagged on one side, one VLAN's tag on the other.

    trunk_port.py TRUNK ACCESS VLAN

Copies frames between TRUNK (an interface that carries 802.1Q tags) and ACCESS
(a tap interface, made beforehand) until it is ended.
"""

import fcntl
import os
import select
import socket
import struct
import sys

ETH_P_ALL = 3
ETH_P_8021Q = 0x8100
PACKET_OUTGOING = 4
SOL_PACKET = 263
PACKET_AUXDATA = 8
TP_STATUS_VLAN_VALID = 0x10
TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000
# struct tpacket_auxdata: status, len, snaplen, mac, net, vlan_tci, vlan_tpid
AUXDATA = struct.Struct("=IIIHHHH")
FRAME_MAX = 65600


def open_tap(name):
    tap = os.open("/dev/net/tun", os.O_RDWR)
    request = struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI)
    fcntl.ioctl(tap, TUNSETIFF, request)
    return tap


def open_trunk(name):
    trunk = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                          socket.htons(ETH_P_ALL))
    # The kernel takes the tag off before a socket sees the frame and tells
    # it beside the frame.
    trunk.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    trunk.bind((name, 0))
    return trunk


def receive_untagged(trunk, vlan):
    """The next frame if it came in on the trunk with our tag, else None."""
    frame, control, _, sender = trunk.recvmsg(FRAME_MAX, 256)
    if sender[2] == PACKET_OUTGOING:
        return None
    for level, kind, data in control:
        if (level, kind) != (SOL_PACKET, PACKET_AUXDATA):
            continue
        status, _, _, _, _, tci, _ = AUXDATA.unpack(data[:AUXDATA.size])
        if status & TP_STATUS_VLAN_VALID and tci & 0xFFF == vlan:
            return frame
    return None


def with_tag(frame, vlan):
    return frame[:12] + struct.pack("!HH", ETH_P_8021Q, vlan) + frame[12:]


def main():
    trunk_name, access_name, vlan = sys.argv[1], sys.argv[2], int(sys.argv[3])
    trunk = open_trunk(trunk_name)
    access = open_tap(access_name)
    while True:
        ready, _, _ = select.select([trunk, access], [], [])
        if trunk in ready:
            frame = receive_untagged(trunk, vlan)
            if frame:
                os.write(access, frame)
        if access in ready:
            trunk.send(with_tag(os.read(access, FRAME_MAX), vlan))


if __name__ == "__main__":
    main()
