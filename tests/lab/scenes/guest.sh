# shellcheck shell=bash
# A guest, in VLAN 300: the internet works, card data is blocked by the core
# with an ICMP error, and the intranet, which should be, is not.

guest_needs() {
    echo nginx curl dnsmasq dig
}

guest_serve() {
    names_serve
    outside_serve
    web_server intranet intranet.lab.example 80 443 'TLSv1.2 TLSv1.3'
}

guest_play() {
    works visitor dig +time=2 @10.40.1.2 www.website.example A
    browse visitor 198.51.100.10 www.website.example 443
    fails visitor curl -sS --connect-timeout 2 https://10.60.0.10:8443/
    browse visitor 10.40.2.10 intranet.lab.example 443
}
