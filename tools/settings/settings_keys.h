/* Every key of segmon.yaml, once: its values, its default, what it means.
 *
 * Loading, --set, printing, comparing and telling mistakes all follow from
 * these tables, and segmon.yaml(5) is checked against them.
 *
 * X("key", TYPE, member, least, most, words, "default", FLAGS, "meaning") */

#ifndef TOOLS_SETTINGS_SETTINGS_KEYS_H
#define TOOLS_SETTINGS_SETTINGS_KEYS_H

#include "tools/settings/settings.h"
#include "tools/spool/spool.h"

#include <stddef.h>
#include <stdint.h>

/* X(NAME, "what a value of it is") */
#define SETTINGS_TYPES(X)                                                      \
    X(BOOL, "true or false")                                                   \
    X(COUNT, "a whole number")                                                 \
    X(SIZE, "bytes, such as 512M or 2G")                                       \
    X(DURATION, "seconds, or a time such as 90s, 10m or 1h")                   \
    X(WORD, "one of some words")                                               \
    X(WORDS, "a list of some words")                                           \
    X(TEXT, "text")                                                            \
    X(PATH, "the path of a file")                                              \
    X(SENSOR, "letters, digits, '.', '_' and '-'")                             \
    X(SYNC, "'always', or a time such as 500ms or 2s")                         \
    X(TEMPLATE, "text for people, with {sensor} and {type}")                   \
    X(FIELD, "letters, digits, '.', '_' and '-'")                              \
    X(LISTEN, "'off', a port, or a numeric address and one: 127.0.0.1:9464")   \
    X(INTERFACES, "a list of names of interfaces")                             \
    X(OUTPUTS, "a list of outputs")                                            \
    X(REDIS, "redis://... or unix://...")                                      \
    X(FILE, "the path of a file, or '-'")

enum settings_type {
#define SETTINGS_TYPE_ENUM(NAME, TEXT) SETTINGS_##NAME,
    SETTINGS_TYPES(SETTINGS_TYPE_ENUM) SETTINGS_N_TYPES
#undef SETTINGS_TYPE_ENUM
};

enum settings_flag {
    SETTINGS_HOT = 0,     /* A change takes effect at once. */
    SETTINGS_RESTART = 1, /* It has to wait for the next start. */
    SETTINGS_LIVE = 2,    /* Means nothing without interfaces. */
    SETTINGS_SERVER = 4   /* Of an output: means nothing for a file. */
};

struct settings_key {
    const char *name; /* Parts with dots between them. */
    enum settings_type type;
    unsigned flags;
    size_t offset, size;      /* Of the member. */
    uint64_t least, most;     /* Of numbers; durations in seconds. */
    const char *const *words; /* NULL-terminated; in the order of the enum or of
                               * the bits. */
    const char *standard;     /* The default, as it would be written. */
    const char *meaning;
};

#define SETTINGS_RESTART_LIVE   (SETTINGS_RESTART | SETTINGS_LIVE)
#define SETTINGS_HOT_LIVE       (SETTINGS_HOT | SETTINGS_LIVE)
#define SETTINGS_RESTART_SERVER (SETTINGS_RESTART | SETTINGS_SERVER)
#define SETTINGS_MAX_SECONDS    1000000000
#define SETTINGS_MAX_TIMEOUT    1728000 /* 20 days, as in flow_expiry.h. */
#define SETTINGS_MAX_SYNC_MS    60000

