# shellcheck shell=bash
# Connections that come to nothing: allowed but unanswered, allowed but
# refused, forbidden and refused by the host, forbidden and blocked on the way.

silence_needs() {
    echo curl
}

silence_serve() {
    :
}

silence_play() {
    fails alice curl -sS --connect-timeout 2 https://10.40.2.99/
    fails alice curl -sS --connect-timeout 2 http://10.40.2.10:445/
    fails bob curl -sS --connect-timeout 2 http://10.60.10.10:3389/
    fails attacker curl -sS --connect-timeout 2 http://10.40.2.10/
}
