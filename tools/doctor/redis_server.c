/* What a server must be like to be trusted with events; see redis_parts.h.
 *
 * Streams are keys without an expiry: a server that may evict such keys to make
 * room deletes a whole stream at once. */

#include "tools/doctor/redis_info.h"
#include "tools/doctor/redis_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEAST_MAJOR = 5, /* The first with streams, */
    ACL_MAJOR = 6,   /* and with users. */
    FULL_PERCENT = 95,
    FILLING_PERCENT = 75,
    CLIENTS_PERCENT = 90
};

struct checked {
    const struct redis_info *info;
    const struct redis_setup *setup;
    const struct redis_examined *server;
    struct diagnosis *diagnosis;
};

static void check_version(const struct checked *);
static void check_role(const struct checked *);
static void find_replica(const struct checked *);
static void check_eviction(const struct checked *);
static void check_memory(const struct checked *);
static void check_persistence(const struct checked *);
static void check_writes(const struct checked *);
static void check_clients(const struct checked *);
static struct diagnosis_finding *
find_level(const struct checked *, enum diagnosis_code, unsigned percent);
static bool number_of(const struct checked *, const char *name,
                      uint64_t *number);

void
redis_check_server(const struct redis_info *info,
                   const struct redis_setup *setup,
                   const struct redis_examined *server,
                   struct diagnosis *diagnosis)
{
    const struct checked checked = {info, setup, server, diagnosis};

    check_version(&checked);
    check_role(&checked);
    check_eviction(&checked);
    check_memory(&checked);
    check_persistence(&checked);
    check_writes(&checked);
    check_clients(&checked);
}

static void
check_version(const struct checked *checked)
{
    const char *version = checked->server->version;
    unsigned long major = strtoul(version, NULL, 10);
    struct diagnosis_finding *finding;

    if (!version[0] || major >= ACL_MAJOR) {
        return;
    }
    finding = diagnosis_add(
        checked->diagnosis,
        major < LEAST_MAJOR ? DIAGNOSIS_REDIS_VERSION : DIAGNOSIS_REDIS_NO_ACL,
        checked->server->name, "the server is Redis %s", version);
    diagnosis_fix(finding, "apt-get install redis-server");
    diagnosis_text(finding, "version", version);
}

static void
check_role(const struct checked *checked)
{
    struct diagnosis_finding *finding;
    uint64_t replicas;

    if (strcmp(checked->server->role, "slave") == 0) {
        find_replica(checked);
    } else if (strcmp(checked->server->role, "sentinel") == 0) {
        finding = diagnosis_add(checked->diagnosis, DIAGNOSIS_REDIS_REPLICA,
                                checked->server->name,
                                "the server is a Sentinel, and keeps no keys");
        diagnosis_fix(finding, "%s SENTINEL masters", checked->server->cli);
    } else if (redis_info_number(checked->info, "min_slaves_good_slaves",
                                 &replicas) &&
               replicas == 0) {
        finding = diagnosis_add(
            checked->diagnosis, DIAGNOSIS_REDIS_ALONE, checked->server->name,
            "the server wants replicas before it takes anything, and has none");
        diagnosis_fix(finding, "%s CONFIG SET min-replicas-to-write 0",
                      checked->server->cli);
    }
}

static void
find_replica(const struct checked *checked)
{
    char host[DIAGNOSIS_VALUE_SIZE], word[DIAGNOSIS_WORD_SIZE];
    struct diagnosis_finding *finding = diagnosis_add(
        checked->diagnosis, DIAGNOSIS_REDIS_REPLICA, checked->server->name,
        "the server is a replica of another");
    uint64_t port;

    redis_info_text(checked->info, "master_host", host, sizeof host);
    number_of(checked, "master_port", &port);
    diagnosis_fix(finding, "segmon run --redis redis://%s:%" PRIu64,
                  diagnosis_word(host, word), port);
    diagnosis_text(finding, "master_host", host);
    diagnosis_number(finding, "master_port", port);
}

static void
check_eviction(const struct checked *checked)
{
    const char *policy = checked->server->policy;
    struct diagnosis_finding *finding;
    bool of_all = strncmp(policy, "allkeys-", 8) == 0;
    uint64_t evicted;

    if (!policy[0] || strcmp(policy, "noeviction") == 0) {
        return;
    }
    finding = diagnosis_add(
        checked->diagnosis,
        of_all ? DIAGNOSIS_REDIS_EVICTION : DIAGNOSIS_REDIS_EVICTION_VOLATILE,
        checked->server->name, "the server may evict %s when it is full",
        of_all ? "any key" : "keys that expire");
    diagnosis_fix(finding, "%s CONFIG SET maxmemory-policy noeviction",
                  checked->server->cli);
    diagnosis_text(finding, "maxmemory_policy", policy);
    if (number_of(checked, "evicted_keys", &evicted)) {
        diagnosis_number(finding, "evicted_keys", evicted);
    }
}

