# shellcheck shell=bash
# process.sh: servers and clients inside the lab's hosts, sourced by 'lab'.

# serve NAME HOST COMMAND...: a server that runs until the lab ends. A second
# call with the same NAME does nothing, so scenes can share servers.
serve() {
    local name=$1 host=$2
    shift 2

    [ ! -e "$LAB_DIR/served/$name" ] || return 0
    : >"$LAB_DIR/served/$name"
    ip netns exec "$(ns "$host")" unshare --uts "$LAB_SOURCE/as_host" \
        "$host" "$LAB_DIR/etc" "$@" \
        >"$LAB_DIR/log/$name" 2>&1 </dev/null &
    disown
}

# wait_for WHAT COMMAND...: until the command succeeds, at most ten seconds.
wait_for() {
    local what=$1 try
    shift

    for ((try = 0; try < 100; try++)); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    say "gave up waiting for $what"
    record_failed
    return 1
}

# listening HOST tcp|udp PORT
listening() {
    in_ns "$1" ss -Hln "--$2" "sport = :$3" | grep -q .
}

# works HOST COMMAND... and fails HOST COMMAND...: a client and what its exit
# status must say. A surprise is told with the end of its output and fails the
# recording: a sample whose story did not happen is worse than none.
works() {
    client "$@" && return 0
    surprise "failed: $*"
}

fails() {
    client "$@" || return 0
    surprise "should have failed: $*"
}

client() {
    local host=$1
    shift
    in_ns "$host" unshare --uts "$LAB_SOURCE/as_host" \
        "$host" "$LAB_DIR/etc" timeout "$CLIENT_SECONDS" "$@" \
        >"$LAB_DIR/log/client" 2>&1 </dev/null
}

surprise() {
    say "$1"
    tail -n 5 "$LAB_DIR/log/client" | sed 's/^/    /' >&2
    record_failed
}

# A command's Debian package is in packages.txt: PACKAGE COMMAND... A Python
# module counts as a command when it is written python3:MODULE.
missing_commands() {
    local command

    for command in "$@"; do
        has_command "$command" ||
            printf '%s (package %s) ' "$command" "$(package_of "$command")"
    done
}

has_command() {
    case $1 in
    python3:*) /usr/bin/python3 -c "import ${1#*:}" 2>/dev/null ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

package_of() {
    awk -v command="$1" '
        /^#/ { next }
        { for (i = 2; i <= NF; i++) if ($i == command) { print $1; exit } }
    ' "$LAB_SOURCE/packages.txt"
}
