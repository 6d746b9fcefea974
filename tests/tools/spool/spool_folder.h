/* What tests of the spool share: a folder of their own, records that say what
 * they are, and the check that what comes out is what went in. */

#ifndef TESTS_TOOLS_SPOOL_SPOOL_FOLDER_H
#define TESTS_TOOLS_SPOOL_SPOOL_FOLDER_H

#include "tools/spool/spool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SPOOL_FOLDER_SIZE = 64
};

/* Makes one, in memory where the system has a folder for that; removes it with
 * all that is in it. */
void spool_folder_make(char path[SPOOL_FOLDER_SIZE]);
void spool_folder_remove(const char *path);

/* Files in it whose names begin with 'prefix', and their bytes. */
unsigned spool_folder_count(const char *path, const char *prefix,
                            uint64_t *bytes);

/* "PATH/NAME" of the first such file, in order of names. */
bool spool_folder_first(const char *path, const char *prefix, char *name,
                        size_t size);

/* Bytes of a record, of which any stretch tells it from others: 'number' and
 * what follows from it.  At least 8. */
void spool_text_fill(char *bytes, size_t size, uint64_t number);
uint64_t spool_text_number(const char *bytes, size_t size); /* 0: is none. */

/* The naive account of a spool: what was read, and what was said to be missing.
 * A test numbers the texts of each kind from 1. */
struct spool_oracle {
    uint64_t serial[EVENT_N_KINDS], number[EVENT_N_KINDS]; /* Read last. */
    struct redis_id id[EVENT_N_KINDS];
    uint64_t n_read[EVENT_N_KINDS]; /* Gap records are not counted. */
    uint64_t n_told[EVENT_N_KINDS]; /* Missing, as gap records say. */
    uint64_t by_reason[SPOOL_N_REASONS];
    uint64_t n_gaps;
};

/* Takes one record: fails the test unless it is sound, of 'kind', and above
 * those before. */
void spool_oracle_take(struct spool_oracle *, enum event_kind,
                       const struct spool_record *);

/* Reads and acknowledges all there is, status last as gaps are told there. */
void spool_oracle_drain(struct spool_oracle *, struct spool *);

/* Of all kinds: appended + recovered + rewound = acked + pending + dropped. */
void spool_assert_balance(const struct spool *);

#endif
