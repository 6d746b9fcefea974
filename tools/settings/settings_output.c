/* One output, and what outputs must agree on; see settings.h.
 *
 * Each says where events go, and with a server also how they are there.  What
 * does not go together is told where it was set: so mistakes are looked for
 * once all that the file and the command line say is known. */

#include "rules/names.h"
#include "tools/redis/redis_uri.h"
#include "tools/settings/settings_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void read_output(struct settings_reader *, size_t i,
                        const struct yaml_node *);
static bool is_near_a_token(struct settings_reader *, const struct yaml_node *,
                            const char *braces);
static void check_target(struct settings_reader *, size_t i);
static void check_mode(struct settings_reader *, size_t i);
static void tell_needless(struct settings_reader *, size_t i, const char *key,
                          const char *why);
static void check_key(struct settings_reader *, size_t i);
static void check_events(struct settings_reader *, size_t i);
static void check_pair(struct settings_reader *, size_t k, size_t i);
static bool is_same_server(const struct settings_output *,
                           const struct settings_output *);
static bool shares_key(const struct settings *, const struct settings_output *,
                       const struct settings_output *,
                       char key[REDIS_TEMPLATE_KEY_SIZE]);
static bool has_key(const struct settings *, const struct settings_output *,
                    const char *key);
static bool key_of(const struct settings *, const struct settings_output *,
                   unsigned kind, char key[REDIS_TEMPLATE_KEY_SIZE]);
static bool is_server(const struct settings_reader *, size_t i);
static const struct yaml_node *set_to(const struct settings_reader *, size_t i,
                                      const char *key);
static const struct yaml_node *place(const struct settings_reader *, size_t i,
                                     const char *key);

void
settings_read_outputs(struct settings_reader *reader,
                      const struct settings_key *key, void *base,
                      const struct yaml_node *list)
{
    struct settings *settings = base;

    for (size_t i = 0; i < settings_n_items(list); i++) {
        if (settings->n_outputs == OUTPUT_MAX_SINKS) {
            SETTINGS_ERROR(reader, "E-LIMIT", settings_item(list, i),
                           "more than %d outputs in '%s'", OUTPUT_MAX_SINKS,
                           key->name);
            return;
        }
        read_output(reader, settings->n_outputs++, settings_item(list, i));
    }
}

/* A mapping, or only its target. */
static void
read_output(struct settings_reader *reader, size_t i,
            const struct yaml_node *node)
{
    struct settings_output *output = &reader->settings->outputs[i];
    const char *target;

    memset(output, 0, sizeof *output); /* Compared whole. */
    settings_set_defaults(reader, &settings_output_table, output);
    memset(reader->output_set[i], 0, sizeof reader->output_set[i]);
    reader->outputs[i] = node;
    if (node->kind == YAML_DOC_SCALAR) {
        target = redis_uri_is_one(node->text) ? "redis" : "file";
        settings_set(reader, &settings_output_table,
                     settings_key_find(&settings_output_table, target), output,
                     node);
    } else {
        settings_read_map(reader, &settings_output_table, output, "", node);
    }
}

void
settings_read_redis(struct settings_reader *reader,
                    const struct settings_key *key, void *base,
                    const struct yaml_node *node)
{
    struct redis_uri uri;
    struct error error;

    if (!redis_uri_parse(node->text, &uri, &error)) {
        SETTINGS_ERROR(reader, "E-VALUE", node, "%s", error.message);
    } else {
        settings_copy_text(reader, key, base, node);
    }
    explicit_bzero(&uri, sizeof uri);
}

void
settings_read_file(struct settings_reader *reader,
                   const struct settings_key *key, void *base,
                   const struct yaml_node *node)
{
    if (strcmp(node->text, "-") == 0) {
        settings_copy_text(reader, key, base, node);
    } else if (!node->text[0] || redis_uri_is_one(node->text)) {
        SETTINGS_ERROR(reader, "E-VALUE", node, "'%.60s' is not %s", node->text,
                       settings_type_text(key->type));
    } else {
        settings_copy_path(reader, key, base, node);
    }
}

/* Any text that people can read: all else in a name that somebody has to type
 * is a mistake. */
void
settings_read_template(struct settings_reader *reader,
                       const struct settings_key *key, void *base,
                       const struct yaml_node *node)
{
    bool good = node->text[0] != '\0';

    for (const char *at = node->text; *at; at++) {
        good = good && *at > ' ' && *at < 0x7f;
    }
    if (!good) {
        SETTINGS_ERROR(reader, "E-VALUE", node, "'%.60s' is not %s", node->text,
                       settings_type_text(key->type));
        return;
    }
    for (const char *at = node->text; *at; at++) {
        if (*at == '{' && is_near_a_token(reader, node, at)) {
            return;
        }
    }
    settings_copy_text(reader, key, base, node);
}

