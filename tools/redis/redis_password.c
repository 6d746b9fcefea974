/* Passwords; see redis_password.h.  No error ever has one in it. */

#include "tools/redis/redis_password.h"

#include "capture/error.h"
#include "tools/redis/redis_uri.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_secret(const char *path, struct error *);
static bool take_line(struct redis_uri *, char *line, const char *path,
                      struct error *);

bool
redis_password_read(struct redis_uri *uri, const char *path,
                    struct error *error)
{
    char line[REDIS_URI_MAX_SECRET + 1];
    int fd = open_secret(path, error);
    ssize_t n;
    bool good;

    if (fd < 0) {
        return false;
    }
    n = read(fd, line, sizeof line - 1);
    good = n >= 0 || error_set_errno(error, path, "cannot be read");
    close(fd);
    if (good) {
        line[n] = '\0';
        good = take_line(uri, line, path, error);
    }
    explicit_bzero(line, sizeof line);
    return good;
}

bool
redis_password_set(struct redis_uri *uri, const char *password,
                   struct error *error)
{
    size_t size = strlen(password);

    if (size >= sizeof uri->password) {
        return error_set(error, ERROR_LIMIT, "",
                         "a Redis password has %d bytes at most",
                         REDIS_URI_MAX_SECRET - 1);
    }
    memcpy(uri->password, password, size + 1);
    return true;
}

/* Its group may read it, because that is how a service is given one. */
static int
open_secret(const char *path, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;

    if (fd < 0) {
        error_set_errno(error, path, "cannot be opened");
        return -1;
    }
    if (fstat(fd, &status) == 0 && (status.st_mode & (S_IROTH | S_IWOTH))) {
        error_set(error, ERROR_VALUE, path,
                  "everybody may read this password: chmod o= it");
        close(fd);
        return -1;
    }
    return fd;
}

static bool
take_line(struct redis_uri *uri, char *line, const char *path,
          struct error *error)
{
    size_t size = strcspn(line, "\r\n");

    if (size == 0) {
        return error_set(error, ERROR_VALUE, path, "no password in it");
    }
    line[size] = '\0';
    return redis_password_set(uri, line, error);
}
