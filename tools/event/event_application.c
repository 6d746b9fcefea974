/* The parts of an event about the application; see event_parts.h.
 *
 * What was recognised and what was only guessed never share a field: a consumer
 * must not mistake a port number for evidence. */

#include "tools/event/event_parts.h"

#include <string.h>

enum {
    MAX_PROTOCOL_NAME = 64, /* Longer ones are cut. */
    MAX_RISKS = 64          /* Bits of struct application's 'risks'. */
};

/* Protocols whose one text is the name of a server, or of what was asked for.
 */
static const struct {
    const char *protocol;
    enum event_host host;
} host_meanings[] = {
    {"TLS", EVENT_HOST_TLS},         {"QUIC", EVENT_HOST_TLS},
    {"DTLS", EVENT_HOST_TLS},        {"HTTP", EVENT_HOST_HTTP},
    {"HTTP_Proxy", EVENT_HOST_HTTP}, {"HTTP_Connect", EVENT_HOST_HTTP},
    {"DNS", EVENT_HOST_DNS},         {"MDNS", EVENT_HOST_DNS},
    {"LLMNR", EVENT_HOST_DNS},
};

static const char *const state_names[] = {
    [APPLICATION_NONE] = "none",
    [APPLICATION_PENDING] = "pending",
    [APPLICATION_UNKNOWN] = "unknown",
    [APPLICATION_KNOWN] = "known",
};

static bool is_tls(struct event_encoder *, const struct event_flow *);
static struct event_protocol protocol_of(struct event_encoder *,
                                         const struct event_flow *);
static struct event_protocol protocol_named(const char *name);
static void write_name(struct json *, const struct event_flow *,
                       enum event_phrase_kind, uint16_t id);
static void write_lower(struct json *json, const char *key, const char *name);
static const struct application_details *details_of(const struct event_flow *);
static void write_tls(struct json *json, const struct event_flow *flow);
static void write_tls_version(struct json *json, uint16_t version);
static void write_tls_client(struct json *json,
                             const struct application_details *details);
static void write_tls_server(struct json *json,
                             const struct application_details *details);
static void write_unix_time(struct json *json, const char *key,
                            int64_t seconds);
static void write_guess(struct event_encoder *, const struct event_flow *);
static void write_list(struct json *json, const char *key, const char *list);
static void write_risks(struct json *json, uint64_t risks);
static void write_wire_text(struct json *json, const char *key,
                            const char *text);
static bool has_text(const char *text);

enum event_host
event_host(struct event_encoder *encoder, const struct event_flow *flow)
{
    const struct application_details *details = details_of(flow);
    enum event_host host = protocol_of(encoder, flow).host;

    if (!details || !has_text(details->host)) {
        return EVENT_HOST_NONE;
    }
    return host == EVENT_HOST_OTHER && is_tls(encoder, flow) ? EVENT_HOST_TLS
                                                             : host;
}

void
event_write_name(struct event_encoder *encoder, const struct event_flow *flow,
                 enum event_phrase_kind kind, uint16_t id)
{
    struct json *json = &encoder->json;
    size_t start = json->size;

    if (id != 0 && !event_phrases_copy(&encoder->phrases, json, kind, id)) {
        write_name(json, flow, kind, id);
        event_phrases_keep(&encoder->phrases, json, start, kind, id);
    }
}

void
event_write_protocols(struct event_encoder *encoder,
                      const struct event_flow *flow, enum event_host host)
{
    struct json *json = &encoder->json;
    const struct application_details *details = details_of(flow);

    if (is_tls(encoder, flow)) {
        write_tls(json, flow);
    }
    if (!details) {
        return;
    }
    if (host == EVENT_HOST_DNS) {
        json_open(json, "dns", '{');
        json_open(json, "question", '{');
        json_cstring(json, "name", details->host);
        json_close(json, '}');
        json_close(json, '}');
    }
    if (has_text(details->http_url)) {
        json_open(json, "url", '{');
        json_cstring(json, "original", details->http_url);
        json_close(json, '}');
    }
    if (has_text(details->user_agent)) {
        json_open(json, "user_agent", '{');
        json_cstring(json, "original", details->user_agent);
        json_close(json, '}');
    }
}

