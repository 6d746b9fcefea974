/* Readers of the streams of all sensors, wherever these are.
 *
 * Of one server one reader has all of them.  Of a Redis Cluster, where no
 * command may name streams of two sensors, each sensor has a reader of its own;
 * sensors that come later are found within some seconds.  Which of both it is,
 * is found out at the first connection.  What a reader is, its maker knows.
 *
 * Owns the readers; one thread.  Memory: of a cluster REDIS_FLEET_MAX_SENSORS
 * readers. */

#ifndef TOOLS_REDIS_REDIS_READERS_H
#define TOOLS_REDIS_REDIS_READERS_H

#include <stdbool.h>
#include <stddef.h>

struct error;
struct redis_readers; /* Opaque. */
struct redis_uri;

struct redis_readers_options {
    const struct redis_uri *server; /* Borrowed, as is the next, to the end. */
    const char *const *sensors;     /* NULL-terminated; NULL: every sensor that
                                     * the server knows, also later ones. */

    /* Makes a reader of these sensors, which it may borrow until it is closed;
     * NULL: of all.  'is_late' if others were read before this one was found.
     * Returns NULL if out of memory. */
    void *(*open)(void *context, const char *const *sensors, bool is_late);
    void (*close)(void *reader);
    void *context;
};

/* NULL, if out of memory.  Does not connect yet. */
struct redis_readers *redis_readers_new(const struct redis_readers_options *,
                                        struct error *);
void redis_readers_free(struct redis_readers *); /* Accepts NULL. */

/* To be called before reading: sees to it that there is a reader for each
 * sensor.  None ever goes, and each keeps its number. */
bool redis_readers_refresh(struct redis_readers *, struct error *);

/* After that: of one server there is one. */
bool redis_readers_is_cluster(const struct redis_readers *);
size_t redis_readers_count(const struct redis_readers *);
void *redis_readers_get(const struct redis_readers *, size_t number);

/* Sensors that have no reader, because there are too many. */
size_t redis_readers_n_left_out(const struct redis_readers *);

#endif
