# Writes a C file that returns the text of a file from a function:
#
#   cmake -DFROM=schema.json -DTO=schema.c -DHEADER=tools/event/schema.h
#         -DFUNCTION=schema_text -P embed.cmake
#
# As numbers, because a compiler need not take a string literal that long.

cmake_minimum_required(VERSION 3.22)

file(READ ${FROM} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
string(REPEAT "....." 16 line)
string(REGEX REPLACE "(${line})" "\\1\n" bytes "${bytes}")
file(WRITE ${TO}
"/* Made from ${FROM}; do not edit. */

#include \"${HEADER}\"

static const char text[] = {
${bytes}0};

const char *
${FUNCTION}(void)
{
    return text;
}
")
