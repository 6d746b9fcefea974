# shellcheck shell=bash
# network.sh: the lab's network, sourced by 'lab'.
#
# One namespace per host, one router ('core') with a bridge per segment, and one
# ('sensor') at the end of the mirror port. Every name starts with $LAB_PREFIX,
# which carries the process id, so nothing outside the lab is ever touched and
# two labs can run side by side. No namespace has a way out of the machine.
#
# The mirror port copies each frame once: when it enters the core from a host.
# What the core itself says (ARP, ICMP errors, relayed DHCP) is copied as it
# leaves. The guest segment hangs on a tagged trunk (VLAN 300), which is copied
# in both directions instead, so that both halves of a guest's conversation
# carry the tag.

# segment, IPv4 gateway, IPv6 gateway
lab_segments() {
    cat <<'END'
users      10.20.0.1/16     2001:db8:20::1/64
servers    10.40.0.1/16     2001:db8:40::1/64
dmz        10.10.0.1/24     2001:db8:10::1/64
pciapp     10.60.0.1/24     -
pcidb      10.60.10.1/24    -
scada      10.81.0.1/24     -
cell       10.82.1.1/24     -
jump       10.50.0.1/28     -
monitoring 10.50.1.1/24     -
guest      10.30.0.1/16     -
internet   198.51.100.1/24  -
customers  203.0.113.1/24   -
END
}

# host, segment, IPv4 address, IPv6 address; '-' for none. 'newcomer' gets its
# address from the lab's DHCP server.
lab_hosts() {
    cat <<'END'
alice     users      10.20.1.11/16     2001:db8:20::11/64
bob       users      10.20.1.12/16     -
mallory   users      10.20.1.66/16     -
newcomer  users      -                 -
ad        servers    10.40.1.2/16      2001:db8:40::2/64
dhcp      servers    10.40.1.4/16      -
intranet  servers    10.40.2.10/16     2001:db8:40::10/64
files     servers    10.40.2.20/16     -
legacy    servers    10.40.2.30/16     -
shop      dmz        10.10.0.5/24      2001:db8:10::5/64
payapp    pciapp     10.60.0.10/24     -
carddb    pcidb      10.60.10.10/24    -
hmi       scada      10.81.0.10/24     -
plc       cell       10.82.1.20/24     -
drive     cell       10.82.1.30/24     -
jump      jump       10.50.0.2/28      -
poller    monitoring 10.50.1.10/24     -
siem      monitoring 10.50.1.20/24     -
visitor   guest      10.30.0.50/16     -
website   internet   198.51.100.10/24  -
psp       internet   198.51.100.20/24  -
customer  customers  203.0.113.9/24    -
attacker  customers  203.0.113.66/24   -
END
}

ns() {
    printf '%s%s' "$LAB_PREFIX" "$1"
}

# Runs a command inside a host's namespace.
in_ns() {
    local host=$1
    shift
    ip netns exec "$(ns "$host")" "$@"
}

network_up() {
    local name segment address address6 gateway gateway6

    namespace_new core
    namespace_new sensor
    in_ns core sysctl -q -w net.ipv4.ip_forward=1 \
        net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0
    span_new
    while read -r segment gateway gateway6; do
        segment_new "$segment" "$gateway" "$gateway6"
    done < <(lab_segments)
    while read -r name segment address address6; do
        host_new "$name" "$segment" "$address" "$address6"
    done < <(lab_hosts)
    firewall_up
}

# The core's own policy. It has holes that the segmentation policy does not
# allow: that is what makes an established violation.
firewall_up() {
    in_ns core ip rule add from 10.30.0.0/16 to 10.60.0.0/24 prohibit
    in_ns core ip rule add from 203.0.113.66 to 10.40.0.0/16 blackhole
    in_ns core ip route add blackhole 10.40.2.99/32
}

# Ends only processes inside namespaces this lab made, then the namespaces.
network_down() {
    local name

    for name in $(ip netns list | awk '{ print $1 }'); do
        case $name in
        "$LAB_PREFIX"*) namespace_end "$name" ;;
        esac
    done
}

namespace_end() {
    local pids

    while pids=$(ip netns pids "$1") && [ -n "$pids" ]; do
        # shellcheck disable=SC2086 # a list of process ids
        kill -KILL $pids 2>/dev/null
        sleep 0.02
    done
    ip netns del "$1"
}

namespace_new() {
    ip netns add "$(ns "$1")"
    in_ns "$1" ip link set lo up
    # Hosts without an IPv6 address would only add noise to the recording.
    in_ns "$1" sysctl -q -w net.ipv6.conf.default.disable_ipv6=1
}

# A cable: veth pair with the offloads off, so that every frame on it is one
# that a wire would carry, checksums included.
cable_new() {
    local host_a=$1 if_a=$2 host_b=$3 if_b=$4

    ip link add "$if_a" netns "$(ns "$host_a")" type veth \
        peer name "$if_b" netns "$(ns "$host_b")"
    offload_set "$host_a" "$if_a" off
    offload_set "$host_b" "$if_b" off
    in_ns "$host_a" ip link set "$if_a" up
    in_ns "$host_b" ip link set "$if_b" up
}

