/* See folder_access.h. */

#include "tools/process/folder_access.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAX_PATH = 1100,      /* More than settings have. */
    MAX_RECORD = 1 << 16, /* Bytes of a user's in the database. */
    MAX_GROUPS = 256,
    WRITE_AND_SEARCH = 03, /* What it takes to make a file, of others; */
    GROUP_SHIFT = 3,       /* of the group, and */
    OWNER_SHIFT = 6        /* the owner. */
};

struct identity {
    uid_t uid;
    gid_t groups[MAX_GROUPS];
    int n_groups;
};

static void cut_last_part(char path[MAX_PATH]);
static bool may_write(const char *path, const struct stat *status,
                      const char *user);
static bool find_identity(const char *user, struct identity *identity);
static bool allows(const struct stat *status, const struct identity *identity);

enum folder_access
folder_access(const char *path, const char *user)
{
    char folder[MAX_PATH] = "";
    struct stat status;

    memccpy(folder, path, '\0', sizeof folder - 1);
    if (stat(folder, &status) != 0) {
        cut_last_part(folder);
        if (stat(folder, &status) != 0) {
            return FOLDER_MISSING;
        }
    }
    if (!S_ISDIR(status.st_mode)) {
        return FOLDER_OTHER;
    }
    return may_write(folder, &status, user) ? FOLDER_WRITABLE : FOLDER_REFUSED;
}

/* "/a/b/" becomes "/a", and "b" ".". */
static void
cut_last_part(char path[MAX_PATH])
{
    size_t length = strlen(path);

    while (length > 1 && path[length - 1] == '/') {
        length--;
    }
    while (length > 0 && path[length - 1] != '/') {
        length--;
    }
    while (length > 1 && path[length - 1] == '/') {
        length--;
    }
    if (length == 0) {
        path[length++] = '.';
    }
    path[length] = '\0';
}

static bool
may_write(const char *path, const struct stat *status, const char *user)
{
    struct identity identity = {.n_groups = 0};

    if (geteuid() != 0 || !user[0] || !find_identity(user, &identity)) {
        return faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) == 0;
    }
    return identity.uid == 0 || allows(status, &identity);
}

static bool
find_identity(const char *user, struct identity *identity)
{
    struct passwd passwd, *found = NULL;
    char *record = malloc(MAX_RECORD);

    if (record && getpwnam_r(user, &passwd, record, MAX_RECORD, &found) == 0 &&
        found) {
        identity->uid = passwd.pw_uid;
        identity->n_groups = MAX_GROUPS;
        if (getgrouplist(user, passwd.pw_gid, identity->groups,
                         &identity->n_groups) < 0) {
            identity->n_groups = MAX_GROUPS;
        }
    }
    free(record);
    return found != NULL;
}

/* As path_resolution(7) has it: the first class that fits decides. */
static bool
allows(const struct stat *status, const struct identity *identity)
{
    unsigned shift = 0;

    for (int i = 0; i < identity->n_groups; i++) {
        if (status->st_gid == identity->groups[i]) {
            shift = GROUP_SHIFT;
        }
    }
    if (status->st_uid == identity->uid) {
        shift = OWNER_SHIFT;
    }
    return (status->st_mode >> shift & WRITE_AND_SEARCH) == WRITE_AND_SEARCH;
}
