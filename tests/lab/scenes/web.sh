# shellcheck shell=bash
# Customers reach the shop over TLS 1.3, 1.2 and HTTP; one with TLS 1.0, which
# the shop still accepts. The shop asks the payment application.

web_needs() {
    echo nginx curl openssl
}

web_serve() {
    web_server shop shop.lab.example 80 443 \
        'TLSv1 TLSv1.1 TLSv1.2 TLSv1.3'
    web_server payapp pay.lab.example 8080 8443 'TLSv1.2 TLSv1.3'
}

# web_server HOST NAME HTTP_PORT TLS_PORT PROTOCOLS
web_server() {
    local root=$LAB_DIR/$1

    mkdir -p "$root/htdocs"
    chmod 755 "$root" "$root/htdocs"
    printf '<!doctype html><title>%s</title><p>A page of the lab.\n' "$2" \
        >"$root/htdocs/index.html"
    head -c 262144 /dev/urandom >"$root/htdocs/large.bin"
    ln -sf large.bin "$root/htdocs/slow.bin"
    sed -e "s|@ROOT@|$root|g" -e "s|@NAME@|$2|g" -e "s|@HTTP@|$3|g" \
        -e "s|@TLS@|$4|g" -e "s|@PROTOCOLS@|$5|g" \
        -e "s|@KEYS@|$LAB_DIR/keys|g" "$LAB_SOURCE/nginx.conf.in" \
        >"$root/nginx.conf"
    serve "web-$1" "$1" nginx -p "$root" -c "$root/nginx.conf" \
        -e "$root/error.log"
    wait_for "web server of $1" listening "$1" tcp "$4"
}

# browse HOST SERVER_ADDRESS NAME PORT [CURL_OPTION...]
browse() {
    local host=$1 address=$2 name=$3 port=$4
    shift 4
    works "$host" curl -sS --fail --cacert "$LAB_DIR/keys/ca.pem" \
        --resolve "$name:$port:$address" "$@" -o /dev/null \
        "https://$name:$port/"
}

web_play() {
    browse customer 10.10.0.5 shop.lab.example 443 --tlsv1.3
    browse customer 10.10.0.5 shop.lab.example 443 --tlsv1.2 --tls-max 1.2
    works customer curl -sS -o /dev/null http://10.10.0.5/
    # Debian's default security level rules TLS 1.0 out: level 0 lets it in.
    works attacker sh -c "{ printf 'GET / HTTP/1.0\r\n\r\n'; sleep 1; } |
        openssl s_client -tls1 -cipher DEFAULT:@SECLEVEL=0 \
            -connect 10.10.0.5:443 -servername shop.lab.example |
        grep 'Protocol.*TLSv1$'"
    browse shop 10.60.0.10 pay.lab.example 8443
}
