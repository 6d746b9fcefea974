/* Whether somebody may make files in a folder: so that a mistake in a
 * configuration is told before a service is started with it.
 *
 * An answer, not a promise: rights may change, and who mounted it read-only for
 * a service is not asked.  Allocates some KiB for the call; looks up users, so
 * not for a thread that has no time. */

#ifndef TOOLS_PROCESS_FOLDER_ACCESS_H
#define TOOLS_PROCESS_FOLDER_ACCESS_H

enum folder_access {
    FOLDER_WRITABLE, /* Or can be made there. */
    FOLDER_REFUSED,
    FOLDER_MISSING, /* And so is the one that it would be in. */
    FOLDER_OTHER    /* It is none. */
};

/* Of 'user', if we are root and there is such a user; else of ourselves. */
enum folder_access folder_access(const char *path, const char *user);

#endif