void
event_write_application(struct event_encoder *encoder,
                        const struct event_flow *flow, enum event_host host)
{
    struct json *json = &encoder->json;
    const struct application *app = flow->application;
    const struct application_details *details = details_of(flow);

    if (!app) {
        return;
    }
    json_open(json, "app", '{');
    json_plain(json, "state", state_names[app->state]);
    event_write_name(encoder, flow, EVENT_PHRASE_MASTER, app->master);
    event_write_name(encoder, flow, EVENT_PHRASE_NAME, app->name);
    event_write_name(encoder, flow, EVENT_PHRASE_CATEGORY, app->category);
    if (app->confidence != APPLICATION_BY_NOTHING) {
        json_plain(json, "confidence",
                   application_confidence_name(app->confidence));
    }
    if (app->encrypted) {
        json_bool(json, "encrypted", true);
    }
    write_guess(encoder, flow);
    if (details) {
        write_list(json, "alpn", details->alpn);
        write_wire_text(json, "ja4", details->ja4_client);
        if (host == EVENT_HOST_OTHER) {
            json_cstring(json, "host", details->host);
        }
    }
    json_close(json, '}');
    write_risks(json, app->risks);
}

static bool
is_tls(struct event_encoder *encoder, const struct event_flow *flow)
{
    const struct application_details *details = details_of(flow);

    return (flow->application && flow->application->tls_version) ||
           (details && (has_text(details->ja3_client) ||
                        has_text(details->certificate_sha1))) ||
           protocol_of(encoder, flow).is_tls;
}

/* The protocol that carries the application: the master, if it has one. */
static struct event_protocol
protocol_of(struct event_encoder *encoder, const struct event_flow *flow)
{
    const struct application *app = flow->application;
    uint16_t id = app && app->master ? app->master : app ? app->name : 0;

    if (id >= EVENT_PHRASES_MAX_NAMES) {
        return protocol_named(application_name(flow->engine, id));
    }
    if (!encoder->protocols[id].is_known) {
        encoder->protocols[id] =
            protocol_named(id != 0 ? application_name(flow->engine, id) : "");
    }
    return encoder->protocols[id];
}

static struct event_protocol
protocol_named(const char *name)
{
    struct event_protocol protocol = {.is_known = true,
                                      .host = EVENT_HOST_OTHER};

    for (size_t i = 0; i < sizeof host_meanings / sizeof *host_meanings; i++) {
        if (strcmp(name, host_meanings[i].protocol) == 0) {
            protocol.host = (uint8_t)host_meanings[i].host;
        }
    }
    protocol.is_tls = protocol.host == EVENT_HOST_TLS;
    return protocol;
}

static void
write_name(struct json *json, const struct event_flow *flow,
           enum event_phrase_kind kind, uint16_t id)
{
    const struct application_engine *engine = flow->engine;

    if (kind == EVENT_PHRASE_CATEGORY) {
        json_cstring(json, "category", application_category_name(engine, id));
    } else if (kind == EVENT_PHRASE_PROTOCOL) {
        write_lower(json, "protocol", application_name(engine, id));
    } else if (kind == EVENT_PHRASE_APPLICATION) {
        write_lower(json, "application", application_name(engine, id));
    } else if (kind == EVENT_PHRASE_MASTER) {
        json_cstring(json, "master", application_name(engine, id));
    } else {
        json_cstring(json, "name", application_name(engine, id));
    }
}

/* As ECS wants it. */
static void
write_lower(struct json *json, const char *key, const char *name)
{
    char lower[MAX_PROTOCOL_NAME];
    size_t size = 0;

    for (; size < sizeof lower && name[size]; size++) {
        bool is_upper = name[size] >= 'A' && name[size] <= 'Z';

        lower[size] = (char)(name[size] + (is_upper ? 'a' - 'A' : 0));
    }
    json_text(json, key, lower, size);
}

static const struct application_details *
details_of(const struct event_flow *flow)
{
    return flow->application ? flow->application->details : NULL;
}

static void
write_tls(struct json *json, const struct event_flow *flow)
{
    const struct application_details *details = details_of(flow);

    json_open(json, "tls", '{');
    write_tls_version(json, flow->application->tls_version);
    if (details) {
        write_tls_client(json, details);
        write_tls_server(json, details);
    }
    json_close(json, '}');
}

