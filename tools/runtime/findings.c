/* A hash index over results; see findings.h. */

#include "tools/runtime/findings.h"

#include "capture/xxh3.h"
#include "flows/flow_memory.h"

#include <assert.h>
#include <string.h>
#include <sys/random.h>

enum {
    FIRST_BUCKETS = 64,
    N_TEXTS = 10,
    /* Of struct application: all that is no pointer. */
    PLAIN_BYTES = offsetof(struct application, details)
};

struct finding {
    union {
        struct inspection *inspection;
        struct application application;
    };
    uint64_t hash;
    uint32_t n_flows;
    finding_id next; /* In the bucket. */
};

static_assert(sizeof(struct application) == PLAIN_BYTES + sizeof(void *),
              "'details' is last, and nothing is padding");
static_assert(sizeof(struct application_details) ==
                  N_TEXTS * sizeof(char *) + 3 * sizeof(int64_t),
              "all texts are in texts_of()");

static void forget_details(struct findings *, struct finding *);
static struct finding *finding_at(const struct findings *, finding_id);
static void texts_of(const struct application_details *,
                     const char *text[N_TEXTS]);
static size_t details_bytes(const struct application *);
static uint64_t hash_of(const struct findings *, const struct application *);
static bool is_same(const struct application *, const struct application *);
static finding_id find(const struct findings *, uint64_t hash,
                       const struct application *);
static void add(struct findings *, finding_id);
static finding_id *link_to(const struct findings *, finding_id);
static void resize(struct findings *, uint32_t n_buckets);

bool
findings_init(struct findings *findings, struct flow_memory *memory)
{
    *findings = (struct findings){.n_buckets = 0};
    pool_init(&findings->pool, sizeof(struct finding), memory);
    if (getrandom(&findings->seed, sizeof findings->seed, 0) < 0) {
        findings->seed = 0;
    }
    resize(findings, FIRST_BUCKETS);
    return findings->buckets;
}

void
findings_done(struct findings *findings)
{
    for (uint32_t i = 0; i < findings->n_buckets; i++) {
        for (finding_id at = findings->buckets[i]; at;) {
            struct finding *finding = finding_at(findings, at);

            at = finding->next;
            forget_details(findings, finding);
        }
    }
    flow_memory_free(findings->pool.memory, findings->buckets,
                     findings->n_buckets * sizeof *findings->buckets);
    pool_done(&findings->pool);
}

finding_id
findings_start(struct findings *findings, struct inspection *inspection)
{
    finding_id id = pool_take(&findings->pool);

    if (id) {
        finding_at(findings, id)->inspection = inspection;
    }
    return id;
}

struct inspection *
findings_inspection(const struct findings *findings, finding_id id)
{
    return finding_at(findings, id)->inspection;
}

finding_id
findings_finish(struct findings *findings, finding_id id,
                struct application *result)
{
    struct finding *finding = finding_at(findings, id);
    uint64_t hash = hash_of(findings, result);
    finding_id same = find(findings, hash, result);

    if (same) {
        application_done(result);
        pool_give_back(&findings->pool, id);
        finding_at(findings, same)->n_flows++;
        return same;
    }
    if (!flow_memory_charge(findings->pool.memory, details_bytes(result))) {
        findings->details_lost++;
        application_done(result);
        result->details = NULL;
        return findings_finish(findings, id, result);
    }
    *finding = (struct finding){
        .application = *result, .hash = hash, .n_flows = 1, .next = 0};
    add(findings, id);
    return id;
}

const struct application *
findings_application(const struct findings *findings, finding_id id)
{
    static const struct application none;

    return id ? &finding_at(findings, id)->application : &none;
}

void
findings_release(struct findings *findings, finding_id id)
{
    struct finding *finding = id ? finding_at(findings, id) : NULL;

    if (!finding || --finding->n_flows > 0) {
        return;
    }
    *link_to(findings, id) = finding->next;
    findings->n--;
    forget_details(findings, finding);
    pool_give_back(&findings->pool, id);
    if (findings->n_buckets > FIRST_BUCKETS &&
        findings->n < findings->n_buckets / 8) {
        resize(findings, findings->n_buckets / 2);
    }
}

static void
forget_details(struct findings *findings, struct finding *finding)
{
    flow_memory_discharge(findings->pool.memory,
                          details_bytes(&finding->application));
    application_done(&finding->application);
}

