/* From root, or from what a service manager left, to CAP_NET_RAW alone; see
 * privileges.h and capabilities(7). */

#include "tools/process/privileges.h"

#include "capture/error.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    MAX_CAPABILITIES = 64,
    MAX_RECORD = 1 << 16 /* Bytes of a user's in the database. */
};

static const uint64_t wanted = UINT64_C(1) << CAP_NET_RAW;

static bool become(const char *user, struct error *);
static bool find_user(const char *user, struct passwd *, char **record,
                      struct error *);
static bool change_identity(const struct passwd *, struct error *);
static void empty_bounding_set(void);
static bool keep_wanted(struct error *);
static bool failed(const char *what, struct error *);

bool
privileges_drop(const char *user, struct error *error)
{
    if (!user && geteuid() == 0) {
        return true;
    }
    empty_bounding_set();
    return (!user || become(user, error)) &&
           (geteuid() == 0 || keep_wanted(error));
}

bool
privileges_seal(struct error *error)
{
    static const struct rlimit none = {0, 0};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return failed("cannot refuse new privileges", error);
    }
    if (setrlimit(RLIMIT_CORE, &none) != 0) {
        return failed("cannot switch off core dumps", error);
    }
#ifndef SEGMON_SANITIZED /* The search for leaks is a debugger. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return failed("cannot switch off core dumps", error);
    }
#endif
    return true;
}

static bool
become(const char *user, struct error *error)
{
    struct passwd passwd = {0};
    char *record = NULL;
    bool done = find_user(user, &passwd, &record, error);

    if (done && geteuid() != 0 && passwd.pw_uid != geteuid()) {
        done = error_set(error, ERROR_UNSUPPORTED, NULL,
                         "only root can become the user '%.80s'", user);
    } else if (done && geteuid() == 0) {
        done = change_identity(&passwd, error);
    }
    free(record);
    return done;
}

/* '*record' holds the texts of 'passwd'. */
static bool
find_user(const char *user, struct passwd *passwd, char **record,
          struct error *error)
{
    struct passwd *found = NULL;
    int failure;

    *record = malloc(MAX_RECORD);
    if (!*record) {
        return error_set(error, ERROR_MEMORY, NULL, "out of memory");
    }
    failure = getpwnam_r(user, passwd, *record, MAX_RECORD, &found);
    if (!found && failure) {
        errno = failure;
        return failed("cannot look for the user", error);
    }
    return found || error_set(error, ERROR_VALUE, NULL,
                              "there is no user '%.80s'", user);
}

static bool
change_identity(const struct passwd *passwd, struct error *error)
{
    gid_t gid = passwd->pw_gid;
    uid_t uid = passwd->pw_uid;

    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 ||
        initgroups(passwd->pw_name, gid) != 0 ||
        setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0) {
        return failed("cannot become another user", error);
    }
    return true;
}

/* What no file that is executed gets back.  Only root may; others have only
 * what was left to them. */
static void
empty_bounding_set(void)
{
    for (unsigned long i = 0; i < MAX_CAPABILITIES; i++) {
        prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
    }
}

/* Of what there is: without CAP_NET_RAW it is for opening an interface to say
 * what is missing. */
static bool
keep_wanted(struct error *error)
{
    struct __user_cap_header_struct header = {.version =
                                                  _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capget, &header, data) != 0) {
        return failed("cannot read capabilities", error);
    }
    for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        data[i].permitted &= (uint32_t)(wanted >> 32 * i);
        data[i].effective = data[i].permitted;
        data[i].inheritable = 0;
    }
    if (syscall(SYS_capset, &header, data) != 0) {
        return failed("cannot give up capabilities", error);
    }
    prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
    return true;
}

/* Always false. */
static bool
failed(const char *what, struct error *error)
{
    return error_set_errno(error, NULL, what);
}
