# shellcheck shell=bash
# Administration over SSH: from the jump host, as it should be; by a user; and
# straight from the internet.

admin_needs() {
    echo sshd ssh ssh-keygen
}

admin_serve() {
    local host

    ssh_keys_new
    cat >"$LAB_DIR/sshd.conf" <<END
HostKey $LAB_DIR/keys/ssh_host
AuthorizedKeysFile $LAB_DIR/keys/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
PidFile none
ForceCommand echo welcome to the lab
END
    for host in payapp intranet shop; do
        serve "ssh-$host" "$host" unshare --mount sh -c "
            mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd &&
            exec $(command -v sshd) -D -e -f $LAB_DIR/sshd.conf"
        wait_for "SSH server of $host" listening "$host" tcp 22
    done
}

# log_in works|fails HOST KEY ADDRESS
log_in() {
    "$1" "$2" ssh -F none -i "$LAB_DIR/keys/ssh_$3" -o BatchMode=yes \
        -o IdentitiesOnly=yes -o StrictHostKeyChecking=no \
        -o UserKnownHostsFile=/dev/null "root@$4"
}

admin_play() {
    log_in works jump jump 10.60.0.10
    log_in works jump jump 10.40.2.10
    log_in works alice jump 10.40.2.10
    log_in fails attacker stranger 10.10.0.5
}