/* What stands in braces is literal, unless somebody seems to have meant more
 * by it, which is told. */
static bool
is_near_a_token(struct settings_reader *reader, const struct yaml_node *node,
                const char *braces)
{
    struct name_suggestion suggestion;
    char word[NAME_MAX_COMPARED + 2], near[NAME_SUGGESTION_SIZE];
    size_t length = strcspn(braces + 1, "{}") + 2;

    if (braces[length - 1] != '}' || length >= sizeof word) {
        return false;
    }
    memcpy(word, braces, length);
    word[length] = '\0';
    name_suggestion_init(&suggestion, word);
    name_suggestion_offer(&suggestion, "{sensor}");
    name_suggestion_offer(&suggestion, "{type}");
    if (!suggestion.best || strcmp(suggestion.best, word) == 0) {
        return false;
    }
    SETTINGS_ERROR(reader, "E-VALUE", node, "'%s' stands for nothing%s", word,
                   name_suggestion_text(&suggestion, near));
    return true;
}

/* Beside it an entry has what helps to route it, under these names. */
void
settings_read_field(struct settings_reader *reader,
                    const struct settings_key *key, void *base,
                    const struct yaml_node *node)
{
    static const char *const taken[] = {"type", "sensor", "id", "v", "n"};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    if (!node->text[0] || node->text[strspn(node->text, letters)]) {
        SETTINGS_ERROR(reader, "E-VALUE", node, "'%.60s' is not %s", node->text,
                       settings_type_text(key->type));
        return;
    }
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        if (strcmp(taken[i], node->text) == 0) {
            SETTINGS_ERROR(reader, "E-CONFLICT", node,
                           "an entry has a field '%s' already", taken[i]);
            return;
        }
    }
    settings_copy_text(reader, key, base, node);
}

void
settings_set_output(struct settings_reader *reader,
                    const struct settings_key *key,
                    const struct yaml_node *node)
{
    struct settings *settings = reader->settings;

    settings_set(reader, &settings_output_table, key,
                 &settings->outputs[settings->n_outputs - 1], node);
}

void
settings_check_outputs(struct settings_reader *reader)
{
    size_t n = reader->settings->n_outputs;

    for (size_t i = 0; i < n; i++) {
        check_target(reader, i);
    }
    if (reader->problems->n_errors != reader->n_errors_before) {
        return; /* What does not go together may follow from them. */
    }
    for (size_t i = 0; i < n; i++) {
        check_events(reader, i);
        if (is_server(reader, i)) {
            check_mode(reader, i);
            check_key(reader, i);
        }
        for (size_t k = 0; k < i; k++) {
            check_pair(reader, k, i);
        }
    }
}

static void
check_target(struct settings_reader *reader, size_t i)
{
    bool is_file = set_to(reader, i, "file");

    if (is_server(reader, i) == is_file) {
        SETTINGS_ERROR(reader, is_file ? "E-CONFLICT" : "E-MISSING",
                       reader->outputs[i],
                       "an output has either 'redis' or 'file'");
        return;
    }
    for (size_t k = 0; is_file && k < settings_output_table.n; k++) {
        const struct settings_key *key = &settings_output_table.keys[k];

        if (key->flags & SETTINGS_SERVER) {
            tell_needless(reader, i, key->name, "for a file");
        }
    }
}

static void
check_mode(struct settings_reader *reader, size_t i)
{
    const struct settings_output *output = &reader->settings->outputs[i];

    if (output->mode == OUTPUT_LIST) {
        tell_needless(reader, i, "field",
                      "for a list: its elements are the events");
    } else {
        tell_needless(reader, i, "when_full", "but for a list");
    }
    if (output->mode == OUTPUT_CHANNEL) {
        tell_needless(reader, i, "field",
                      "for a channel: its messages are the events");
        tell_needless(reader, i, "max_length",
                      "for a channel: nothing stays in it");
    }
    if (!output->max_length && output->mode == OUTPUT_LIST) {
        tell_needless(reader, i, "when_full", "without 'max_length'");
    }
}

static void
tell_needless(struct settings_reader *reader, size_t i, const char *key,
              const char *why)
{
    const struct yaml_node *node = set_to(reader, i, key);

    if (node) {
        SETTINGS_ERROR(reader, "E-CONFLICT", node, "'%s' means nothing %s", key,
                       why);
    }
}

