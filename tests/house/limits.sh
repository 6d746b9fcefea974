#!/usr/bin/env bash
# Limits of the tree: file sizes, banned functions, words that do not belong,
# and a top level that stays as it is.
set -euo pipefail
cd "$1"
broken=0
complain() {
    echo "$1" >&2
    broken=1
}

mapfile -t sources < <(find capture dissect flows rules tools tests -name '*.[ch]')
mapfile -t texts < <(find capture dissect flows rules tools tests README.md CMakeLists.txt \
    -type f -not -name '*.pcap*' -not -path '*/corpus/*' -not -path 'tests/house/limits.sh')

mapfile -t scripts < <(grep -rlE --exclude-dir=build* -m1 '^#!/usr/bin/env (python3|bash)' \
    capture dissect flows rules tools tests; find tests -name '*.py')
for file in "${sources[@]}" "${scripts[@]}"; do
    lines=$(wc -l <"$file")
    [ "$lines" -le 600 ] || complain "$file: $lines lines, 600 at most"
done

banned='\b(sprintf|vsprintf|strcpy|strcat|strncpy|strncat|strtok|atoi|atol|alloca|rand|gets|redisAppendCommand|redisvCommand)[[:space:]]*\('
if grep -nE "$banned" "${sources[@]}"; then
    complain "banned function"
fi
if grep -nE 'redisCommand *\(' tools/*/*.c; then
    complain "a formatted Redis command: only Argv calls carry any bytes"
fi

if grep -nE '\b(TODO|FIXME|XXX)\b|not implemented' "${sources[@]}"; then
    complain "unfinished work"
fi

if grep -nE '(^|[^A-Za-z0-9._-])/(work|farm|home)/' "${texts[@]}"; then
    complain "path of one machine"
fi

for entry in * ; do
    case $entry in
    CMakeLists.txt | LICENSE | README.md | build | capture | dissect | flows | rules | tools | tests) ;;
    *) complain "$entry: not on the fixed top level" ;;
    esac
done

exit $broken
