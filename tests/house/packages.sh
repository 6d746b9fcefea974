#!/usr/bin/env bash
# tools/packages.txt is the one list of packages: no name twice, and all the
# lab's are on it.
set -euo pipefail
cd "$1"
listed=$(grep -v -e '^#' -e '^$' tools/packages.txt | sort)
twice=$(uniq -d <<<"$listed")
lab=$(tests/lab/lab packages | sort -u)
missing=$(comm -13 <(uniq <<<"$listed") - <<<"$lab")
[ -z "$twice" ] || echo "listed twice: $twice"
[ -z "$missing" ] || echo "the lab needs, but the list has not: $missing"
[ -z "$twice$missing" ]