/* RFC 8446 appendix D for TLS; RFC 9147 section 5.3: DTLS counts downwards. */
static void
write_tls_version(struct json *json, uint16_t version)
{
    static const struct {
        uint16_t number;
        const char *protocol, *version;
    } versions[] = {
        {0x0002, "ssl", "2.0"},  {0x0300, "ssl", "3.0"},
        {0x0301, "tls", "1.0"},  {0x0302, "tls", "1.1"},
        {0x0303, "tls", "1.2"},  {0x0304, "tls", "1.3"},
        {0xfeff, "dtls", "1.0"}, {0xfefd, "dtls", "1.2"},
        {0xfefc, "dtls", "1.3"},
    };

    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        if (versions[i].number == version) {
            json_plain(json, "version", versions[i].version);
            json_plain(json, "version_protocol", versions[i].protocol);
        }
    }
}

static void
write_tls_client(struct json *json, const struct application_details *details)
{
    if (!has_text(details->host) && !has_text(details->ja3_client)) {
        return;
    }
    json_open(json, "client", '{');
    write_wire_text(json, "server_name", details->host);
    write_wire_text(json, "ja3", details->ja3_client);
    json_close(json, '}');
}

static void
write_tls_server(struct json *json, const struct application_details *details)
{
    if (!has_text(details->ja3_server) &&
        !has_text(details->certificate_sha1) &&
        !has_text(details->certificate_issuer) &&
        !has_text(details->certificate_subject) &&
        !details->certificate_not_before && !details->certificate_not_after) {
        return;
    }
    json_open(json, "server", '{');
    write_wire_text(json, "ja3s", details->ja3_server);
    write_wire_text(json, "issuer", details->certificate_issuer);
    write_wire_text(json, "subject", details->certificate_subject);
    write_unix_time(json, "not_before", details->certificate_not_before);
    write_unix_time(json, "not_after", details->certificate_not_after);
    if (has_text(details->certificate_sha1)) {
        json_open(json, "hash", '{');
        json_cstring(json, "sha1", details->certificate_sha1);
        json_close(json, '}');
    }
    json_close(json, '}');
}

/* Certificates may claim any date; those beyond what nanoseconds hold (the year
 * 2262) are shown as the last or first that they do. */
static void
write_unix_time(struct json *json, const char *key, int64_t seconds)
{
    const int64_t limit = INT64_MAX / SECOND_NS - 1;

    if (seconds == 0) {
        return;
    }
    seconds = seconds > limit ? limit : seconds < -limit ? -limit : seconds;
    json_time(json, key, (struct wall_time){seconds * SECOND_NS});
}

static void
write_guess(struct event_encoder *encoder, const struct event_flow *flow)
{
    struct json *json = &encoder->json;
    const struct application *app = flow->application;

    if (!app->guess_master && !app->guess_name) {
        return;
    }
    json_open(json, "guess", '{');
    event_write_name(encoder, flow, EVENT_PHRASE_MASTER, app->guess_master);
    event_write_name(encoder, flow, EVENT_PHRASE_NAME, app->guess_name);
    json_plain(json, "confidence",
               application_confidence_name(app->guess_confidence));
    json_close(json, '}');
}

/* A comma-separated list as an array. */
static void
write_list(struct json *json, const char *key, const char *list)
{
    if (!has_text(list)) {
        return;
    }
    json_open(json, key, '[');
    for (;;) {
        size_t size = strcspn(list, ",");

        json_text(json, NULL, list, size);
        if (list[size] == '\0') {
            break;
        }
        list += size + 1;
    }
    json_close(json, ']');
}

static void
write_risks(struct json *json, uint64_t risks)
{
    size_t n_names = application_risk_count();

    if (risks == 0) {
        return;
    }
    json_open(json, "risks", '[');
    for (unsigned i = 0; i < MAX_RISKS && i < n_names; i++) {
        if (risks >> i & 1) {
            json_plain(json, NULL, application_risk_name(i));
        }
    }
    json_close(json, ']');
}

static void
write_wire_text(struct json *json, const char *key, const char *text)
{
    if (has_text(text)) {
        json_cstring(json, key, text);
    }
}

static bool
has_text(const char *text)
{
    return text && text[0];
}
