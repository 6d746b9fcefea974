#!/usr/bin/env bash
# Every shell script passes shellcheck.
set -euo pipefail
cd "$1"
command -v shellcheck >/dev/null || {
    echo "skipped: shellcheck is missing (package shellcheck)"
    exit 77
}
mapfile -t files < <(grep -rlIE '^#!.*\b(ba)?sh$|^# shellcheck shell=' .ci tools tests)
shellcheck "${files[@]}"
echo "${#files[@]} files"
