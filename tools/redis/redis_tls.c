/* See redis_tls.h.
 *
 * OpenSSL reads and writes through a BIO of ours: its own dies of SIGPIPE on a
 * connection that is gone, and within one record it would wait for as long as
 * the other side sends a byte now and then. */

#include "tools/redis/redis_tls.h"

#include "capture/error.h"
#include "tools/event/system_clock.h"
#include "tools/redis/redis_uri.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

struct redis_tls {
    int fd; /* Borrowed. */
    struct mono_time until;
    BIO_METHOD *method;
    SSL_CTX *context;
    SSL *ssl;
    int problem; /* Of the socket; 0: none. */
    bool ended;  /* The other side closed it. */
};

static SSL_CTX *new_context(const struct redis_uri *, struct error *);
static bool trust(SSL_CTX *, const struct redis_uri *, struct error *);
static bool present(SSL_CTX *, const struct redis_uri *, struct error *);
static bool expect(SSL *, const char *host);
static bool shake_hands(struct redis_tls *, const char *name, struct error *);
static bool attach(struct redis_tls *);
static int write_bytes(BIO *, const char *bytes, int size);
static int read_bytes(BIO *, char *bytes, int size);
static long control(BIO *, int command, long number, void *pointer);
static bool is_late(struct redis_tls *);
static ssize_t result_of(struct redis_tls *, int result);
static bool fail(const char *name, const char *what, struct error *error);

bool
redis_tls_check(const struct redis_uri *uri, struct error *error)
{
    SSL_CTX *context;

    if (!uri->is_tls) {
        return true;
    }
    context = new_context(uri, error);
    SSL_CTX_free(context);
    return context != NULL;
}

struct redis_tls *
redis_tls_open(int fd, const struct redis_uri *uri, const char *host,
               const char *name, struct mono_time until, struct error *error)
{
    struct redis_tls *tls = calloc(1, sizeof *tls);

    if (!tls) {
        error_set(error, ERROR_MEMORY, name, "no memory for TLS");
        return NULL;
    }
    tls->fd = fd;
    tls->until = until;
    tls->context = new_context(uri, error);
    if (!tls->context) {
        redis_tls_close(tls);
        return NULL;
    }
    tls->ssl = SSL_new(tls->context);
    if (!tls->ssl || !attach(tls) ||
        !expect(tls->ssl, uri->sni[0] ? uri->sni : host)) {
        fail(name, "TLS", error);
    } else if (shake_hands(tls, name, error)) {
        return tls;
    }
    redis_tls_close(tls);
    return NULL;
}

/* Without a farewell, which nobody waits for. */
void
redis_tls_close(struct redis_tls *tls)
{
    if (tls) {
        SSL_free(tls->ssl);
        SSL_CTX_free(tls->context);
        BIO_meth_free(tls->method);
        free(tls);
    }
}

ssize_t
redis_tls_send(struct redis_tls *tls, const char *bytes, size_t size,
               struct mono_time until)
{
    int n =
        size < SSL3_RT_MAX_PLAIN_LENGTH ? (int)size : SSL3_RT_MAX_PLAIN_LENGTH;

    tls->until = until;
    ERR_clear_error();
    return result_of(tls, SSL_write(tls->ssl, bytes, n));
}

ssize_t
redis_tls_receive(struct redis_tls *tls, char *bytes, size_t size,
                  struct mono_time until)
{
    int n =
        size < SSL3_RT_MAX_PLAIN_LENGTH ? (int)size : SSL3_RT_MAX_PLAIN_LENGTH;

    tls->until = until;
    ERR_clear_error();
    return result_of(tls, SSL_read(tls->ssl, bytes, n));
}

bool
redis_tls_has_more(const struct redis_tls *tls)
{
    return SSL_pending(tls->ssl) > 0;
}

const char *
redis_tls_library_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

static SSL_CTX *
new_context(const struct redis_uri *uri, struct error *error)
{
    SSL_CTX *context;

    ERR_clear_error();
    context = SSL_CTX_new(TLS_client_method());
    if (!context || !SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION)) {
        fail(uri->name, "TLS", error);
    } else if (trust(context, uri, error) && present(context, uri, error)) {
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_mode(context, SSL_MODE_AUTO_RETRY);
        return context;
    }
    SSL_CTX_free(context);
    return NULL;
}

