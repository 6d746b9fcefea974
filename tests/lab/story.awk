# story.awk: compares story.tsv (first file) with a capture's packets (second
# file: tshark's fields in the order check_story asks for). A conversation is
# two addresses, two ports and a protocol; its outcome is worked out from what
# both sides sent.

BEGIN {
    split(scenes, list, " ")
    for (i in list)
        wanted[list[i]] = 1
    n_rows = 0
}

FNR == NR {
    if ($0 !~ /^#/ && $1 != "scene" && NF && (scenes == "" || $1 in wanted))
        row[++n_rows] = $0
    next
}

{ packet() }

END {
    for (i = 1; i <= n_rows; i++)
        check(row[i])
    for (key in server)
        if (!(key in told)) {
            n_wrong++
            print "not in the story: " key " " outcome(key)
        }
    printf "%d lines of the story, %d differences\n", n_rows, n_wrong
    exit n_wrong != 0
}

function first(list) {
    sub(/,.*/, "", list)
    return list
}

function last(list) {
    sub(/.*,/, "", list)
    return list
}

# An ICMP error carries the packet it is about: then every field has both. Only
# 'unreachable' says that the conversation was refused.
function packet(    is_error, is_error6) {
    is_error = first($14) == 3 || first($14) == 11
    is_error6 = first($16) >= 1 && first($16) <= 4
    if (is_error || is_error6) {
        if (first($14) == 3 || first($16) == 1)
            quoted(is_error6)
        return
    }
    if ($7 != "")
        tcp(first($2 $4), first($3 $5), $7, $8, hexadecimal($9), $10)
    else if ($11 != "")
        datagram("udp", first($2 $4), first($3 $5), $11, $12, $13 - 8)
    else if ($14 == 8 || $14 == 0)
        echo("icmp", first($2), first($3), $14 == 8, 8, $15)
    else if ($16 == 128 || $16 == 129)
        echo("icmp6", first($4), first($5), $16 == 128, 128, $17)
}

function quoted(is_ipv6,    src, dst, key) {
    src = is_ipv6 ? last($4) : last($2)
    dst = is_ipv6 ? last($5) : last($3)
    if ($7 != "")
        key = conversation("tcp", src, dst, $7, $8)
    else if ($11 != "")
        key = conversation("udp", src, dst, $11, $12)
    else
        return
    if (key in server)
        unreachable[key] = 1
}

# The key under which a conversation is known, whoever of the two asks.
function conversation(proto, src, dst, src_port, dst_port,    back) {
    back = proto " " dst " " src " " dst_port " " src_port
    if (back in server)
        return back
    return proto " " src " " dst " " src_port " " dst_port
}

function seen(key, src, dst, port) {
    if (!(key in server)) {
        client[key] = src
        server[key] = dst
        server_port[key] = port
        vlan[key] = $1
    }
    # Every frame of a conversation has one tag, or none.
    if (vlan[key] != $1)
        vlan[key] = "mixed"
}

function tcp(src, dst, src_port, dst_port, flags, len,    key) {
    key = conversation("tcp", src, dst, src_port, dst_port)
    seen(key, src, dst, dst_port)
    if (src == client[key]) {
        if (has(flags, 16) && !has(flags, 4) && key in syn_ack)
            open[key] = 1
    } else if (has(flags, 4)) {
        reset[key] = 1
    } else if (has(flags, 2)) {
        syn_ack[key] = 1
    }
    payload[key] += len
}

function datagram(proto, src, dst, src_port, dst_port, len,    key) {
    key = conversation(proto, src, dst, src_port, dst_port)
    # A DHCP server's answer, to a client that asked by broadcast.
    if (src_port == 67 && dst_port == 68)
        seen(key, dst, src, src_port)
    else
        seen(key, src, dst, dst_port)
    if (src == client[key])
        payload[key] += len
    else
        answer[key] += len
}

function echo(proto, src, dst, is_request, type, id,    key) {
    if (is_request) {
        key = proto " " src " " dst " " id
        seen(key, src, dst, type)
    } else {
        key = proto " " dst " " src " " id
        answer[key] = 1
    }
    payload[key] = 1
}

function outcome(key) {
    if (key ~ /^tcp/ && open[key] || key !~ /^tcp/ && answer[key])
        return payload[key] ? "data" : "established"
    if (key in reset || key in unreachable)
        return "refused"
    return "attempt"
}

function check(line,    column, key, found, others, low, high) {
    split(line, column, "\t")
    low = high = column[7]
    if (column[7] ~ /-/) {
        sub(/-.*/, "", low)
        sub(/.*-/, "", high)
    }
    found = 0
    others = ""
    for (key in server) {
        if (key !~ "^" column[6] " " || client[key] != column[3] ||
            server[key] != column[5] || server_port[key] + 0 < low + 0 ||
            server_port[key] + 0 > high + 0)
            continue
        told[key] = 1
        if (outcome(key) == column[11] &&
            vlan[key] == (column[8] == "-" ? "" : column[8]))
            found++
        else
            others = others " " outcome(key) "/" vlan[key]
    }
    if (found == column[9])
        return
    n_wrong++
    printf "%s: %s -> %s %s/%s: %d %s expected, found %d%s\n", column[1],
        column[3], column[5], column[6], column[7], column[9], column[11],
        found, others == "" ? "" : ", else" others
}

function has(flags, bit) {
    return int(flags / bit) % 2
}

function hexadecimal(text,    i, value) {
    text = tolower(substr(text, 3))
    for (i = 1; i <= length(text); i++)
        value = value * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
    return value
}
