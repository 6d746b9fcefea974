# shellcheck shell=bash
# Into the internet: users browse (TLS, HTTP), the payment application calls
# its provider and, against the policy, another name. A server and a PLC, which
# should not, call out as well.

outside_needs() {
    echo nginx curl
}

outside_serve() {
    web_server website www.website.example 80 443 'TLSv1.2 TLSv1.3'
    web_server psp gateway.psp.example 80 443 'TLSv1.3'
}

outside_play() {
    browse alice 198.51.100.10 www.website.example 443
    works bob curl -sS -o /dev/null -H 'Host: www.website.example' \
        http://198.51.100.10/
    browse payapp 198.51.100.20 gateway.psp.example 443
    browse payapp 198.51.100.10 www.website.example 443
    browse intranet 198.51.100.10 www.website.example 443
    browse plc 198.51.100.10 www.website.example 443
}
