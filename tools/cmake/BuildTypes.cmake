# Build types beyond CMake's own.  One word selects one:
#
#   cmake -B build/asan -DCMAKE_BUILD_TYPE=Asan

set(types Release Debug RelWithDebInfo Asan Tsan Coverage Fuzz)
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "One of: ${types}" FORCE)
elseif(NOT CMAKE_BUILD_TYPE IN_LIST types)
    message(FATAL_ERROR
            "CMAKE_BUILD_TYPE is '${CMAKE_BUILD_TYPE}', not one of: ${types}")
endif()

set(sanitized "-O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g -DNDEBUG")
set(CMAKE_C_FLAGS_ASAN "${sanitized} -fsanitize=address,undefined")
set(CMAKE_C_FLAGS_TSAN "${sanitized} -fsanitize=thread")
set(CMAKE_C_FLAGS_COVERAGE "-O0 -g --coverage")
set(CMAKE_C_FLAGS_FUZZ "${sanitized} -fsanitize=address,undefined,fuzzer-no-link")
# Sanitizers watch as debuggers do, and map memory as they like.
add_compile_definitions($<$<CONFIG:Asan,Tsan,Fuzz>:SEGMON_SANITIZED>)

if(CMAKE_BUILD_TYPE STREQUAL Fuzz AND NOT CMAKE_C_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "The Fuzz build type needs clang: set CC=clang")
endif()
