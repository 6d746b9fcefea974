/* Where events are forwarded to.
 *
 * forward_target_write() returns when the bytes are safe: in a file, on the
 * disk; over TCP, with the kernel of the other side; on standard output, with
 * the system (and, if that is a file, on the disk).  When it fails, the same
 * bytes have to be given again, unless 'is_gone': it knows how much of them is
 * there already, or has taken it back.
 *
 * A target belongs to one thread. */

#ifndef TOOLS_FORWARD_FORWARD_TARGET_H
#define TOOLS_FORWARD_FORWARD_TARGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct error;
struct forward_target;

enum {
    FORWARD_PATIENCE_MS = 10000, /* For the other side of a connection. */
    FORWARD_MAX_HOST = 256
};

struct forward_target_class {
    bool (*write)(struct forward_target *, const char *bytes, size_t size,
                  struct error *);
    bool (*reopen)(struct forward_target *, struct error *);
    void (*free)(struct forward_target *);
};

/* Every target begins with one. */
struct forward_target {
    const struct forward_target_class *class;
    const atomic_int *stop; /* Borrowed: once it is not 0, waits end. */
    bool is_gone; /* The reader of standard output: no write will succeed. */
};

/* Appends to a file, made if there is none, also when it was removed meanwhile,
 * or writes to standard output ("-").  The file is ours alone: NULL, with
 * '*error', if another process of this program has it.  Half a line at its end,
 * left by a process that was killed, is cut off: its event was not
 * acknowledged, and comes again.  '*cut' says how many bytes that was. */
struct forward_target *forward_file_open(const char *path, off_t *cut,
                                         struct error *);

/* To a TCP port, "HOST:PORT" or "[ADDRESS]:PORT".  Connects when there is
 * something to write.  NULL, with '*error', if that is no such place. */
struct forward_target *forward_tcp_new(const char *place, struct error *);

static inline bool
forward_target_write(struct forward_target *target, const char *bytes,
                     size_t size, struct error *error)
{
    return target->class->write(target, bytes, size, error);
}

/* After a file was moved away: writes to one of the same name from now on. */
static inline bool
forward_target_reopen(struct forward_target *target, struct error *error)
{
    return target->class->reopen(target, error);
}

static inline void
forward_target_free(struct forward_target *target) /* Accepts NULL. */
{
    if (target) {
        target->class->free(target);
    }
}

#endif
