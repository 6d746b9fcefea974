# shellcheck shell=bash
# Everything ICMP: echo in one piece and in fragments, a closed UDP port, a
# host that is not there, and a path traced hop by hop.

errors_needs() {
    echo ping tracepath python3
}

errors_serve() {
    :
}

errors_play() {
    works alice ping -c 2 -i 0.2 10.40.2.20
    works bob ping -c 1 -s 4000 10.40.2.20
    send_udp bob 10.40.2.20 5005 6000
    works alice tracepath -n -m 4 10.40.2.10
    fails mallory curl -sS --connect-timeout 4 http://10.40.3.77/
}

# send_udp HOST ADDRESS PORT BYTES: to a port where nobody listens.
send_udp() {
    works "$1" /usr/bin/python3 -c '
import socket, sys, time
address, port, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    client.sendto(bytes(size), (address, port))
    time.sleep(0.2)
' "$2" "$3" "$4"
}
