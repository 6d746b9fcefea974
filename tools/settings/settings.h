/* What segmon.yaml(5) says, as one value.
 *
 * Built whole: defaults, then the configuration file, then what the command
 * line sets; settings_keys.h has every key.  All mistakes are told, not the
 * first.  Never changed in place: whoever wants other settings loads them anew,
 * and compares.  Owns nothing, and may be copied; some 30 KiB. */

#ifndef TOOLS_SETTINGS_SETTINGS_H
#define TOOLS_SETTINGS_SETTINGS_H

#include "flows/flow_table.h"
#include "tools/output/output.h"
#include "tools/redis/redis_template.h"
#include "tools/runtime/listen_place.h"
#include "tools/runtime/live.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct problems;

enum {
    SETTINGS_MAX_TEXT = 1024,   /* Bytes of a path, URI or name. */
    SETTINGS_MAX_FILTER = 4096, /* Of a BPF expression. */
    SETTINGS_MAX_FIELD = 64     /* Of the name of an entry's field. */
};

#define SETTINGS_DEFAULT_PATH "/etc/segmon/segmon.yaml"

/* Bits of 'privacy.redact'. */
enum settings_redact {
    SETTINGS_REDACT_HOSTNAMES = 1
};

struct settings_output {
    char target[SETTINGS_MAX_TEXT + 1];        /* As in struct output_target. */
    char password_file[SETTINGS_MAX_TEXT + 1]; /* "": none. */
    unsigned events; /* Mask of 1 << enum event_kind. */
    /* Of a Redis server, as in struct output_redis. */
    unsigned mode;                    /* enum output_mode. */
    char key[REDIS_TEMPLATE_MAX + 1]; /* As in redis_template.h. */
    char field[SETTINGS_MAX_FIELD + 1];
    uint64_t max_length;
    unsigned when_full; /* enum output_when_full. */
    unsigned schema;    /* 0: our own, which is all there is. */
};

/* Texts are "" where nothing is set.  Paths are as they are to be opened. */
struct settings {
    char sensor[EVENT_MAX_SENSOR + 1];
    char policy[SETTINGS_MAX_TEXT + 1]; /* "": everything is observed. */
    uint64_t memory_bytes;              /* Of all of it; 0: no budget. */
    unsigned events;                    /* Mask, of all outputs. */
    struct settings_output outputs[OUTPUT_MAX_SINKS];
    size_t n_outputs;
    struct {
        char directory[SETTINGS_MAX_TEXT + 1]; /* "": in memory. */
        uint64_t max_bytes;                    /* For each server. */
        int64_t sync_ns;                       /* 0: always. */
    } spool;
    int64_t heartbeat_ns;    /* Between two status events. */
    int64_t stop_timeout_ns; /* To end in order. */
    struct {
        char interfaces[LIVE_MAX_INTERFACES][IF_NAMESIZE];
        size_t n_interfaces;
        uint64_t workers;
        uint64_t buffer_bytes; /* Of each worker's ring on each interface. */
        uint64_t snaplen;
        bool promiscuous;
        char filter[SETTINGS_MAX_FILTER + 1]; /* "": none. */
    } capture;
    struct {
        uint64_t max;
        uint64_t memory_bytes; /* 0: what the budget leaves. */
        uint64_t attempts;     /* As 'max_attempts' of struct worker_options. */
        uint64_t emergency;    /* Percent of 'max' or memory; 0: never. */
        unsigned duplicates;   /* enum flow_duplicates. */
        unsigned vlan;         /* enum worker_vlan. */
        bool decapsulate;
        bool teredo;
        struct flow_timeouts timeouts;
    } flows;
    struct {
        bool enabled;
        uint64_t memory_bytes;
    } dpi;
    struct {
        unsigned level; /* enum log_level, from LOG_LEVEL_ERROR as 0 on. */
    } log;
    struct {
        struct listen_place listen;
    } metrics;
    struct {
        char user[SETTINGS_MAX_TEXT + 1]; /* "": whoever started it. */
        bool sandbox;
    } service;
    struct {
        unsigned redact; /* Bits of enum settings_redact. */
    } privacy;
};

/* One thing set on the command line; its texts are borrowed. */
struct settings_override {
    const char *option; /* "set", or one that is short for it: "workers". */
    const char *key, *value;
};

/* Where settings come from: enough to load them again.  Borrowed. */
struct settings_source {
    bool live;          /* Keys that only mean something for interfaces may be
                         * on the command line. */
    const char *path;   /* Of the configuration file; NULL: none. */
    const char *sensor; /* Its name, unless it is set; NULL: the host's. */
    const struct settings_override *overrides;
    size_t n_overrides;
};

/* Adds every mistake to 'problems' and returns false if there is one; then
 * 'settings' are only good for telling.  An override of a list adds to what
 * overrides before it set, and the first replaces what the file says.  Its key
 * may also be one of an output: the two below add one more, whatever its text,
 * and all others are of the one that was added last. */
#define SETTINGS_OF_OUTPUT    "outputs."
#define SETTINGS_OUTPUT_REDIS SETTINGS_OF_OUTPUT "redis"
#define SETTINGS_OUTPUT_FILE  SETTINGS_OF_OUTPUT "file"
bool settings_load(struct settings *, const struct settings_source *,
                   struct problems *);

/* The same for a file in memory, named 'name'. */
bool settings_load_bytes(struct settings *, const char *name, const char *bytes,
                         size_t size, struct problems *);

/* Visits every key that differs, in the order of the table; texts are borrowed
 * for the call. */
struct settings_change {
    const char *key;
    const char *was, *is; /* As they would be written. */
    bool needs_restart;
};
void settings_compare(const struct settings *was, const struct settings *is,
                      void (*each)(void *context,
                                   const struct settings_change *),
                      void *context);

/* Takes over what needs no restart. */
void settings_take_hot(struct settings *in_force, const struct settings *next);

/* Writes all settings, defaults included, as a configuration file that reads
 * back as the same; passwords in URIs are left out. */
void settings_print(const struct settings *, FILE *);

#endif
