/* The machine under a sensor: its kernel, its memory, room for what it writes.
 */

#ifndef TOOLS_DOCTOR_HOST_STATE_H
#define TOOLS_DOCTOR_HOST_STATE_H

#include <stdbool.h>
#include <stdint.h>

struct diagnosis;

enum {
    HOST_STATE_RELEASE_SIZE = 80
};

struct host_state {
    char release[HOST_STATE_RELEASE_SIZE]; /* Of the kernel. */
    unsigned major, minor;                 /* 0: unknown. */
    uint64_t memory_bytes;   /* That can still be had; UINT64_MAX: unknown. */
    uint64_t wanted_bytes;   /* Of these, a sensor's. */
    uint64_t max_open_files; /* RLIMIT_NOFILE. */
    const char *output;      /* A file that events go to, or NULL. */
    int output_error;        /* errno; 0: it can be written. */
    uint64_t free_bytes;     /* Where it is. */
    uint64_t file_system_bytes;
};

/* 'output' is borrowed, and not changed: nothing is written.  'wanted_bytes' is
 * what a sensor may take; 0: what is usual. */
void host_state_read(const char *output, uint64_t wanted_bytes,
                     struct host_state *);

/* Pure. */
void host_state_check(const struct host_state *, struct diagnosis *);

#endif
