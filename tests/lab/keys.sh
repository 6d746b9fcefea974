# shellcheck shell=bash
# keys.sh: fresh keys with fixed subjects, sourced by 'lab'. They live as long
# as the lab's folder and guard nothing.

keys_new() {
    local keys=$LAB_DIR/keys name

    mkdir -p "$keys"
    authority_new "$keys"
    for name in shop.lab.example intranet.lab.example pay.lab.example \
        www.website.example gateway.psp.example; do
        certificate_new "$keys" "$name"
    done
}

ssh_keys_new() {
    local name

    [ ! -e "$LAB_DIR/keys/authorized_keys" ] || return 0
    for name in host jump stranger; do
        ssh-keygen -q -t ed25519 -N '' -C "lab-$name" \
            -f "$LAB_DIR/keys/ssh_$name"
    done
    cp "$LAB_DIR/keys/ssh_jump.pub" "$LAB_DIR/keys/authorized_keys"
    chmod 600 "$LAB_DIR/keys/authorized_keys"
}

authority_new() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -keyout "$1/ca.key" -out "$1/ca.pem" -days 825 \
        -subj "/O=segmon lab/CN=segmon lab authority" 2>/dev/null
}

certificate_new() {
    local keys=$1 name=$2

    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -keyout "$keys/$name.key" -out "$keys/$name.csr" \
        -subj "/O=segmon lab/CN=$name" 2>/dev/null
    openssl x509 -req -in "$keys/$name.csr" -CA "$keys/ca.pem" \
        -CAkey "$keys/ca.key" -CAcreateserial -days 397 \
        -extfile <(printf 'subjectAltName=DNS:%s\n' "$name") \
        -out "$keys/$name.pem" 2>/dev/null
}