offload_set() {
    in_ns "$1" ethtool -K "$2" rx "$3" tx "$3" tso "$3" gso "$3" gro "$3" \
        >/dev/null
}

span_new() {
    cable_new core span sensor span0
    in_ns core ip link set span promisc on
    in_ns sensor ip link set span0 promisc on
}

segment_new() {
    local segment=$1 gateway=$2 gateway6=$3

    if [ "$segment" = guest ]; then
        trunk_port core guest trunk-guest 300 trunk visitor
    else
        in_ns core ip link add "$segment" type bridge stp_state 0 \
            forward_delay 0 mcast_snooping 0
        in_ns core ip link set "$segment" up
        mirror_gateway "$segment"
    fi
    in_ns core ip address add "$gateway" dev "$segment"
    [ "$gateway6" = - ] || address6_add core "$segment" "$gateway6"
}

address6_add() {
    in_ns "$1" sysctl -q -w "net.ipv6.conf.$2.disable_ipv6=0"
    in_ns "$1" ip address add "$3" dev "$2" nodad
}

host_new() {
    local host=$1 segment=$2 address=$3 address6=$4 gateway gateway6

    if [ "$segment" != guest ]; then
        namespace_new "$host"
        cable_new core "p-$host" "$host" eth0
        in_ns core ip link set "p-$host" master "$segment"
        mirror_port "p-$host"
    fi
    gateway=$(lab_segments | awk -v s="$segment" '$1 == s { print $2 }')
    gateway6=$(lab_segments | awk -v s="$segment" '$1 == s { print $3 }')
    if [ "$address" != - ]; then
        in_ns "$host" ip address add "$address" dev eth0
        in_ns "$host" ip route add default via "${gateway%/*}"
    fi
    if [ "$address6" != - ]; then
        address6_add "$host" eth0 "$address6"
        in_ns "$host" ip -6 route add default via "${gateway6%/*}" dev eth0
    fi
}

# An 802.1Q trunk between the core and one host. The tags are put on and taken
# off by trunk_port.py at both ends, which also works on kernels without VLAN
# devices.
trunk_port() {
    local core=$1 core_if=$2 core_trunk=$3 vlan=$4 host_trunk=$5 host=$6

    namespace_new "$host"
    cable_new "$core" "$core_trunk" "$host" "$host_trunk"
    trunk_end "$core" "$core_trunk" "$core_if" "$vlan"
    trunk_end "$host" "$host_trunk" eth0 "$vlan"
    in_ns core tc qdisc add dev "$core_trunk" clsact
    mirror_all "$core_trunk" ingress
    mirror_all "$core_trunk" egress
}

trunk_end() {
    local host=$1 trunk=$2 access=$3 vlan=$4

    in_ns "$host" ip link set "$trunk" promisc on
    in_ns "$host" ip tuntap add dev "$access" mode tap
    ip netns exec "$(ns "$host")" /usr/bin/python3 \
        "$LAB_SOURCE/trunk_port.py" "$trunk" "$access" "$vlan" >"$LAB_DIR/log/trunk-$host" 2>&1 &
    disown
    wait_for "trunk port of $host" in_ns "$host" sh -c \
        "ip link show $access | grep -q LOWER_UP || {
             ip link set $access up; false; }"
    offload_set "$host" "$access" off
}

mirror_all() {
    in_ns core tc filter add dev "$1" "$2" prio 9 protocol all \
        u32 match u32 0 0 action mirred egress mirror dev span
}

# Frames for guests are copied on the trunk, with their tag: not here.
mirror_port() {
    in_ns core tc qdisc add dev "$1" clsact
    in_ns core tc filter add dev "$1" ingress prio 1 protocol ip \
        u32 match ip dst 10.30.0.0/16 flowid :1
    mirror_all "$1" ingress
}

# What the core says for itself on a segment. It may say it under any of its
# addresses: a DHCP relay speaks to the server under the client's gateway.
mirror_gateway() {
    local segment=$1 gateway gateway6
    local to_span=(action mirred egress mirror dev span)

    in_ns core tc qdisc add dev "$segment" clsact
    in_ns core tc filter add dev "$segment" egress prio 1 protocol arp \
        u32 match u32 0 0 "${to_span[@]}"
    in_ns core tc filter add dev "$segment" egress prio 3 protocol ipv6 \
        u32 match ip6 src fe80::/10 "${to_span[@]}"
    while read -r _ gateway gateway6; do
        in_ns core tc filter add dev "$segment" egress prio 2 protocol ip \
            u32 match ip src "${gateway%/*}/32" "${to_span[@]}"
        [ "$gateway6" = - ] ||
            in_ns core tc filter add dev "$segment" egress prio 3 \
                protocol ipv6 u32 match ip6 src "${gateway6%/*}/128" \
                "${to_span[@]}"
    done < <(lab_segments)
}
