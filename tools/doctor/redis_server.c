/* What a server must be like to be trusted with events; see redis_parts.h. */

#include "tools/doctor/redis_parts.h"
#include "tools/redis/redis_health.h"
#include "tools/redis/redis_info.h"

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
    unsigned risks; /* Bits of 1 << enum redis_risk. */
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
static bool is_at(const struct checked *, enum redis_risk);
static struct diagnosis_finding *
find_risk(const struct checked *, enum redis_risk, enum diagnosis_code);
static bool number_of(const struct checked *, const char *name,
                      uint64_t *number);

void
redis_check_server(const struct redis_info *info,
                   const struct redis_setup *setup,
                   const struct redis_examined *server,
                   struct diagnosis *diagnosis)
{
    const struct checked checked = {
        .info = info,
        .setup = setup,
        .risks = redis_health_judge(info, setup),
        .server = server,
        .diagnosis = diagnosis,
    };

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

    if (is_at(checked, REDIS_RISK_REPLICA)) {
        find_replica(checked);
    }
    finding = find_risk(checked, REDIS_RISK_SENTINEL, DIAGNOSIS_REDIS_REPLICA);
    if (finding) {
        diagnosis_fix(finding, "%s SENTINEL masters", checked->server->cli);
    }
    finding = find_risk(checked, REDIS_RISK_ALONE, DIAGNOSIS_REDIS_ALONE);
    if (finding) {
        diagnosis_fix(finding, "%s CONFIG SET min-replicas-to-write 0",
                      checked->server->cli);
    }
}

static void
find_replica(const struct checked *checked)
{
    char host[DIAGNOSIS_VALUE_SIZE], word[DIAGNOSIS_WORD_SIZE];
    struct diagnosis_finding *finding =
        find_risk(checked, REDIS_RISK_REPLICA, DIAGNOSIS_REDIS_REPLICA);
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
    struct diagnosis_finding *finding =
        find_risk(checked, REDIS_RISK_EVICTS, DIAGNOSIS_REDIS_EVICTION);
    uint64_t evicted;

    if (!finding) {
        finding = find_risk(checked, REDIS_RISK_EVICTS_SOME,
                            DIAGNOSIS_REDIS_EVICTION_VOLATILE);
    }
    if (!finding) {
        return;
    }
    diagnosis_fix(finding, "%s CONFIG SET maxmemory-policy noeviction",
                  checked->server->cli);
    diagnosis_text(finding, "maxmemory_policy", checked->server->policy);
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

static void
check_persistence(const struct checked *checked)
{
    const struct redis_examined *server = checked->server;
    const char *save = checked->setup->save;
    struct diagnosis_finding *finding =
        find_risk(checked, REDIS_RISK_FSYNC, DIAGNOSIS_REDIS_FSYNC);

    if (finding) {
        diagnosis_fix(finding, "%s CONFIG SET appendfsync everysec",
                      server->cli);
        return;
    }
    finding = find_risk(checked, REDIS_RISK_VOLATILE, DIAGNOSIS_REDIS_VOLATILE);
    if (!finding) {
        finding =
            find_risk(checked, REDIS_RISK_SNAPSHOTS, DIAGNOSIS_REDIS_SNAPSHOTS);
    }
    if (finding) {
        diagnosis_fix(finding, "%s CONFIG SET appendonly yes", server->cli);
        diagnosis_text(finding, "save", save[0] ? save : "never");
    }
}

static void
check_writes(const struct checked *checked)
{
    struct diagnosis_finding *finding =
        find_risk(checked, REDIS_RISK_WRITES, DIAGNOSIS_REDIS_WRITES);

    if (finding) {
        diagnosis_fix(finding, "%s INFO persistence", checked->server->cli);
        diagnosis_text(finding, "failed",
                       redis_health_failed_write(checked->info));
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
is_at(const struct checked *checked, enum redis_risk risk)
{
    return checked->risks >> risk & 1;
}

/* NULL if there is no such risk. */
static struct diagnosis_finding *
find_risk(const struct checked *checked, enum redis_risk risk,
          enum diagnosis_code code)
{
    return is_at(checked, risk)
               ? diagnosis_add(checked->diagnosis, code, checked->server->name,
                               "the server %s", redis_risk_text(risk))
               : NULL;
}

static bool
number_of(const struct checked *checked, const char *name, uint64_t *number)
{
    return redis_info_number(checked->info, name, number);
}
