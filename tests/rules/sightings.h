/* Many-flow detectors under test: a policy, what is shown, what is found. */

#ifndef TESTS_RULES_SIGHTINGS_H
#define TESTS_RULES_SIGHTINGS_H

#include "rules/detect/detect.h"

enum {
    MAX_FOUND = 4000,
    SERVER_PORT = 445
};

struct fixture {
    struct policy *policy;
    struct detectors *detectors;
    struct detection found[MAX_FOUND];
    size_t n_found;
};

/* Segments a (10.1/16), b (10.2/16) and the external partner (192.0.2/24). */
extern const char usual_segments[];

/* 'segments' and 'detect' are the values of these sections. */
struct policy *load(const char *segments, const char *detect);

struct fixture *set_up(const char *detect);
struct fixture *set_up_segments(const char *segments, const char *detect);
void tear_down(struct fixture *);

/* A TCP flow at one moment; what it carried may be added. */
struct sighting sighting(const struct fixture *, int64_t seconds,
                         enum sighting_moment, const char *src, const char *dst,
                         enum flow_outcome);
void see(struct fixture *, const struct sighting *);

/* An attempt from 10.1.0.1 to host 'dst' of 10.2/16 that ends unanswered. */
void attempt(struct fixture *, int64_t seconds, unsigned dst, uint16_t port);

#endif
