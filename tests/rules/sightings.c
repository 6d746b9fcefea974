/* See sightings.h. */

#include "tests/support/sound_policy.h"
#include "tests/support/test.h"

#include "tests/rules/sightings.h"

#include "capture/error.h"
#include "rules/policy_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char usual_segments[] = "  a: {networks: [10.1.0.0/16]}\n"
                              "  b: {networks: [10.2.0.0/16]}\n"
                              "  partner: {networks: [192.0.2.0/24],\n"
                              "            external: true}\n";

struct policy *
load(const char *segments, const char *detect)
{
    char text[2000];

    snprintf(text, sizeof text,
             "version: 1\npolicy: {name: p, revision: \"1\"}\n"
             "segments:\n%sdetect: %s\n",
             segments, detect);
    return sound_policy(text, strlen(text), NULL);
}

static void
note(void *context, const struct detection *detection)
{
    struct fixture *f = context;

    assert_true(f->n_found < MAX_FOUND);
    f->found[f->n_found++] = *detection;
}

struct fixture *
set_up(const char *detect)
{
    return set_up_segments(usual_segments, detect);
}

struct fixture *
set_up_segments(const char *segments, const char *detect)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error error;

    assert_non_null(f);
    f->policy = load(segments, detect);
    f->detectors = detectors_new(note, f, &error);
    assert_non_null(f->detectors);
    return f;
}

void
tear_down(struct fixture *f)
{
    detectors_free(f->detectors);
    policy_unref(f->policy);
    free(f);
}

struct sighting
sighting(const struct fixture *f, int64_t seconds, enum sighting_moment moment,
         const char *src, const char *dst, enum flow_outcome outcome)
{
    const struct policy_place nowhere = {.interface = "", .sensor = ""};
    struct sighting seen = {.moment = moment,
                            .now = {seconds * SECOND_NS},
                            .start = {seconds * SECOND_NS},
                            .src_port = 50000,
                            .dst_port = SERVER_PORT,
                            .protocol = PROTOCOL_TCP,
                            .outcome = (uint8_t)outcome};

    assert_true(addr_parse(src, &seen.src));
    assert_true(addr_parse(dst, &seen.dst));
    seen.src_segment = policy_locate(f->policy, &seen.src, &nowhere);
    seen.dst_segment = policy_locate(f->policy, &seen.dst, &nowhere);
    return seen;
}

void
see(struct fixture *f, const struct sighting *seen)
{
    detectors_see(f->detectors, f->policy, seen);
}

void
attempt(struct fixture *f, int64_t seconds, unsigned dst, uint16_t port)
{
    struct sighting seen;
    char text[ADDR_TEXT_SIZE];

    snprintf(text, sizeof text, "10.2.%u.%u", dst / 256, dst % 256);
    seen = sighting(f, seconds, SIGHTING_END, "10.1.0.1", text,
                    FLOW_OUTCOME_ATTEMPT);
    seen.dst_port = port;
    see(f, &seen);
}
