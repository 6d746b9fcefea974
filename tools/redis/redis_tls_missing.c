/* redis_tls.h, where there is no OpenSSL. */

#include "capture/error.h"
#include "tools/redis/redis_tls.h"
#include "tools/redis/redis_uri.h"

#include <errno.h>

bool
redis_tls_check(const struct redis_uri *uri, struct error *error)
{
    return !uri->is_tls ||
           error_set(error, ERROR_UNSUPPORTED, uri->name,
                     "segmon was built without TLS: build it with libssl-dev, "
                     "or use stunnel (tools/integrations/stunnel)");
}

struct redis_tls *
redis_tls_open(int fd, const struct redis_uri *uri, const char *host,
               const char *name, struct mono_time until, struct error *error)
{
    (void)fd;
    (void)host;
    (void)name;
    (void)until;
    redis_tls_check(uri, error);
    return NULL;
}

void
redis_tls_close(struct redis_tls *tls)
{
    (void)tls;
}

ssize_t
redis_tls_send(struct redis_tls *tls, const char *bytes, size_t size,
               struct mono_time until)
{
    (void)tls;
    (void)bytes;
    (void)size;
    (void)until;
    errno = ENOTSUP;
    return -1;
}

ssize_t
redis_tls_receive(struct redis_tls *tls, char *bytes, size_t size,
                  struct mono_time until)
{
    (void)tls;
    if (size) {
        bytes[0] = '\0';
    }
    (void)until;
    errno = ENOTSUP;
    return -1;
}

bool
redis_tls_has_more(const struct redis_tls *tls)
{
    (void)tls;
    return false;
}

const char *
redis_tls_library_version(void)
{
    return "no OpenSSL";
}