/* Of the whole file. */
#define SETTINGS_KEYS(X)                                                       \
    X("sensor", SENSOR, sensor, 0, 0, NULL, "", RESTART,                       \
      "name in the events; default: the host's")                               \
    X("policy", PATH, policy, 0, 0, NULL, "", HOT,                             \
      "the policy; without one, everything is observed")                       \
    X("memory", SIZE, memory_bytes, 1, SIZE_MAX / 2, NULL, "0", RESTART,       \
      "what all of the program may use; 0: no more limits than those below")   \
    X("events", WORDS, events, 1, 0, settings_event_words,                     \
      "flow,violation,status", RESTART, "the kinds that are made at all")      \
    X("outputs", OUTPUTS, outputs, 0, 0, NULL, "", RESTART, "where events go") \
    X("spool.directory", PATH, spool.directory, 0, 0, NULL, "", RESTART,       \
      "where they wait for servers; without one, in memory")                   \
    X("spool.size", SIZE, spool.max_bytes, SPOOL_MIN_BYTES, SPOOL_MAX_BYTES,   \
      NULL, "1G", RESTART, "of what waits on disk, for each server")           \
    X("spool.sync", SYNC, spool.sync_ns, 1, SETTINGS_MAX_SYNC_MS, NULL,        \
      "500ms", RESTART, "what a power cut may take of it")                     \
    X("heartbeat", DURATION, heartbeat_ns, 1, SETTINGS_MAX_SECONDS, NULL,      \
      "60", HOT_LIVE, "between two status events")                             \
    X("stop_timeout", DURATION, stop_timeout_ns, 5, SETTINGS_MAX_SECONDS,      \
      NULL, "20", HOT_LIVE, "for ending in order, whatever the outputs do")    \
    X("capture.interfaces", INTERFACES, capture.interfaces, 0, 0, NULL, "",    \
      RESTART_LIVE, "where to capture")                                        \
    X("capture.workers", COUNT, capture.workers, 1, PIPELINE_MAX_WORKERS,      \
      NULL, "1", RESTART, "threads that do the work")                          \
    X("capture.buffer", SIZE, capture.buffer_bytes, SOURCE_LIVE_MIN_BUFFER,    \
      SOURCE_LIVE_MAX_BUFFER, NULL, "64M", RESTART_LIVE,                       \
      "the kernel's ring, for each worker and interface")                      \
    X("capture.snaplen", COUNT, capture.snaplen, 64, SOURCE_MAX_FRAME_BYTES,   \
      NULL, "65535", RESTART_LIVE, "bytes kept of a frame")                    \
    X("capture.promiscuous", BOOL, capture.promiscuous, 0, 1, NULL, "true",    \
      RESTART_LIVE, "also what is not addressed to the interface")             \
    X("capture.filter", TEXT, capture.filter, 0, 0, NULL, "", RESTART,         \
      "BPF expression: only frames it matches")                                \
    X("flows.max", COUNT, flows.max, 1, UINT32_MAX / 2, NULL, "1000000",       \
      RESTART, "conversations alive at once")                                  \
    X("flows.memory", SIZE, flows.memory_bytes, 1, SIZE_MAX / 2, NULL, "0",    \
      RESTART, "of the flow table; 0: what 'memory' leaves")                   \
    X("flows.attempts", COUNT, flows.attempts, 0, 1000000000, NULL, "10000",   \
      HOT_LIVE, "of one kind told one by one in a minute; 0: all")             \
    X("flows.emergency", COUNT, flows.emergency, 0, 99, NULL, "90", RESTART,   \
      "percent of a full table from which attempts give way; 0: never")        \
    X("flows.duplicates", WORD, flows.duplicates, 0, 0,                        \
      settings_duplicate_words, "mark", RESTART,                               \
      "copies of a packet: counted with the rest, or apart only")              \
    X("flows.vlan", WORD, flows.vlan, 0, 0, settings_vlan_words, "policy",     \
      RESTART, "whether VLAN ids separate equal conversations")                \
    X("flows.decapsulate", BOOL, flows.decapsulate, 0, 1, NULL, "true",        \
      RESTART, "judge what is inside tunnels")                                 \
    X("flows.teredo", BOOL, flows.teredo, 0, 1, NULL, "false", RESTART,        \
      "look inside Teredo too")                                                \
    SETTINGS_TIMEOUT(X, "tcp_opening", tcp_opening_ns, 1, "60",                \
                     "SYN seen, no handshake yet")                             \
    SETTINGS_TIMEOUT(X, "tcp_established", tcp_established_ns, 1, "1h",        \
                     "of a TCP connection")                                    \
    SETTINGS_TIMEOUT(X, "tcp_closing", tcp_closing_ns, 1, "15",                \
                     "after FIN both ways, or RST")                            \
    SETTINGS_TIMEOUT(X, "udp_request", udp_request_ns, 1, "60",                \
                     "one direction only so far")                              \
    SETTINGS_TIMEOUT(X, "udp_reply", udp_reply_ns, 1, "3m", "both directions") \
    SETTINGS_TIMEOUT(X, "icmp", icmp_ns, 1, "60", "of ICMP")                   \
    SETTINGS_TIMEOUT(X, "other", other_ns, 1, "5m", "of other protocols")      \
    SETTINGS_TIMEOUT(X, "active", active_ns, 0, "5m",                          \
                     "between records of a long conversation; 0: none")        \
    X("dpi.enabled", BOOL, dpi.enabled, 0, 1, NULL, "true", RESTART,           \
      "classify applications")                                                 \
    X("dpi.memory", SIZE, dpi.memory_bytes, APPLICATION_LEAST_BYTES,           \
      SIZE_MAX / 2, NULL, "0", RESTART,                                        \
      "of that; 0: 128M, or less where 'memory' is small")                     \
    X("log.level", WORD, log.level, 0, 0, log_level_names, "info", HOT_LIVE,   \
      "the least that is told on standard error")                              \
    X("metrics.listen", LISTEN, metrics.listen, 0, 0, NULL, "off",             \
      RESTART_LIVE, "where metrics are served")                                \
    X("service.user", TEXT, service.user, 0, 0, NULL, "", RESTART_LIVE,        \
      "whom to become")                                                        \
    X("service.sandbox", BOOL, service.sandbox, 0, 1, NULL, "true", RESTART,   \
      "refuse system calls that it has no need of")                            \
    X("privacy.redact", WORDS, privacy.redact, 0, 0, settings_redact_words,    \
      "", HOT, "what is left out of events")

