/* Names of files and interfaces, for records that outlive the source.
 *
 * Written by who reads, before it hands over the first frame that bears the
 * number; read by workers after.  Bounded: see CAPTURE_NAMES_MAX. */

#ifndef TOOLS_RUNTIME_CAPTURE_NAMES_H
#define TOOLS_RUNTIME_CAPTURE_NAMES_H

#include <stddef.h>
#include <stdint.h>

enum {
    /* Distinct interface names in one run; frames of further ones bear 0. */
    CAPTURE_NAMES_MAX = 4096
};

struct capture_names {
    char *const *files; /* Borrowed; by frame.file. */
    size_t n_files;
    char *interfaces[CAPTURE_NAMES_MAX]; /* Owned; NULL is "". */
    size_t n_interfaces;                 /* The writer's only. */
    uint64_t n_unnamed; /* Frames of interfaces that did not fit. */
};

void capture_names_init(struct capture_names *, char *const *files,
                        size_t n_files);
void capture_names_done(struct capture_names *);

/* The number of the interface called 'name', from 0 for "". */
uint16_t capture_names_intern(struct capture_names *, const char *name);

const char *capture_names_file(const struct capture_names *, uint16_t file);
const char *capture_names_interface(const struct capture_names *,
                                    uint16_t interface);

#endif
