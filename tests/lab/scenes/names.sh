# shellcheck shell=bash
# Name lookups: to the company's server over UDP and TCP, and to a stranger's.

names_needs() {
    echo dnsmasq dig
}

names_serve() {
    serve dns ad dnsmasq --keep-in-foreground --conf-file=/dev/null \
        --user=root --pid-file= --no-resolv --no-hosts --local-ttl=300 \
        --address=/intranet.lab.example/10.40.2.10 \
        --address=/intranet.lab.example/2001:db8:40::10 \
        --address=/files.lab.example/10.40.2.20 \
        --address=/www.website.example/198.51.100.10
    serve dns-stranger website dnsmasq --keep-in-foreground \
        --conf-file=/dev/null --user=root --pid-file= --no-resolv --no-hosts \
        --address=/updates.website.example/198.51.100.10
    wait_for "DNS server" listening ad udp 53
    wait_for "stranger's DNS server" listening website udp 53
}

names_play() {
    works alice dig +time=2 @10.40.1.2 intranet.lab.example A
    works alice dig +time=2 +tcp @10.40.1.2 files.lab.example A
    works payapp dig +time=2 @10.40.1.2 www.website.example A
    works bob dig +time=2 @198.51.100.10 updates.website.example A
}
