# shellcheck shell=bash
# The same over IPv6: the intranet, a lookup, an echo, a large one in
# fragments and a closed port.

six_needs() {
    echo nginx curl dnsmasq dig ping
}

six_serve() {
    names_serve
    web_server intranet intranet.lab.example 80 443 'TLSv1.2 TLSv1.3'
}

six_play() {
    browse alice '[2001:db8:40::10]' intranet.lab.example 443
    works alice dig +time=2 @2001:db8:40::2 intranet.lab.example AAAA
    works alice ping -6 -c 2 -i 0.2 2001:db8:40::10
    works alice ping -6 -c 1 -s 3000 2001:db8:40::2
    fails alice curl -sS --connect-timeout 2 'http://[2001:db8:10::5]:8081/'
}
