/* The system calls this program makes, and no others (seccomp(2)): what breaks
 * into it through a packet finds no other program to start, no other process to
 * look into, no namespace to make, and no memory that is written and executed.
 *
 * What only an intruder asks for ends the process at once.  Any other call that
 * is not on the list may be ours, on a system we have not met: it is told by
 * its name, and ends the process too.  A few that libraries try first, and do
 * without, fail.  sandbox.c has the lists.
 *
 * Once for the process, all its threads included; there is no way back. */

#ifndef TOOLS_PROCESS_SANDBOX_H
#define TOOLS_PROCESS_SANDBOX_H

#include <stdbool.h>

struct error;

struct sandbox_options {
    bool listens; /* For connections, such as those that ask for metrics. */
    const char *prefix; /* Of what is told, such as "<3>".  Borrowed. */
};

/* False if the kernel, or what runs us, cannot do it: then nothing has changed
 * but that files that are executed give no privileges. */
bool sandbox_enter(const struct sandbox_options *, struct error *);

#endif
