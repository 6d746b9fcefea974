/* What the examination of a Redis server is made of; private to it. */

#ifndef TOOLS_DOCTOR_REDIS_PARTS_H
#define TOOLS_DOCTOR_REDIS_PARTS_H

#include "tools/doctor/diagnosis.h"
#include "tools/doctor/redis_examine.h"
#include "tools/redis/redis_place.h"

struct redis_info;
struct redis_link;
struct redis_setup;

/* One examination on its way. */
struct redis_visit {
    const struct redis_examine_options *options;
    struct redis_examined *examined;
    struct diagnosis *diagnosis;
    struct redis_place place;
    struct redis_link *link;
};

/* Pure: what INFO and CONFIG say. */
void redis_check_server(const struct redis_info *, const struct redis_setup *,
                        const struct redis_examined *, struct diagnosis *);

/* What the user may do with the keys of the sensor. */
void redis_check_rights(struct redis_visit *);

/* The streams, and who reads them.  False if there is no use in going on. */
bool redis_check_streams(struct redis_visit *);

/* What the sensor tells of itself there. */
void redis_check_sensor(struct redis_visit *);

/* The server refuses what anybody may ask, for now. */
void redis_tell_refusal(const struct redis_visit *, const char *reason);

#endif
