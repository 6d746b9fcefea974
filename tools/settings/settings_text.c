/* A value of the settings as text that reads back as the same. */

#include "rules/print/yaml_char.h"
#include "tools/redis/redis_uri.h"
#include "tools/settings/settings_impl.h"

#include <inttypes.h>
#include <string.h>

static void write_size(uint64_t bytes, FILE *);
static void write_words(const struct settings_key *, unsigned bits, FILE *);
static void write_listen(const struct listen_place *, FILE *);
static void write_interfaces(const struct settings *, FILE *);
static void write_outputs(const struct settings *, FILE *);
static void write_output(const struct settings_output *, FILE *);
static void write_mode(const struct settings_output *, FILE *);
static void write_output_key(const struct settings_output *, const char *name,
                             FILE *);
static void write_target(const char *target, FILE *);
static void write_quoted(const char *text, FILE *);

void
settings_write_value(const struct settings_key *key, const void *base,
                     FILE *out)
{
    const void *value = (const char *)base + key->offset;

    switch (key->type) {
    case SETTINGS_BOOL:
        fputs(*(const bool *)value ? "true" : "false", out);
        break;
    case SETTINGS_COUNT:
    case SETTINGS_SIZE:
        settings_write_number(key->type, *(const uint64_t *)value, out);
        break;
    case SETTINGS_DURATION:
        settings_write_number(
            key->type, (uint64_t)(*(const int64_t *)value / SECOND_NS), out);
        break;
    case SETTINGS_SYNC:
        settings_write_number(
            key->type, (uint64_t)(*(const int64_t *)value / MILLISECOND_NS),
            out);
        break;
    case SETTINGS_WORD: fputs(key->words[*(const unsigned *)value], out); break;
    case SETTINGS_WORDS: write_words(key, *(const unsigned *)value, out); break;
    case SETTINGS_LISTEN: write_listen(value, out); break;
    case SETTINGS_INTERFACES: write_interfaces(base, out); break;
    case SETTINGS_OUTPUTS: write_outputs(base, out); break;
    case SETTINGS_TEXT:
    case SETTINGS_PATH:
    case SETTINGS_SENSOR:
    case SETTINGS_REDIS:
    case SETTINGS_FILE:
    case SETTINGS_TEMPLATE:
    case SETTINGS_FIELD:
    case SETTINGS_N_TYPES:
    default: write_quoted(value, out); break;
    }
}

void
settings_write_number(enum settings_type type, uint64_t number, FILE *out)
{
    if (type == SETTINGS_SIZE) {
        write_size(number, out);
    } else if (type == SETTINGS_SYNC && number == 0) {
        fputs("always", out);
    } else {
        fprintf(out, "%" PRIu64 "%s", number,
                type == SETTINGS_DURATION ? "s"
                : type == SETTINGS_SYNC   ? "ms"
                                          : "");
    }
}

/* With the largest unit that says it exactly. */
static void
write_size(uint64_t bytes, FILE *out)
{
    static const char units[] = "KMGT";
    size_t unit = 0;

    while (bytes && bytes % 1024 == 0 && unit < sizeof units - 1) {
        bytes /= 1024;
        unit++;
    }
    fprintf(out, "%" PRIu64, bytes);
    if (unit) {
        fputc(units[unit - 1], out);
    }
}

static void
write_words(const struct settings_key *key, unsigned bits, FILE *out)
{
    const char *before = "";

    fputc('[', out);
    for (unsigned i = 0; key->words[i]; i++) {
        if (bits >> i & 1) {
            fprintf(out, "%s%s", before, key->words[i]);
            before = ", ";
        }
    }
    fputc(']', out);
}

static void
write_listen(const struct listen_place *listen, FILE *out)
{
    if (listen->port == 0) {
        fputs("off", out);
    } else if (strchr(listen->address, ':')) {
        fprintf(out, "\"[%s]:%u\"", listen->address, listen->port);
    } else if (!listen->address[0]) {
        fprintf(out, "%u", listen->port);
    } else {
        fprintf(out, "\"%s:%u\"", listen->address, listen->port);
    }
}

static void
write_interfaces(const struct settings *settings, FILE *out)
{
    fputc('[', out);
    for (size_t i = 0; i < settings->capture.n_interfaces; i++) {
        fputs(i ? ", " : "", out);
        write_quoted(settings->capture.interfaces[i], out);
    }
    fputc(']', out);
}

static void
write_outputs(const struct settings *settings, FILE *out)
{
    fputc('[', out);
    for (size_t i = 0; i < settings->n_outputs; i++) {
        fputs(i ? ", " : "", out);
        write_output(&settings->outputs[i], out);
    }
    fputc(']', out);
}

static void
write_output(const struct settings_output *output, FILE *out)
{
    bool is_redis = redis_uri_is_one(output->target);

    fputs(is_redis ? "{redis: " : "{file: ", out);
    write_target(output->target, out);
    write_output_key(output, "events", out);
    if (output->password_file[0]) {
        write_output_key(output, "password_file", out);
    }
    if (is_redis) {
        write_mode(output, out);
    }
    fputc('}', out);
}

/* What has a meaning for it. */
static void
write_mode(const struct settings_output *output, FILE *out)
{
    write_output_key(output, "mode", out);
    write_output_key(output, "key", out);
    if (output->mode == OUTPUT_STREAM) {
        write_output_key(output, "field", out);
    }
    if (output->mode != OUTPUT_CHANNEL) {
        write_output_key(output, "max_length", out);
    }
    if (output->mode == OUTPUT_LIST && output->max_length) {
        write_output_key(output, "when_full", out);
    }
}

static void
write_output_key(const struct settings_output *output, const char *name,
                 FILE *out)
{
    fprintf(out, ", %s: ", name);
    settings_write_value(settings_key_find(&settings_output_table, name),
                         output, out);
}

/* With an empty password in place of another; redis_uri_parse() finds it in the
 * same way. */
static void
write_target(const char *target, FILE *out)
{
    const char *start = strstr(target, "://");
    const char *end = start ? strrchr(start, '@') : NULL;
    const char *colon = end ? strchr(start + 3, ':') : NULL;
    char plain[SETTINGS_MAX_TEXT + 1];

    if (redis_uri_is_one(target) && colon && colon < end) {
        snprintf(plain, sizeof plain, "%.*s%s", (int)(colon - target) + 1,
                 target, end);
        write_quoted(plain, out);
    } else {
        write_quoted(target, out);
    }
}

static void
write_quoted(const char *text, FILE *out)
{
    fputc('"', out);
    while (*text) {
        char quoted[YAML_CHAR_SIZE];

        text += yaml_char_quote(text, quoted);
        fputs(quoted, out);
    }
    fputc('"', out);
}
