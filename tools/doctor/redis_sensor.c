/* What the sensor itself tells, in the state that it keeps in Redis (see
 * redis_state.h): whether it runs, sees, and loses nothing. */

#include "capture/error.h"
#include "tools/doctor/redis_parts.h"
#include "tools/redis/redis_keys.h"
#include "tools/redis/redis_link.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOST_PER_MILLE = 1 /* Of the frames; less is soon among months of them. */
};

static const char interface_prefix[] = "interface.";

static void check_absence(struct redis_visit *);
static void check_state(struct redis_visit *, const struct redis_reply *);
static void check_interfaces(struct redis_visit *, const struct redis_reply *);
static void check_interface(struct redis_visit *, const char *name,
                            const char *value);
static void check_frames(struct redis_visit *, const struct redis_reply *);
static void check_events(struct redis_visit *, const struct redis_reply *);
static void check_table(struct redis_visit *, const struct redis_reply *);
static uint64_t number_of(const struct redis_reply *, const char *name);

void
redis_check_sensor(struct redis_visit *visit)
{
    struct error error;
    struct redis_reply *reply;
    char key[REDIS_KEY_SIZE];

    redis_key(key, visit->options->sensor, "state");
    reply = redis_link_ask(visit->link, REDIS_WORDS("HGETALL", key), &error);
    if (redis_reply_n(reply)) {
        check_state(visit, reply);
    } else if (redis_reply_is_list(reply)) {
        check_absence(visit);
    } else {
        diagnosis_skip(visit->diagnosis, DIAGNOSIS_SENSOR,
                       visit->options->sensor,
                       "this user may not read its state; name one that may");
    }
    redis_reply_free(reply);
}

/* The fleet knows those that ran once. */
static void
check_absence(struct redis_visit *visit)
{
    const char *sensor = visit->options->sensor;
    struct error error;
    struct redis_reply *reply =
        redis_place_ask(&visit->place, visit->link,
                        REDIS_WORDS("HGET", REDIS_SENSORS_KEY, sensor), &error);

    if (redis_reply_text(reply, NULL)) {
        struct diagnosis_finding *finding = diagnosis_add(
            visit->diagnosis, DIAGNOSIS_SENSOR_SILENT, sensor,
            "the sensor ran once, and does not tell of itself any more");

        diagnosis_fix(finding, "systemctl status segmon");
        diagnosis_text(finding, "epoch", redis_reply_text(reply, NULL));
    }
    redis_reply_free(reply);
}

static void
check_state(struct redis_visit *visit, const struct redis_reply *state)
{
    if (redis_reply_is(redis_reply_of(state, "phase"), "ended")) {
        return;
    }
    check_interfaces(visit, state);
    check_frames(visit, state);
    check_events(visit, state);
    check_table(visit, state);
}

static void
check_interfaces(struct redis_visit *visit, const struct redis_reply *state)
{
    size_t skip = sizeof interface_prefix - 1;

    for (size_t i = 0; i + 1 < redis_reply_n(state); i += 2) {
        const char *name = redis_reply_text(redis_reply_at(state, i), NULL);
        const char *value =
            redis_reply_text(redis_reply_at(state, i + 1), NULL);

        if (name && value && strncmp(name, interface_prefix, skip) == 0) {
            check_interface(visit, name + skip, value);
        }
    }
}

/* "STATE FRAMES ..." */
static void
check_interface(struct redis_visit *visit, const char *name, const char *value)
{
    struct diagnosis_finding *finding;
    char word[DIAGNOSIS_WORD_SIZE];
    int length = (int)strcspn(value, " ");

    if (strncmp(value, "capturing ", 10) == 0 ||
        strncmp(value, "starting ", 9) == 0) {
        return;
    }
    finding = diagnosis_add(visit->diagnosis, DIAGNOSIS_SENSOR_BLIND,
                            visit->options->sensor,
                            "the sensor does not capture on %s", name);
    diagnosis_fix(finding, "segmon doctor --interface %s",
                  diagnosis_word(name, word));
    snprintf(finding->evidence[0].text, sizeof finding->evidence[0].text,
             "%.*s", length, value);
    finding->evidence[0].name = "state";
    finding->n_evidence = 1;
}

static void
check_frames(struct redis_visit *visit, const struct redis_reply *state)
{
    uint64_t device = number_of(state, "lost.device");
    uint64_t kernel = number_of(state, "lost.kernel");
    uint64_t frames = number_of(state, "frames");
    uint64_t all = device + kernel + frames;
    struct diagnosis_finding *finding;

    if (device + kernel == 0 ||
        (device + kernel) * 1000 < all * LOST_PER_MILLE) {
        return;
    }
    finding = diagnosis_add(visit->diagnosis, DIAGNOSIS_SENSOR_DROPS,
                            visit->options->sensor,
                            "the sensor has lost %" PRIu64 " of %" PRIu64
                            " frames since it started",
                            device + kernel, all);
    diagnosis_fix(finding, "segmon run --workers %" PRIu64 " --buffer 256M",
                  number_of(state, "workers") * 2);
    diagnosis_number(finding, "frames", frames);
    diagnosis_number(finding, "lost_kernel", kernel);
    diagnosis_number(finding, "lost_device", device);
}

static void
check_events(struct redis_visit *visit, const struct redis_reply *state)
{
    uint64_t lost = number_of(state, "lost.events");
    struct diagnosis_finding *finding;

    if (lost == 0) {
        return;
    }
    finding = diagnosis_add(
        visit->diagnosis, DIAGNOSIS_SENSOR_EVENTS, visit->options->sensor,
        "the sensor has lost %" PRIu64 " events on their way since it started",
        lost);
    diagnosis_fix(finding, "journalctl -u segmon");
    diagnosis_number(finding, "lost_events", lost);
    diagnosis_number(finding, "acked_events", number_of(state, "events.acked"));
}

static void
check_table(struct redis_visit *visit, const struct redis_reply *state)
{
    struct diagnosis_finding *finding;

    if (number_of(state, "emergency") == 0) {
        return;
    }
    finding = diagnosis_add(
        visit->diagnosis, DIAGNOSIS_SENSOR_EMERGENCY, visit->options->sensor,
        "the sensor's table of conversations is nearly full");
    diagnosis_fix(finding, "segmon run --max-flows %" PRIu64,
                  number_of(state, "flows.capacity") * 2);
    diagnosis_number(finding, "active", number_of(state, "flows.active"));
    diagnosis_number(finding, "capacity", number_of(state, "flows.capacity"));
}

/* Of a text; 0 if it is not there, or is none. */
static uint64_t
number_of(const struct redis_reply *state, const char *name)
{
    const char *text = redis_reply_text(redis_reply_of(state, name), NULL);

    return text && text[0] >= '0' && text[0] <= '9' ? strtoull(text, NULL, 10)
                                                    : 0;
}
