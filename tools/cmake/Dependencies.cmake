# The libraries segmon stands on.  Each is included by one file, or by the few
# that tests/house/includes.cmake names; tools/packages.txt installs them.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(PCAP REQUIRED IMPORTED_TARGET libpcap>=1.10)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(NDPI REQUIRED IMPORTED_TARGET libndpi>=4.2)
pkg_check_modules(NETTLE REQUIRED IMPORTED_TARGET nettle)   # SHA-1, SHA-256, base64
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1>=0.2.5)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis>=0.14)
option(SEGMON_TLS "Speak TLS to Redis (rediss://), where OpenSSL is there" ON)
if(SEGMON_TLS)
    pkg_check_modules(OPENSSL IMPORTED_TARGET openssl>=3.0)
endif()
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp>=2.5)
pkg_check_modules(NCURSESW REQUIRED IMPORTED_TARGET ncursesw>=6)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.13)
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd>=0.9.75)
if(BUILD_TESTING)
    pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka>=1.1.5)
endif()
