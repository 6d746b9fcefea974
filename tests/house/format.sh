#!/usr/bin/env bash
# Every C file is formatted as .clang-format (version 14) says.
set -euo pipefail
cd "$1"
version=$(clang-format --version 2>/dev/null | sed 's/.*version \([0-9]*\).*/\1/') || true
if [ "$version" != 14 ]; then
    echo "skipped: needs clang-format 14, found '${version:-none}'"
    exit 77
fi
mapfile -t files < <(find capture dissect flows rules tools tests -name '*.[ch]')
clang-format --dry-run -Werror "${files[@]}"
echo "${#files[@]} files"