static void
check_memory(const struct checked *checked)
{
    const struct redis_examined *server = checked->server;
    struct diagnosis_finding *finding;
    uint64_t machine = 0;

    number_of(checked, "total_system_memory", &machine);
    if (server->max_bytes == 0) {
        finding = diagnosis_add(
            checked->diagnosis, DIAGNOSIS_REDIS_UNBOUNDED, server->name,
            "the server has no limit of memory, and streams grow");
        diagnosis_fix(finding, "%s CONFIG SET maxmemory %" PRIu64, server->cli,
                      machine / 2);
        diagnosis_number(finding, "used_bytes", server->used_bytes);
        diagnosis_number(finding, "machine_bytes", machine);
    } else if (diagnosis_is_share(server->used_bytes, server->max_bytes,
                                  FULL_PERCENT)) {
        find_level(checked, DIAGNOSIS_REDIS_FULL,
                   (unsigned)(server->used_bytes * 100 / server->max_bytes));
    } else if (diagnosis_is_share(server->used_bytes, server->max_bytes,
                                  FILLING_PERCENT)) {
        find_level(checked, DIAGNOSIS_REDIS_FILLING,
                   (unsigned)(server->used_bytes * 100 / server->max_bytes));
    }
    if (machine && server->max_bytes > machine) {
        finding = diagnosis_add(checked->diagnosis, DIAGNOSIS_REDIS_MAXMEMORY,
                                server->name,
                                "the server may use more memory than its "
                                "machine has");
        diagnosis_fix(finding, "%s CONFIG SET maxmemory %" PRIu64, server->cli,
                      machine / 2);
        diagnosis_number(finding, "max_bytes", server->max_bytes);
        diagnosis_number(finding, "machine_bytes", machine);
    }
}

static struct diagnosis_finding *
find_level(const struct checked *checked, enum diagnosis_code code,
           unsigned percent)
{
    const struct redis_examined *server = checked->server;
    struct diagnosis_finding *finding =
        diagnosis_add(checked->diagnosis, code, server->name,
                      "%u %% of the server's memory are used", percent);

    diagnosis_fix(finding, "%s CONFIG SET maxmemory %" PRIu64, server->cli,
                  server->max_bytes * 2);
    diagnosis_number(finding, "used_bytes", server->used_bytes);
    diagnosis_number(finding, "max_bytes", server->max_bytes);
    return finding;
}

/* INFO does not tell whether snapshots are made at all. */
static void
check_persistence(const struct checked *checked)
{
    const struct redis_examined *server = checked->server;
    const struct redis_setup *setup = checked->setup;
    bool appends = redis_info_is(checked->info, "aof_enabled", "1");
    enum diagnosis_code code;
    struct diagnosis_finding *finding;

    if (!setup->is_known) {
        return;
    }
    if (appends && strcmp(setup->fsync, "no") == 0) {
        finding = diagnosis_add(checked->diagnosis, DIAGNOSIS_REDIS_FSYNC,
                                server->name,
                                "the server leaves it to the system when its "
                                "file is written");
        diagnosis_fix(finding, "%s CONFIG SET appendfsync everysec",
                      server->cli);
    } else if (!appends) {
        code = setup->save[0] ? DIAGNOSIS_REDIS_SNAPSHOTS
                              : DIAGNOSIS_REDIS_VOLATILE;
        finding =
            diagnosis_add(checked->diagnosis, code, server->name,
                          setup->save[0] ? "the server writes snapshots only"
                                         : "the server keeps nothing on disk");
        diagnosis_fix(finding, "%s CONFIG SET appendonly yes", server->cli);
        diagnosis_text(finding, "save", setup->save[0] ? setup->save : "never");
    }
}

static void
check_writes(const struct checked *checked)
{
    static const char *const states[] = {"aof_last_write_status",
                                         "aof_last_bgrewrite_status",
                                         "rdb_last_bgsave_status"};
    const struct redis_examined *server = checked->server;

    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (redis_info_is(checked->info, states[i], "err")) {
            struct diagnosis_finding *finding = diagnosis_add(
                checked->diagnosis, DIAGNOSIS_REDIS_WRITES, server->name,
                "the server could not write to its disk");

            diagnosis_fix(finding, "%s INFO persistence", server->cli);
            diagnosis_text(finding, "failed", states[i]);
            return;
        }
    }
}

static void
check_clients(const struct checked *checked)
{
    const struct redis_examined *server = checked->server;
    struct diagnosis_finding *finding;
    uint64_t now, most;

    if (!number_of(checked, "connected_clients", &now) ||
        !number_of(checked, "maxclients", &most) ||
        !diagnosis_is_share(now, most, CLIENTS_PERCENT)) {
        return;
    }
    finding = diagnosis_add(
        checked->diagnosis, DIAGNOSIS_REDIS_CLIENTS, server->name,
        "%" PRIu64 " of %" PRIu64 " connections are in use", now, most);
    diagnosis_fix(finding, "%s CONFIG SET maxclients %" PRIu64, server->cli,
                  most * 2);
    diagnosis_number(finding, "connected_clients", now);
    diagnosis_number(finding, "maxclients", most);
}

static bool
number_of(const struct checked *checked, const char *name, uint64_t *number)
{
    return redis_info_number(checked->info, name, number);
}