static bool
trust(SSL_CTX *context, const struct redis_uri *uri, struct error *error)
{
    struct stat status;
    bool is_folder =
        uri->ca[0] && stat(uri->ca, &status) == 0 && S_ISDIR(status.st_mode);
    int good;

    if (!uri->ca[0]) {
        good = SSL_CTX_set_default_verify_paths(context);
    } else {
        good = is_folder ? SSL_CTX_load_verify_dir(context, uri->ca)
                         : SSL_CTX_load_verify_file(context, uri->ca);
    }
    return good ||
           fail(uri->ca, "cannot read certificates of authorities", error);
}

static bool
present(SSL_CTX *context, const struct redis_uri *uri, struct error *error)
{
    if (!uri->cert[0]) {
        return true;
    }
    if (!SSL_CTX_use_certificate_chain_file(context, uri->cert)) {
        return fail(uri->cert, "cannot read a certificate", error);
    }
    if (!SSL_CTX_use_PrivateKey_file(context, uri->key, SSL_FILETYPE_PEM)) {
        return fail(uri->key, "cannot use this key with the certificate",
                    error);
    }
    return true;
}

/* An address is no name that a server could be asked for (RFC 6066 section 3),
 * but may be in its certificate. */
static bool
expect(SSL *ssl, const char *host)
{
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(host);
    char name[REDIS_URI_MAX_HOST]; /* OpenSSL would not change it. */
    bool good;

    if (address) {
        good = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
    } else {
        snprintf(name, sizeof name, "%s", host);
        SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        good = SSL_set1_host(ssl, host) &&
               SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME,
                        TLSEXT_NAMETYPE_host_name, name);
    }
    ASN1_OCTET_STRING_free(address);
    return good;
}

static bool
shake_hands(struct redis_tls *tls, const char *name, struct error *error)
{
    long verdict;

    ERR_clear_error();
    if (SSL_connect(tls->ssl) == 1) {
        return true;
    }
    verdict = SSL_get_verify_result(tls->ssl);
    if (verdict != X509_V_OK) {
        return error_set(error, ERROR_SYSTEM, name,
                         "TLS: the server's certificate is refused: %.100s",
                         X509_verify_cert_error_string(verdict));
    }
    if (tls->problem) {
        errno = tls->problem;
        return errno == EAGAIN ? error_set(error, ERROR_SYSTEM, name,
                                           "TLS: no answer in time")
                               : error_set_errno(error, name, "TLS");
    }
    return fail(name, "TLS", error);
}

static bool
attach(struct redis_tls *tls)
{
    BIO *bio;

    tls->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "redis socket");
    if (!tls->method || !BIO_meth_set_write(tls->method, write_bytes) ||
        !BIO_meth_set_read(tls->method, read_bytes) ||
        !BIO_meth_set_ctrl(tls->method, control)) {
        return false;
    }
    bio = BIO_new(tls->method);
    if (!bio) {
        return false;
    }
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    return true;
}

static int
write_bytes(BIO *bio, const char *bytes, int size)
{
    struct redis_tls *tls = BIO_get_data(bio);
    ssize_t n;

    if (is_late(tls)) {
        return -1;
    }
    do {
        n = send(tls->fd, bytes, (size_t)size, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR && !is_late(tls));
    tls->problem = n < 0 ? errno : 0;
    return (int)n;
}

static int
read_bytes(BIO *bio, char *bytes, int size)
{
    struct redis_tls *tls = BIO_get_data(bio);
    ssize_t n;

    if (is_late(tls)) {
        return -1;
    }
    do {
        n = recv(tls->fd, bytes, (size_t)size, 0);
    } while (n < 0 && errno == EINTR && !is_late(tls));
    tls->problem = n < 0 ? errno : 0;
    tls->ended = n == 0;
    return (int)n;
}

/* Nothing is kept here that could be flushed. */
static long
control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static bool
is_late(struct redis_tls *tls)
{
    bool late = system_clock_mono().ns >= tls->until.ns;

    if (late) {
        tls->problem = EAGAIN;
    }
    return late;
}

/* As that of send() and recv().  What was cut short is found out by whoever
 * reads answers, whose lengths are known. */
static ssize_t
result_of(struct redis_tls *tls, int result)
{
    if (result > 0) {
        return result;
    }
    if (tls->ended ||
        SSL_get_error(tls->ssl, result) == SSL_ERROR_ZERO_RETURN) {
        return 0;
    }
    errno = tls->problem ? tls->problem : EPROTO;
    return -1;
}

/* Always false. */
static bool
fail(const char *name, const char *what, struct error *error)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    return error_set(error, ERROR_SYSTEM, name, "%s%s%.100s", what,
                     reason ? ": " : "", reason ? reason : "");
}
