# shellcheck shell=bash
# A user fetches a page over QUIC.

quic_needs() {
    echo gtlsserver gtlsclient
}

quic_serve() {
    mkdir -p "$LAB_DIR/quic"
    printf 'A page of the lab.\n' >"$LAB_DIR/quic/index.html"
    serve quic website gtlsserver -q -d "$LAB_DIR/quic" 198.51.100.10 443 \
        "$LAB_DIR/keys/www.website.example.key" \
        "$LAB_DIR/keys/www.website.example.pem"
    wait_for "QUIC server" listening website udp 443
}

quic_play() {
    works alice gtlsclient -q --sni www.website.example \
        --exit-on-all-streams-close --timeout=3s 198.51.100.10 443 \
        https://www.website.example/index.html
}
