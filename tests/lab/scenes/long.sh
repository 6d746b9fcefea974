# shellcheck shell=bash
# A transfer that outlives the other scenes: the intranet sends a user nine
# kilobytes a second.

long_needs() {
    echo nginx curl
}

long_serve() {
    web_server intranet intranet.lab.example 80 443 'TLSv1.2 TLSv1.3'
}

long_play() {
    in_ns bob timeout 60 curl -sS -o /dev/null \
        --cacert "$LAB_DIR/keys/ca.pem" \
        --resolve intranet.lab.example:443:10.40.2.10 \
        https://intranet.lab.example/slow.bin \
        >"$LAB_DIR/log/long" 2>&1 </dev/null &
    LONG_PID=$!
}

long_finish() {
    wait "$LONG_PID" && return 0
    cp "$LAB_DIR/log/long" "$LAB_DIR/log/client"
    surprise "failed: the long transfer"
}
