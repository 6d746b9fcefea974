# shellcheck shell=bash
# A user's PC scans the payment application's ports and sweeps the cell.

scan_needs() {
    echo nmap && admin_needs && web_needs && plant_needs
}

# The ports it finds open are other scenes'.
scan_serve() {
    admin_serve
    web_serve
    plant_serve
}

scan_play() {
    works mallory nmap -n -Pn -sS --max-retries 0 -p 1-100,8443 10.60.0.10
    works mallory nmap -n -Pn -sS --max-retries 0 --max-rtt-timeout 300ms \
        -p 502 10.82.1.16-23
    # The core asks three seconds for a host before it says there is none.
    sleep 3.5
}
