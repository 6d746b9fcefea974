# shellcheck shell=bash
# A new PC gets its address through the core's DHCP relay.

address_needs() {
    echo dnsmasq udhcpc
}

address_serve() {
    serve dhcp dhcp dnsmasq --keep-in-foreground --conf-file=/dev/null \
        --port=0 --user=root --pid-file= --dhcp-authoritative --no-ping \
        --dhcp-leasefile="$LAB_DIR/leases" \
        --dhcp-range=10.20.1.50,10.20.1.50,255.255.0.0,1h \
        --dhcp-option=option:router,10.20.0.1 \
        --dhcp-option=option:dns-server,10.40.1.2
    serve relay core dnsmasq --keep-in-foreground --conf-file=/dev/null \
        --port=0 --user=root --pid-file= --dhcp-relay=10.20.0.1,10.40.1.4
    wait_for "DHCP server" listening dhcp udp 67
    wait_for "DHCP relay" listening core udp 67
}

address_play() {
    works newcomer udhcpc -n -q -f -i eth0 -t 3 -T 1 \
        -s "$LAB_SOURCE/lease_use"
}