#define SETTINGS_TIMEOUT(X, KEY, MEMBER, LEAST, STANDARD, MEANING)             \
    X("flows.timeouts." KEY, DURATION, flows.timeouts.MEMBER, LEAST,           \
      SETTINGS_MAX_TIMEOUT, NULL, STANDARD, HOT, MEANING)

/* Of one of the outputs: 'redis' or 'file' must be there. */
#define SETTINGS_OUTPUT_KEYS(X)                                                \
    X("redis", REDIS, target, 0, 0, NULL, "", RESTART, "a Redis server")       \
    X("file", FILE, target, 0, 0, NULL, "", RESTART,                           \
      "a file that is appended to; '-' is standard output")                    \
    X("events", WORDS, events, 1, 0, settings_event_words,                     \
      "flow,violation,status", RESTART, "the kinds that it gets")              \
    X("password_file", PATH, password_file, 0, 0, NULL, "", RESTART_SERVER,    \
      "holds the server's password; nobody else may read it")                  \
    X("mode", WORD, mode, 0, 0, settings_mode_words, "stream", RESTART_SERVER, \
      "what the server makes of them")                                         \
    X("key", TEMPLATE, key, 0, 0, NULL, REDIS_TEMPLATE_DEFAULT,                \
      RESTART_SERVER, "its name there")                                        \
    X("field", FIELD, field, 0, 0, NULL, OUTPUT_FIELD, RESTART_SERVER,         \
      "of a stream's entry that has the event")                                \
    X("max_length", COUNT, max_length, 1, INT64_MAX, NULL, "0",                \
      RESTART_SERVER, "of a stream or list; 0: never cut")                     \
    X("when_full", WORD, when_full, 0, 0, settings_full_words, "spool",        \
      RESTART_SERVER, "what gives way in a list of that length")               \
    X("schema", WORD, schema, 0, 0, settings_schema_words, "native", RESTART,  \
      "what events look like")

struct settings_table {
    const struct settings_key *keys;
    size_t n;
};
extern const struct settings_table settings_table, settings_output_table;

/* NULL if there is none of that whole name. */
const struct settings_key *settings_key_find(const struct settings_table *,
                                             const char *name);

const char *settings_type_text(enum settings_type);
bool settings_type_is_list(enum settings_type);

#endif
