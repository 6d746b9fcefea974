# shellcheck shell=bash
# Monitoring: SNMP polls and pings outwards, syslog inwards.

watch_needs() {
    echo snmpd snmpget rsyslogd logger ping
}

watch_serve() {
    printf '%s\n' 'rocommunity public' 'sysLocation segmon lab' \
        'agentAddress udp:161' >"$LAB_DIR/snmpd.conf"
    serve snmp intranet snmpd -f -Lo -C -c "$LAB_DIR/snmpd.conf" \
        -p "$LAB_DIR/snmpd.pid" -I system_mib
    printf '%s\n' 'module(load="imudp")' 'input(type="imudp" port="514")' \
        "*.* action(type=\"omfile\" file=\"$LAB_DIR/log/syslog\")" \
        >"$LAB_DIR/rsyslog.conf"
    serve syslog siem rsyslogd -n -i "$LAB_DIR/rsyslog.pid" \
        -f "$LAB_DIR/rsyslog.conf"
    wait_for "SNMP agent" listening intranet udp 161
    wait_for "syslog server" listening siem udp 514
}

watch_play() {
    works poller snmpget -v 2c -c public -m '' 10.40.2.10 1.3.6.1.2.1.1.6.0
    works poller ping -c 2 -i 0.2 10.60.0.10
    works shop logger --server 10.50.1.20 --port 514 --udp --tag shop \
        "the lab's shop is open"
}
