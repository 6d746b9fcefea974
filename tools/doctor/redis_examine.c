/* Connecting, how long an answer takes, and the order of the rest; see
 * redis_examine.h. */

#include "tools/doctor/redis_examine.h"

#include "capture/error.h"
#include "tools/doctor/redis_parts.h"
#include "tools/event/system_clock.h"
#include "tools/redis/redis_health.h"
#include "tools/redis/redis_info.h"
#include "tools/redis/redis_keys.h"
#include "tools/redis/redis_link.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    N_PINGS = 5
};

#define SLOW_NS (100 * MILLISECOND_NS)

static void name_server(const struct redis_visit *,
                        const struct redis_address *);
static bool connect_to(struct redis_visit *);
static void tell_unreachable(const struct redis_visit *, const struct error *);
static void tell_refused(const struct redis_visit *, const char *reason);
static bool is_refused(const char *text);
static void check_network(const struct redis_visit *);
static bool ping(struct redis_visit *);
static int compare_times(const void *, const void *);
static bool read_server(struct redis_visit *);
static struct redis_reply *ask(struct redis_visit *, const char *const *words,
                               struct error *);
static void read_setup(struct redis_visit *, struct redis_setup *);
static void note_server(const struct redis_info *, struct redis_examined *);

void
redis_examine(const struct redis_examine_options *options,
              struct redis_examined *examined, struct diagnosis *diagnosis)
{
    struct redis_visit visit = {
        .options = options, .examined = examined, .diagnosis = diagnosis};

    memset(examined, 0, sizeof *examined);
    snprintf(examined->name, sizeof examined->name, "%s", options->uri.name);
    redis_place_init(&visit.place, &options->uri);
    name_server(&visit, &options->uri.addresses[0]);
    if (connect_to(&visit) && ping(&visit)) {
        check_network(&visit);
        if (read_server(&visit) && redis_check_streams(&visit)) {
            redis_check_sensor(&visit);
            redis_check_rights(&visit);
        }
    }
    redis_link_close(visit.link);
    redis_place_done(&visit.place);
}

void
redis_tell_refusal(const struct redis_visit *visit, const char *reason)
{
    struct diagnosis_finding *finding =
        diagnosis_add(visit->diagnosis, DIAGNOSIS_REDIS_REFUSES,
                      visit->examined->name, "the server takes no events now");

    diagnosis_fix(finding, "%s INFO", visit->examined->cli);
    diagnosis_text(finding, "reason", reason);
}

/* Without user and password: those are for redis-cli to ask, or to take from
 * its environment. */
static void
name_server(const struct redis_visit *visit,
            const struct redis_address *address)
{
    const struct redis_uri *uri = &visit->options->uri;
    char *cli = visit->examined->cli;
    const size_t size = sizeof visit->examined->cli;
    char word[DIAGNOSIS_WORD_SIZE];

    diagnosis_word(address->host, word);
    if (uri->is_unix) {
        snprintf(cli, size, "redis-cli -s %s", word);
    } else {
        snprintf(cli, size, "redis-cli -h %s -p %u%s", word, address->port,
                 uri->is_tls ? " --tls" : "");
    }
    if (uri->ca[0]) {
        diagnosis_word(uri->ca, word);
        snprintf(cli + strlen(cli), size - strlen(cli), " --cacert %s", word);
    }
}

/* The one of several that has the sensor's keys, or is the master now. */
static bool
connect_to(struct redis_visit *visit)
{
    struct error error;
    char key[REDIS_KEY_SIZE];

    redis_key(key, visit->options->sensor, "status");
    visit->link = redis_place_open(&visit->place, key, &error);
    if (!visit->link && strstr(error.message, "CLUSTERDOWN")) {
        visit->link = redis_place_open(&visit->place, NULL, &error);
    }
    if (!visit->link && is_refused(error.message)) {
        tell_refused(visit, error.message);
    } else if (!visit->link) {
        tell_unreachable(visit, &error);
    } else {
        name_server(visit, redis_place_here(&visit->place));
    }
    visit->examined->is_reached = visit->link != NULL;
    return visit->link != NULL;
}

static void
tell_unreachable(const struct redis_visit *visit, const struct error *error)
{
    struct diagnosis_finding *finding =
        diagnosis_add(visit->diagnosis, DIAGNOSIS_REDIS_UNREACHABLE,
                      visit->examined->name, "the server cannot be used");

    diagnosis_fix(finding, "%s PING", visit->examined->cli);
    diagnosis_text(finding, "reason", error->message);
}

static void
tell_refused(const struct redis_visit *visit, const char *reason)
{
    const char *user = visit->options->uri.user;
    struct diagnosis_finding *finding = diagnosis_add(
        visit->diagnosis, DIAGNOSIS_REDIS_AUTH, visit->examined->name,
        "the server lets nobody in as '%s'", user[0] ? user : "default");

    diagnosis_fix(finding,
                  "SEGMON_REDIS_PASSWORD=PASSWORD segmon run --redis URI");
    diagnosis_text(finding, "reason", reason);
}

