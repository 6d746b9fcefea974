# Checks the house rules about #include:
#
#   - a folder includes only itself and the folders upstream of it; inside
#     tools/: event, redis, spool, output, runtime, process, settings, metrics,
#     then commands, with report, forward, watch and reconcile beside runtime,
#     and doctor behind report; process knows of none before it but event;
#     the rooms of rules/ may use each other;
#   - each outside library is included by the files named here and no other;
#   - only tools/ starts threads.

cmake_minimum_required(VERSION 3.22)

set(rooms_rules rules rules/load rules/print rules/judge rules/analysis
                rules/detect)
set(folders capture dissect flows ${rooms_rules}
            tools/event tools/redis tools/spool tools/output tools/runtime
            tools/process tools/settings tools/metrics
            tools/report tools/forward tools/doctor
            tools/watch tools/reconcile
            tools/commands tools)
set(upstream_capture capture)
set(upstream_dissect capture dissect)
set(upstream_flows capture dissect flows)
set(upstream_rules capture dissect flows ${rooms_rules})
foreach(room ${rooms_rules})
    set(upstream_${room} ${upstream_rules})
endforeach()
set(upstream_tools/event ${upstream_rules} tools/event)
set(upstream_tools/redis ${upstream_tools/event} tools/redis)
set(upstream_tools/spool ${upstream_tools/redis} tools/spool)
set(upstream_tools/output ${upstream_tools/spool} tools/output)
set(upstream_tools/runtime ${upstream_tools/output} tools/runtime)
set(upstream_tools/process ${upstream_tools/event} tools/process)
set(upstream_tools/settings ${upstream_tools/runtime} tools/process
                            tools/settings)
set(upstream_tools/metrics ${upstream_tools/settings} tools/metrics)
set(upstream_tools/report ${upstream_tools/output} tools/report)
set(upstream_tools/forward ${upstream_tools/output} tools/forward)
set(upstream_tools/doctor ${upstream_tools/report} tools/doctor)
set(upstream_tools/watch ${upstream_tools/output} tools/watch)
set(upstream_tools/reconcile ${upstream_tools/output} tools/reconcile)
set(upstream_tools/commands ${upstream_tools/metrics} tools/report tools/forward
                            tools/doctor tools/watch tools/reconcile
                            tools/commands)
set(upstream_tools ${upstream_tools/commands} tools)

# Library header (as a regular expression) and the files that may include it.
set(libraries pcap zlib zstd ndpi nettle xxhash yaml hiredis jansson curses
              microhttpd seccomp openssl)
set(owners_pcap "capture/(live_filter|source_filter|source_live)\\.c")
set(owners_zlib "capture/decompress\\.c")
set(owners_zstd "capture/decompress\\.c")
set(owners_ndpi "dissect/(application|ndpi_[a-z]+)\\.[ch]")
set(owners_nettle "(flows/community_id|rules/print/policy_hash)\\.c")
set(owners_xxhash "capture/xxh3\\.h")
set(owners_yaml "rules/load/yaml_doc\\.c")
set(owners_jansson "tools/(commands/(question_json|run_dump)\\.c|event/tree\\.h|forward/(convert_table\\.h|forward_line\\.c))")
set(owners_microhttpd "tools/metrics/metrics_http\\.c")
set(owners_seccomp "tools/process/sandbox\\.c")
set(owners_curses "tools/watch/top_terminal\\.c")
set(owners_hiredis "tools/redis/redis_link\\.c")
set(owners_openssl "tools/redis/redis_tls\\.c")

set(broken 0)
macro(complain text)
    message(SEND_ERROR "${text}")
    math(EXPR broken "${broken} + 1")
endmacro()

foreach(folder ${folders})
    file(GLOB files RELATIVE ${ROOT} ${ROOT}/${folder}/*.[ch])
    foreach(file ${files})
        file(STRINGS ${ROOT}/${file} lines REGEX "^ *# *include")
        foreach(line ${lines})
            if(line MATCHES "\"(.+)/[^/]+\"")
                set(used ${CMAKE_MATCH_1})
                if(NOT used IN_LIST upstream_${folder})
                    complain("${file}: ${folder} may not include ${used}: ${line}")
                endif()
            elseif(line MATCHES "\"")
                complain("${file}: write the folder too: ${line}")
            elseif(line MATCHES "<(pthread|threads)\\.h>"
                   AND NOT folder MATCHES "^tools")
                complain("${file}: only tools/ starts threads")
            endif()
            foreach(library ${libraries})
                if(line MATCHES "<[a-z]*${library}[a-z_0-9]*[./]"
                   AND NOT file MATCHES "^${owners_${library}}$")
                    complain("${file}: may not include ${library}: ${line}")
                endif()
            endforeach()
        endforeach()
    endforeach()
endforeach()
if(broken)
    message(FATAL_ERROR "${broken} house rules broken")
endif()