/* Ids grow within a kind, and a stream has only growing ones. */
static void
check_key(struct settings_reader *reader, size_t i)
{
    const struct settings *settings = reader->settings;
    const struct settings_output *output = &settings->outputs[i];
    unsigned kinds = output->events & settings->events;
    char key[REDIS_TEMPLATE_KEY_SIZE];

    if (output->mode == OUTPUT_STREAM && (kinds & (kinds - 1)) &&
        !redis_template_has(output->key, "{type}")) {
        SETTINGS_ERROR(reader, "E-CONFLICT", place(reader, i, "key"),
                       "a stream has events of one kind: 'key' must have "
                       "{type} in it, or 'events' name one");
    }
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        if (kinds >> kind & 1 &&
            !redis_template_expand(output->key, settings->sensor,
                                   event_kind_name(kind), key)) {
            SETTINGS_ERROR(reader, "E-LIMIT", place(reader, i, "key"),
                           "with the sensor's name in it, 'key' has more than "
                           "%d bytes",
                           REDIS_TEMPLATE_KEY_SIZE - 1);
            return;
        }
    }
}

static void
check_events(struct settings_reader *reader, size_t i)
{
    const struct settings *settings = reader->settings;

    if (!(settings->outputs[i].events & settings->events)) {
        SETTINGS_ERROR(reader, "E-CONFLICT", place(reader, i, "events"),
                       "an output gets none of the 'events' that are made");
    }
}

/* Two outputs must not write over each other, nor the same twice. */
static void
check_pair(struct settings_reader *reader, size_t k, size_t i)
{
    const struct settings *settings = reader->settings;
    const struct settings_output *a = &settings->outputs[k],
                                 *b = &settings->outputs[i];
    char key[REDIS_TEMPLATE_KEY_SIZE];

    if (is_server(reader, i) != is_server(reader, k)) {
        return;
    }
    if (!is_server(reader, i)) {
        if (strcmp(a->target, b->target) == 0) {
            SETTINGS_ERROR(reader, "E-DUPLICATE", place(reader, i, "file"),
                           "two of the outputs are the same file");
        }
    } else if (is_same_server(a, b) && shares_key(settings, a, b, key)) {
        SETTINGS_ERROR(reader, "E-DUPLICATE", place(reader, i, "key"),
                       "two of the outputs are '%s' of the same server", key);
    }
}

/* As far as can be told without looking up names. */
static bool
is_same_server(const struct settings_output *a, const struct settings_output *b)
{
    struct redis_uri of_a, of_b;
    struct error error;
    bool same = redis_uri_parse(a->target, &of_a, &error) &&
                redis_uri_parse(b->target, &of_b, &error) &&
                redis_uri_same(&of_a, &of_b);

    explicit_bzero(&of_a, sizeof of_a);
    explicit_bzero(&of_b, sizeof of_b);
    return same;
}

/* A channel may have the name of a key. */
static bool
shares_key(const struct settings *settings, const struct settings_output *a,
           const struct settings_output *b, char key[REDIS_TEMPLATE_KEY_SIZE])
{
    bool is_channel = a->mode == OUTPUT_CHANNEL;

    if (is_channel != (b->mode == OUTPUT_CHANNEL)) {
        return false;
    }
    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        if (key_of(settings, a, kind, key) && has_key(settings, b, key)) {
            return true;
        }
    }
    return false;
}

static bool
has_key(const struct settings *settings, const struct settings_output *output,
        const char *key)
{
    char own[REDIS_TEMPLATE_KEY_SIZE];

    for (unsigned kind = 0; kind < EVENT_N_KINDS; kind++) {
        if (key_of(settings, output, kind, own) && strcmp(own, key) == 0) {
            return true;
        }
    }
    return false;
}

/* False if it gets none of this kind. */
static bool
key_of(const struct settings *settings, const struct settings_output *output,
       unsigned kind, char key[REDIS_TEMPLATE_KEY_SIZE])
{
    redis_template_expand(output->key, settings->sensor, event_kind_name(kind),
                          key);
    return settings->events & output->events & 1u << kind;
}

static bool
is_server(const struct settings_reader *reader, size_t i)
{
    return set_to(reader, i, "redis") != NULL;
}

/* NULL if it was not. */
static const struct yaml_node *
set_to(const struct settings_reader *reader, size_t i, const char *key)
{
    return reader
        ->output_set[i][settings_key_find(&settings_output_table, key) -
                        settings_output_table.keys];
}

/* Of the whole output, if it was not. */
static const struct yaml_node *
place(const struct settings_reader *reader, size_t i, const char *key)
{
    const struct yaml_node *node = set_to(reader, i, key);

    return node ? node : reader->outputs[i];
}
