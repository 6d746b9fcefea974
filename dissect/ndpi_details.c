/* nDPI keeps what it learns in a union, whose members mean something only for
 * the protocol that wrote them; the test here is the one nDPI itself frees its
 * pointers by.  Two members hold passwords (FTP, IMAP, POP3, SMTP; Telnet) and
 * are never looked at. */

#include "dissect/ndpi_details.h"

#include "dissect/application.h"
#include "dissect/http_login.h"
#include "dissect/ndpi_shim.h"

#include <stdlib.h>
#include <string.h>

enum {
    SHA1_SIZE = 20,
    SHA1_TEXT_SIZE = 2 * SHA1_SIZE + 1,
    MAX_TEXTS = 10 /* Texts in struct application_details. */
};

/* A text to copy, and the member of the details that is to point to the copy.
 */
struct text {
    const char *from; /* NULL if absent. */
    size_t member;
};

static struct application_details *
details_copy(const struct application_details *from);
static bool has_tls(const struct ndpi_flow_struct *flow);
static void format_sha1(const uint8_t sha1[SHA1_SIZE],
                        char text[SHA1_TEXT_SIZE]);
static struct application_details *copy_texts(const struct text *texts,
                                              size_t n);

#define MEMBER(NAME) offsetof(struct application_details, NAME)

struct application_details *
ndpi_details_take(const struct ndpi_flow_struct *flow)
{
    char sha1[SHA1_TEXT_SIZE] = "";
    struct text texts[MAX_TEXTS] = {
        {flow->host_server_name, MEMBER(host)},
        {flow->http.user_agent, MEMBER(user_agent)},
        {flow->http.url, MEMBER(http_url)},
        {NULL, MEMBER(alpn)},
        {NULL, MEMBER(ja3_client)},
        {NULL, MEMBER(ja3_server)},
        {NULL, MEMBER(ja4_client)},
        {NULL, MEMBER(certificate_issuer)},
        {NULL, MEMBER(certificate_subject)},
        {sha1, MEMBER(certificate_sha1)},
    };
    bool tls = has_tls(flow);
    struct application_details *details;

    if (tls) {
        texts[3].from = ndpi_shim_alpn(flow);
        texts[4].from = ndpi_shim_ja3_client(flow);
        texts[5].from = flow->protos.tls_quic.ja3_server;
        texts[6].from = ndpi_shim_ja4_client(flow);
        texts[7].from = flow->protos.tls_quic.issuerDN;
        texts[8].from = flow->protos.tls_quic.subjectDN;
        format_sha1(flow->protos.tls_quic.sha1_certificate_fingerprint, sha1);
    }
    details = copy_texts(texts, MAX_TEXTS);
    if (details != NULL && tls) {
        details->certificate_not_before = flow->protos.tls_quic.notBefore;
        details->certificate_not_after = flow->protos.tls_quic.notAfter;
    }
    return details;
}

void
ndpi_details_mend_risk(struct ndpi_flow_struct *flow, uint64_t before,
                       struct bytes payload)
{
    const uint64_t credentials = UINT64_C(1) << NDPI_CLEAR_TEXT_CREDENTIALS;

    if ((flow->risk & ~before & credentials) != 0 &&
        flow->http.method != NDPI_HTTP_METHOD_UNKNOWN &&
        !http_login_is_readable(payload)) {
        flow->risk &= ~credentials;
    }
}

void
application_done(struct application *application)
{
    free(application->details);
    application->details = NULL;
}

void
application_copy(const struct application *application,
                 struct application *copy)
{
    *copy = *application;
    if (application->details != NULL) {
        copy->details = details_copy(application->details);
    }
}

static struct application_details *
details_copy(const struct application_details *from)
{
    struct text texts[MAX_TEXTS] = {
        {from->host, MEMBER(host)},
        {from->user_agent, MEMBER(user_agent)},
        {from->http_url, MEMBER(http_url)},
        {from->alpn, MEMBER(alpn)},
        {from->ja3_client, MEMBER(ja3_client)},
        {from->ja3_server, MEMBER(ja3_server)},
        {from->ja4_client, MEMBER(ja4_client)},
        {from->certificate_issuer, MEMBER(certificate_issuer)},
        {from->certificate_subject, MEMBER(certificate_subject)},
        {from->certificate_sha1, MEMBER(certificate_sha1)},
    };
    struct application_details *details = copy_texts(texts, MAX_TEXTS);

    if (details != NULL) {
        details->certificate_not_before = from->certificate_not_before;
        details->certificate_not_after = from->certificate_not_after;
        details->text_cut = from->text_cut;
    }
    return details;
}

static bool
has_tls(const struct ndpi_flow_struct *flow)
{
    for (size_t i = 0; i < 2; i++) {
        switch (flow->detected_protocol_stack[i]) {
        case NDPI_PROTOCOL_QUIC:
        case NDPI_PROTOCOL_TLS:
        case NDPI_PROTOCOL_DTLS:
        case NDPI_PROTOCOL_MAIL_SMTPS:
        case NDPI_PROTOCOL_MAIL_POPS:
        case NDPI_PROTOCOL_MAIL_IMAPS: return true;
        default: break;
        }
    }
    return false;
}

/* Leaves 'text' empty if there is no fingerprint: all zero. */
static void
format_sha1(const uint8_t sha1[SHA1_SIZE], char text[SHA1_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t any = 0;

    for (size_t i = 0; i < SHA1_SIZE; i++) {
        any |= sha1[i];
        text[2 * i] = digits[sha1[i] >> 4];
        text[2 * i + 1] = digits[sha1[i] & 15];
    }
    text[any != 0 ? SHA1_TEXT_SIZE - 1 : 0] = '\0';
}

/* Bytes of 'text' that are kept. */
static size_t
kept_size(const char *text)
{
    return text == NULL ? 0 : strnlen(text, APPLICATION_MAX_TEXT);
}

static struct application_details *
copy_texts(const struct text *texts, size_t n)
{
    struct application_details *details;
    size_t size = 1; /* The "" of every absent text. */
    char *at;

    for (size_t i = 0; i < n; i++) {
        size_t kept = kept_size(texts[i].from);

        size += kept > 0 ? kept + 1 : 0;
    }
    if (size == 1) {
        return NULL;
    }
    /* Not calloc(), which glibc before 2.41 gives no block at hand. */
    details = malloc(sizeof *details + size);
    if (details == NULL) {
        return NULL;
    }
    memset(details, 0, sizeof *details + size);
    at = (char *)(details + 1) + 1;
    for (size_t i = 0; i < n; i++) {
        size_t kept = kept_size(texts[i].from);
        char **member = (void *)((char *)details + texts[i].member);

        *member = kept > 0 ? at : (char *)(details + 1);
        if (kept > 0) {
            memcpy(at, texts[i].from, kept); /* A zero ends it. */
            at += kept + 1;
            details->text_cut |= texts[i].from[kept] != '\0';
        }
    }
    return details;
}
