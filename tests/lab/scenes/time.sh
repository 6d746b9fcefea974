# shellcheck shell=bash
# Clocks are compared, never set: chronyd -x serves without touching the
# machine's clock and -Q only asks.

time_needs() {
    echo chronyd
}

time_serve() {
    printf '%s\n' 'local stratum 10' 'allow' 'cmdport 0' \
        "pidfile $LAB_DIR/chronyd.pid" 'bindcmdaddress /' \
        >"$LAB_DIR/chronyd.conf"
    serve ntp ad chronyd -x -d -u root -f "$LAB_DIR/chronyd.conf"
    wait_for "NTP server" listening ad udp 123
}

time_play() {
    works payapp chronyd -Q -u root -t 8 \
        'server 10.40.1.2 iburst maxsamples 1' \
        "pidfile $LAB_DIR/chronyd-payapp.pid"
}
