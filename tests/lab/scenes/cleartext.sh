# shellcheck shell=bash
# Logins in clear text on a machine that should have been retired: FTP with a
# passive data connection, and Telnet.

cleartext_needs() {
    echo vsftpd curl inetutils-inetd telnetd telnet
}

cleartext_serve() {
    local root=$LAB_DIR/ftp

    mkdir -p "$root/files" "$root/empty"
    chmod 755 "$root" "$root/files" "$root/empty"
    head -c 20000 /dev/urandom >"$root/files/archive.bin"
    printf '%s\n' listen=YES background=NO anonymous_enable=YES \
        local_enable=NO "anon_root=$root/files" \
        "secure_chroot_dir=$root/empty" pasv_min_port=50021 \
        pasv_max_port=50021 nopriv_user=nobody seccomp_sandbox=NO \
        >"$root/vsftpd.conf"
    serve ftp legacy vsftpd "$root/vsftpd.conf"
    cp "$LAB_SOURCE/terminal_login" "$LAB_DIR/terminal_login"
    echo "23 stream tcp nowait root $(command -v telnetd) telnetd -h" \
        "-E $LAB_DIR/terminal_login" >"$LAB_DIR/inetd.conf"
    serve telnet legacy inetutils-inetd -d -p "$LAB_DIR/inetd.pid" \
        "$LAB_DIR/inetd.conf"
    wait_for "FTP server" listening legacy tcp 21
    wait_for "Telnet server" listening legacy tcp 23
}

cleartext_play() {
    works alice curl -sS -o /dev/null --user anonymous:guest@lab.example \
        ftp://10.40.2.30/archive.bin
    works bob sh -c '{ sleep 1; echo operator; sleep 0.5; echo lab-only
        sleep 0.5; echo exit; sleep 1; } | telnet 10.40.2.30 |
        grep "welcome to the lab"'
}
