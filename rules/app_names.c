/* Names drift between versions of nDPI, so a policy may use any version's. */

#include "rules/app_names.h"

#include "dissect/application.h"

#include <stdio.h>
#include <string.h>

/* Applications that exist in some nDPI, but maybe not in the one linked. */
static const char *const other_versions[] = {
    "BACnet",      "OPC-UA",      "HART-IP", "PROFINET_IO",   "UMAS",
    "IEEE-C37118", "Ethernet_IP", "BFD",     "ISO9506-1-MMS", "KNXnet_IP",
    "Omron_FINS",  "CIP",         "GE_SRTP", "Beckhoff_ADS",
};

static const char *const on_tls[] = {
    "TLS",   "SSL",  "DTLS",  "QUIC", "DoH_DoT", "HTTPS",
    "IMAPS", "POPS", "SMTPS", "FTPS", "LDAPS",   "MQTTS",
};

static bool find_whole(const struct application_engine *, const char *text,
                       char name[APP_NAME_SIZE]);
static bool name_in(const char *const *list, size_t n, const char *name);

enum app_name_answer
app_name_find(const struct application_engine *engine, const char *text,
              char master[APP_NAME_SIZE], char name[APP_NAME_SIZE])
{
    const char *dot = strchr(text, '.');
    char head[APP_NAME_SIZE];

    master[0] = '\0';
    if (find_whole(engine, text, name)) {
        return name_equal(name, text) ? APP_NAME_KNOWN : APP_NAME_ALIAS;
    }
    for (; dot; dot = strchr(dot + 1, '.')) {
        size_t length = (size_t)(dot - text);

        if (length == 0 || length >= sizeof head) {
            continue;
        }
        memcpy(head, text, length);
        head[length] = '\0';
        if (find_whole(engine, head, master) &&
            find_whole(engine, dot + 1, name)) {
            return name_equal(master, head) && name_equal(name, dot + 1)
                       ? APP_NAME_KNOWN
                       : APP_NAME_ALIAS;
        }
    }
    master[0] = '\0';
    snprintf(name, APP_NAME_SIZE, "%s", text);
    return name_in(other_versions,
                   sizeof other_versions / sizeof other_versions[0], text)
               ? APP_NAME_UNSUPPORTED
               : APP_NAME_UNKNOWN;
}

void
app_name_suggest(const struct application_engine *engine,
                 struct name_suggestion *suggestion)
{
    for (size_t i = 0; engine && i < application_count(engine) &&
                       suggestion->effort < suggestion->max_effort;
         i++) {
        name_suggestion_offer(suggestion,
                              application_name(engine, (uint16_t)i));
    }
}

bool
app_category_find(const struct application_engine *engine, const char *text,
                  char name[APP_NAME_SIZE])
{
    if (!engine) {
        snprintf(name, APP_NAME_SIZE, "%s", text);
        return true;
    }
    for (size_t i = 0; i < application_category_count(engine); i++) {
        const char *known = application_category_name(engine, (uint16_t)i);

        if (name_equal(known, text)) {
            snprintf(name, APP_NAME_SIZE, "%s", known);
            return true;
        }
    }
    return false;
}

void
app_category_suggest(const struct application_engine *engine,
                     struct name_suggestion *suggestion)
{
    for (size_t i = 0; engine && i < application_category_count(engine); i++) {
        name_suggestion_offer(suggestion,
                              application_category_name(engine, (uint16_t)i));
    }
}

bool
app_risk_find(const char *text, unsigned *bit)
{
    size_t n = application_risk_count();

    for (unsigned i = 0; i < n && i < 64; i++) {
        const char *name = application_risk_name(i);

        if (name_fold(name[0]) == name_fold(text[0]) &&
            name_equal(name, text)) {
            *bit = i;
            return true;
        }
    }
    return false;
}

void
app_risk_suggest(struct name_suggestion *suggestion)
{
    size_t n = application_risk_count();

    for (unsigned i = 0;
         i < n && i < 64 && suggestion->effort < suggestion->max_effort; i++) {
        name_suggestion_offer(suggestion, application_risk_name(i));
    }
}

bool
app_name_is_tls(const char *name)
{
    return name_in(on_tls, sizeof on_tls / sizeof on_tls[0], name);
}

static bool
find_whole(const struct application_engine *engine, const char *text,
           char name[APP_NAME_SIZE])
{
    uint16_t id;

    if (!engine) { /* The one name of nDPI's with a dot in it. */
        snprintf(name, APP_NAME_SIZE, "%s", text);
        return !strchr(text, '.') || name_equal(text, "Z39.50");
    }
    if (!application_find(engine, text, &id)) {
        return false;
    }
    snprintf(name, APP_NAME_SIZE, "%s", application_name(engine, id));
    return true;
}

static bool
name_in(const char *const *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (name_equal(list[i], name)) {
            return true;
        }
    }
    return false;
}