static bool
is_refused(const char *text)
{
    return strstr(text, "NOAUTH") || strstr(text, "WRONGPASS") ||
           strstr(text, "AUTH:");
}

static void
check_network(const struct redis_visit *visit)
{
    const struct redis_uri *uri = &visit->options->uri;
    const char *host = redis_place_here(&visit->place)->host;
    const char *name = visit->examined->name;
    struct diagnosis_finding *finding;
    char word[DIAGNOSIS_WORD_SIZE];

    if (uri->is_unix) {
        return;
    }
    if (!uri->password[0]) {
        finding =
            diagnosis_add(visit->diagnosis, DIAGNOSIS_REDIS_OPEN, name,
                          "the server takes everybody without a password");
        diagnosis_fix(finding, "%s ACL SETUSER default '>PASSWORD'",
                      visit->examined->cli);
    }
    if (!uri->is_tls && strcmp(host, "localhost") != 0 &&
        strcmp(host, "::1") != 0 && strncmp(host, "127.", 4) != 0) {
        finding = diagnosis_add(visit->diagnosis, DIAGNOSIS_REDIS_CLEARTEXT,
                                name, "events cross the network in the clear");
        diagnosis_word(host, word);
        diagnosis_fix(finding, "segmon run --redis rediss://%s", word);
        diagnosis_text(finding, "password", uri->password[0] ? "yes" : "no");
    }
}

/* An answer that it is not permitted takes as long.  False if there is none,
 * or nothing may be asked before logging in. */
static bool
ping(struct redis_visit *visit)
{
    int64_t took[N_PINGS];
    struct error error;

    for (size_t i = 0; i < N_PINGS; i++) {
        struct mono_time begin = system_clock_mono();
        struct redis_reply *reply = ask(visit, REDIS_WORDS("PING"), &error);
        const char *refusal = redis_reply_error(reply);

        took[i] = system_clock_mono().ns - begin.ns;
        if (!reply) {
            tell_unreachable(visit, &error);
            return false;
        }
        if (refusal && is_refused(refusal)) {
            tell_refused(visit, refusal);
            redis_reply_free(reply);
            return false;
        }
        redis_reply_free(reply);
    }
    qsort(took, N_PINGS, sizeof took[0], compare_times);
    visit->examined->ping_ns = took[N_PINGS / 2];
    if (visit->examined->ping_ns >= SLOW_NS) {
        struct diagnosis_finding *finding = diagnosis_add(
            visit->diagnosis, DIAGNOSIS_REDIS_SLOW, visit->examined->name,
            "an answer takes %" PRId64 " milliseconds",
            visit->examined->ping_ns / MILLISECOND_NS);

        diagnosis_fix(finding, "%s --latency", visit->examined->cli);
        diagnosis_number(finding, "answer_ms",
                         (uint64_t)(visit->examined->ping_ns / MILLISECOND_NS));
    }
    return true;
}

static int
compare_times(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

    return (a > b) - (a < b);
}

/* False if the link failed, or the server has no answers now. */
static bool
read_server(struct redis_visit *visit)
{
    struct redis_setup setup = {.is_known = false};
    struct error error;
    struct redis_reply *reply = ask(visit, REDIS_WORDS("INFO"), &error);
    struct redis_info info = {redis_reply_text(reply, NULL)};
    const char *refusal = redis_reply_error(reply);
    bool good = true;

    if (info.text) {
        note_server(&info, visit->examined);
        read_setup(visit, &setup);
        redis_check_server(&info, &setup, visit->examined, visit->diagnosis);
    } else if (refusal && strncmp(refusal, "NOPERM", 6) != 0) {
        redis_tell_refusal(visit, refusal);
        good = false;
    } else {
        diagnosis_skip(visit->diagnosis, DIAGNOSIS_REDIS, visit->examined->name,
                       reply ? "this user may not ask for INFO; name one that "
                               "may"
                             : error.message);
    }
    redis_reply_free(reply);
    return good && redis_link_ok(visit->link);
}

static struct redis_reply *
ask(struct redis_visit *visit, const char *const *words, struct error *error)
{
    return redis_link_ask(visit->link, words, error);
}

static void
note_server(const struct redis_info *info, struct redis_examined *examined)
{
    redis_info_text(info, "redis_version", examined->version,
                    sizeof examined->version);
    redis_info_text(info, "role", examined->role, sizeof examined->role);
    redis_info_text(info, "maxmemory_policy", examined->policy,
                    sizeof examined->policy);
    redis_info_number(info, "used_memory", &examined->used_bytes);
    redis_info_number(info, "maxmemory", &examined->max_bytes);
}

static void
read_setup(struct redis_visit *visit, struct redis_setup *setup)
{
    redis_setup_ask(visit->link, setup);
    if (!setup->is_known) {
        diagnosis_skip(visit->diagnosis, DIAGNOSIS_REDIS, visit->examined->name,
                       "this user may not ask for CONFIG; name one that may");
    }
}
