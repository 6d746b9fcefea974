# shellcheck shell=bash
# The website's network card segments for itself (TSO): a span port on a virtual
# switch then shows frames larger than any wire carries, their checksums not
# yet made.

offload_needs() {
    echo nginx curl
}

offload_serve() {
    web_server website www.website.example 80 443 'TLSv1.2 TLSv1.3'
}

offload_play() {
    offload_set website eth0 on
    offload_set core span on
    works alice curl -sS -o /dev/null http://198.51.100.10/large.bin
    offload_set core span off
    offload_set website eth0 off
}
