# shellcheck shell=bash
# The office: the intranet, files over SMB 3 and, against the policy, SMB 1;
# and a PC that serves a page to its neighbour.

office_needs() {
    echo nginx curl smbd smbclient python3
}

office_serve() {
    web_server intranet intranet.lab.example 80 443 'TLSv1.2 TLSv1.3'
    office_share
    serve shadow-web bob /usr/bin/python3 -m http.server -d "$LAB_DIR/share" \
        8000
    wait_for "page of a PC" listening bob tcp 8000
}

office_share() {
    local root=$LAB_DIR/samba

    mkdir -p "$root" "$LAB_DIR/share"
    chmod 755 "$root" "$LAB_DIR/share"
    head -c 40000 /dev/urandom >"$LAB_DIR/share/report.bin"
    cat >"$root/smb.conf" <<END
[global]
    server role = standalone server
    smb ports = 445
    server min protocol = NT1
    client min protocol = NT1
    map to guest = bad user
    disable spoolss = yes
    load printers = no
    private dir = $root
    lock directory = $root
    state directory = $root
    cache directory = $root
    pid directory = $root
    ncalrpc dir = $root/ncalrpc
    log level = 0
[share]
    path = $LAB_DIR/share
    guest ok = yes
END
    serve samba files smbd --foreground --no-process-group --debug-stdout \
        -s "$root/smb.conf"
    wait_for "file server" listening files tcp 445
}

# fetch_file HOST PROTOCOL
fetch_file() {
    works "$1" smbclient -s "$LAB_DIR/samba/smb.conf" -N -m "$2" \
        --option="client min protocol=$2" //10.40.2.20/share \
        -c "get report.bin $LAB_DIR/report.$2"
}

office_play() {
    browse alice 10.40.2.10 intranet.lab.example 443
    fetch_file alice SMB3
    fetch_file bob NT1
    works alice curl -sS -o /dev/null http://10.20.1.12:8000/
}