static struct finding *
finding_at(const struct findings *findings, finding_id id)
{
    return pool_at(&findings->pool, id);
}

static void
texts_of(const struct application_details *details, const char *text[N_TEXTS])
{
    text[0] = details->host;
    text[1] = details->alpn;
    text[2] = details->ja3_client;
    text[3] = details->ja3_server;
    text[4] = details->ja4_client;
    text[5] = details->certificate_issuer;
    text[6] = details->certificate_subject;
    text[7] = details->certificate_sha1;
    text[8] = details->user_agent;
    text[9] = details->http_url;
}

/* Of the details, about as much as they take. */
static size_t
details_bytes(const struct application *application)
{
    const char *text[N_TEXTS];
    size_t bytes = sizeof *application->details;

    if (!application->details) {
        return 0;
    }
    texts_of(application->details, text);
    for (size_t i = 0; i < N_TEXTS; i++) {
        bytes += strlen(text[i]) + 1;
    }
    return bytes;
}

static uint64_t
hash_of(const struct findings *findings, const struct application *application)
{
    uint64_t hash =
        XXH3_64bits_withSeed(application, PLAIN_BYTES, findings->seed);
    const char *text[N_TEXTS];

    if (application->details) {
        texts_of(application->details, text);
        for (size_t i = 0; i < N_TEXTS; i++) {
            hash = XXH3_64bits_withSeed(text[i], strlen(text[i]), hash);
        }
    }
    return hash;
}

static bool
is_same(const struct application *a, const struct application *b)
{
    const char *text[2][N_TEXTS];
    bool same = memcmp(a, b, PLAIN_BYTES) == 0 && !a->details == !b->details;

    if (!same || !a->details) {
        return same;
    }
    texts_of(a->details, text[0]);
    texts_of(b->details, text[1]);
    for (size_t i = 0; same && i < N_TEXTS; i++) {
        same = strcmp(text[0][i], text[1][i]) == 0;
    }
    return same &&
           a->details->certificate_not_before ==
               b->details->certificate_not_before &&
           a->details->certificate_not_after ==
               b->details->certificate_not_after &&
           a->details->text_cut == b->details->text_cut;
}

static finding_id
find(const struct findings *findings, uint64_t hash,
     const struct application *wanted)
{
    finding_id at = findings->buckets[hash & (findings->n_buckets - 1)];

    while (at) {
        const struct finding *finding = finding_at(findings, at);

        if (finding->hash == hash && is_same(&finding->application, wanted)) {
            return at;
        }
        at = finding->next;
    }
    return 0;
}

static void
add(struct findings *findings, finding_id id)
{
    struct finding *finding = finding_at(findings, id);
    finding_id *bucket;

    if (findings->n == findings->n_buckets) {
        resize(findings, findings->n_buckets * 2);
    }
    bucket = &findings->buckets[finding->hash & (findings->n_buckets - 1)];
    finding->next = *bucket;
    *bucket = id;
    findings->n++;
}

/* What points at it: the bucket, or the one before it. */
static finding_id *
link_to(const struct findings *findings, finding_id id)
{
    uint64_t hash = finding_at(findings, id)->hash;
    finding_id *link = &findings->buckets[hash & (findings->n_buckets - 1)];

    while (*link != id) {
        link = &finding_at(findings, *link)->next;
    }
    return link;
}

/* Without memory for it, everything stays: chains are longer then. */
static void
resize(struct findings *findings, uint32_t n_buckets)
{
    struct flow_memory *memory = findings->pool.memory;
    finding_id *buckets = flow_memory_get(memory, n_buckets * sizeof *buckets);

    if (!buckets) {
        return;
    }
    memset(buckets, 0, n_buckets * sizeof *buckets);
    for (uint32_t i = 0; i < findings->n_buckets; i++) {
        for (finding_id at = findings->buckets[i]; at;) {
            struct finding *finding = finding_at(findings, at);
            finding_id *bucket = &buckets[finding->hash & (n_buckets - 1)];
            finding_id next = finding->next;

            finding->next = *bucket;
            *bucket = at;
            at = next;
        }
    }
    flow_memory_free(memory, findings->buckets,
                     findings->n_buckets * sizeof *buckets);
    findings->buckets = buckets;
    findings->n_buckets = n_buckets;
}
