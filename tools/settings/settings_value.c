/* One value of the settings, read: its type and bounds are in the table.
 *
 * Every message says what was expected, as those about policies do. */

#include "rules/names.h"
#include "rules/schedule.h"
#include "tools/settings/settings_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static settings_read_function read_bool, read_count, read_size, read_duration,
    read_sync, read_word, read_words, read_sensor, read_listen, read_interfaces;
static bool fits(struct settings_reader *, const struct settings_key *,
                 const struct yaml_node *);
static bool is_one(struct settings_reader *, const struct settings_key *,
                   const struct yaml_node *);
static bool says_nothing(const struct yaml_node *);
static bool parse_milliseconds(const char *text, int64_t *ns);
static bool parse_number(const char *text, uint64_t *number);
static bool parse_size(const char *text, uint64_t *bytes);
static bool is_good(struct settings_reader *, const struct settings_key *,
                    const struct yaml_node *, bool is_number, uint64_t number);
static void bounds_text(const struct settings_key *, char text[64]);
static int find_word(struct settings_reader *, const struct settings_key *,
                     const struct yaml_node *);
static void words_text(const struct settings_key *, char *text, size_t size);
static void read_interface(struct settings_reader *, struct settings *,
                           const struct yaml_node *);
static bool has_interface(const struct settings *, const char *name);
static void copy_behind(struct settings_reader *, const struct settings_key *,
                        char *place, const char *folder,
                        const struct yaml_node *);

void
settings_read_value(struct settings_reader *reader,
                    const struct settings_key *key, void *base,
                    const struct yaml_node *node)
{
    static settings_read_function *const functions[SETTINGS_N_TYPES] = {
        [SETTINGS_BOOL] = read_bool,
        [SETTINGS_COUNT] = read_count,
        [SETTINGS_SIZE] = read_size,
        [SETTINGS_DURATION] = read_duration,
        [SETTINGS_WORD] = read_word,
        [SETTINGS_WORDS] = read_words,
        [SETTINGS_TEXT] = settings_copy_text,
        [SETTINGS_PATH] = settings_copy_path,
        [SETTINGS_SENSOR] = read_sensor,
        [SETTINGS_LISTEN] = read_listen,
        [SETTINGS_INTERFACES] = read_interfaces,
        [SETTINGS_OUTPUTS] = settings_read_outputs,
        [SETTINGS_REDIS] = settings_read_redis,
        [SETTINGS_FILE] = settings_read_file,
        [SETTINGS_TEMPLATE] = settings_read_template,
        [SETTINGS_FIELD] = settings_read_field,
        [SETTINGS_SYNC] = read_sync,
    };

    if (fits(reader, key, node)) {
        functions[key->type](reader, key, base, node);
    }
}

/* A value where a value is wanted; a list, or what is an item of it. */
static bool
fits(struct settings_reader *reader, const struct settings_key *key,
     const struct yaml_node *node)
{
    if (says_nothing(node)) {
        SETTINGS_ERROR(reader, "E-EMPTY", node,
                       "'%s' says nothing; leave it out for the default",
                       key->name);
        return false;
    }
    if (!settings_type_is_list(key->type)) {
        return is_one(reader, key, node);
    }
    for (size_t i = 0; i < settings_n_items(node); i++) {
        const struct yaml_node *one = settings_item(node, i);

        if (!(key->type == SETTINGS_OUTPUTS && one->kind == YAML_DOC_MAP) &&
            !is_one(reader, key, one)) {
            return false;
        }
    }
    return true;
}

static bool
is_one(struct settings_reader *reader, const struct settings_key *key,
       const struct yaml_node *node)
{
    if (node->kind != YAML_DOC_SCALAR) {
        SETTINGS_ERROR(reader, "E-TYPE", node, "'%s' must be %s, not %s",
                       key->name, settings_type_text(key->type),
                       yaml_doc_kind_name(node->kind));
    }
    return node->kind == YAML_DOC_SCALAR;
}

static bool
says_nothing(const struct yaml_node *node)
{
    return node->kind == YAML_DOC_SCALAR && !node->quoted &&
           (!node->text[0] || strcmp(node->text, "~") == 0 ||
            strcmp(node->text, "null") == 0);
}

size_t
settings_n_items(const struct yaml_node *node)
{
    return node->kind == YAML_DOC_LIST ? node->n : 1;
}

const struct yaml_node *
settings_item(const struct yaml_node *node, size_t i)
{
    return node->kind == YAML_DOC_LIST ? node->items[i] : node;
}

static void
read_bool(struct settings_reader *reader, const struct settings_key *key,
          void *base, const struct yaml_node *node)
{
    bool is_true = strcmp(node->text, "true") == 0;

    if (!is_true && strcmp(node->text, "false") != 0) {
        SETTINGS_ERROR(reader, "E-VALUE", node, "'%.60s' is not true or false",
                       node->text);
        return;
    }
    *(bool *)((char *)base + key->offset) = is_true;
}

static void
read_count(struct settings_reader *reader, const struct settings_key *key,
           void *base, const struct yaml_node *node)
{
    uint64_t number = 0;
    bool is_number = parse_number(node->text, &number);

    if (is_good(reader, key, node, is_number, number)) {
        *(uint64_t *)(void *)((char *)base + key->offset) = number;
    }
}

static void
read_size(struct settings_reader *reader, const struct settings_key *key,
          void *base, const struct yaml_node *node)
{
    uint64_t number = 0;
    bool is_number = parse_size(node->text, &number);

    if (is_good(reader, key, node, is_number, number)) {
        *(uint64_t *)(void *)((char *)base + key->offset) = number;
    }
}

static void
read_duration(struct settings_reader *reader, const struct settings_key *key,
              void *base, const struct yaml_node *node)
{
    int64_t ns = 0;
    bool is_number = duration_parse(node->text, &ns);

    if (is_good(reader, key, node, is_number, (uint64_t)(ns / SECOND_NS))) {
        *(int64_t *)(void *)((char *)base + key->offset) = ns;
    }
}

static void
read_sync(struct settings_reader *reader, const struct settings_key *key,
          void *base, const struct yaml_node *node)
{
    int64_t ns = 0;
    bool is_always = strcmp(node->text, "always") == 0;
    bool is_time = parse_milliseconds(node->text, &ns);

    if (is_always ||
        is_good(reader, key, node, is_time, (uint64_t)(ns / MILLISECOND_NS))) {
        *(int64_t *)(void *)((char *)base + key->offset) = ns;
    }
}

/* Or any other time. */
static bool
parse_milliseconds(const char *text, int64_t *ns)
{
    size_t digits = strspn(text, "0123456789");
    uint64_t number;
    char copy[8];

    if (digits == 0 || digits >= sizeof copy ||
        strcmp(text + digits, "ms") != 0) {
        return duration_parse(text, ns);
    }
    snprintf(copy, sizeof copy, "%.*s", (int)digits, text);
    parse_number(copy, &number);
    *ns = (int64_t)number * MILLISECOND_NS;
    return true;
}

static bool
parse_number(const char *text, uint64_t *number)
{
    char *end;

    errno = 0;
    *number = strtoull(text, &end, 10);
    return !errno && text[0] >= '0' && text[0] <= '9' && !*end;
}

static bool
parse_size(const char *text, uint64_t *bytes)
{
    static const char units[] = "KMGT";
    char number[24];
    size_t length = strlen(text);
    const char *unit;
    unsigned shift = 0;

    if (length == 0 || length >= sizeof number) {
        return false;
    }
    memcpy(number, text, length + 1);
    unit = strchr(units, number[length - 1]);
    if (unit) {
        shift = 10 * (unsigned)(unit - units + 1);
        number[length - 1] = '\0';
    }
    if (!parse_number(number, bytes) || *bytes > UINT64_MAX >> shift) {
        return false;
    }
    *bytes <<= shift;
    return true;
}

/* Where the default is 0, that means something of its own. */
static bool
is_good(struct settings_reader *reader, const struct settings_key *key,
        const struct yaml_node *node, bool is_number, uint64_t number)
{
    char bounds[64];

    if (!is_number) {
        SETTINGS_ERROR(reader, "E-VALUE", node, "'%.60s' is not %s", node->text,
                       settings_type_text(key->type));
        return false;
    }
    if ((number < key->least || number > key->most) &&
        !(number == 0 && strcmp(key->standard, "0") == 0)) {
        bounds_text(key, bounds);
        SETTINGS_ERROR(reader, "E-VALUE", node, "'%s' is %s, not '%.60s'",
                       key->name, bounds, node->text);
        return false;
    }
    return true;
}

/* "from 1 to 64" */
static void
bounds_text(const struct settings_key *key, char text[64])
{
    FILE *out = fmemopen(text, 64, "w");
    const uint64_t bounds[] = {key->least, key->most};

    text[0] = '\0';
    for (size_t i = 0; out && i < 2; i++) {
        fputs(i ? " to " : "from ", out);
        settings_write_number(key->type, bounds[i], out);
    }
    if (out) {
        fclose(out);
    }
}

static void
read_word(struct settings_reader *reader, const struct settings_key *key,
          void *base, const struct yaml_node *node)
{
    int word = find_word(reader, key, node);

    if (word >= 0) {
        *(unsigned *)(void *)((char *)base + key->offset) = (unsigned)word;
    }
}

static void
read_words(struct settings_reader *reader, const struct settings_key *key,
           void *base, const struct yaml_node *node)
{
    unsigned bits = 0;

    for (size_t i = 0; i < settings_n_items(node); i++) {
        int word = find_word(reader, key, settings_item(node, i));

        if (word < 0) {
            return;
        }
        bits |= 1u << word;
    }
    if (!bits && key->least) {
        SETTINGS_ERROR(reader, "E-EMPTY", node, "'%s' must name one at least",
                       key->name);
        return;
    }
    *(unsigned *)(void *)((char *)base + key->offset) = bits;
}

/* -1 after an error. */
static int
find_word(struct settings_reader *reader, const struct settings_key *key,
          const struct yaml_node *node)
{
    struct name_suggestion suggestion;
    char near[NAME_SUGGESTION_SIZE], all[120];

    name_suggestion_init(&suggestion, node->text);
    for (int i = 0; key->words[i]; i++) {
        if (strcmp(key->words[i], node->text) == 0) {
            return i;
        }
        name_suggestion_offer(&suggestion, key->words[i]);
    }
    words_text(key, all, sizeof all);
    SETTINGS_ERROR(reader, "E-VALUE", node, "'%.60s' is not %s%s", node->text,
                   all, name_suggestion_text(&suggestion, near));
    return -1;
}

/* "mark or drop" */
static void
words_text(const struct settings_key *key, char *text, size_t size)
{
    size_t length = 0;

    text[0] = '\0';
    for (int i = 0; key->words[i] && length < size; i++) {
        const char *before = i == 0 ? "" : key->words[i + 1] ? ", " : " or ";

        length += (size_t)snprintf(text + length, size - length, "%s%s", before,
                                   key->words[i]);
    }
}

static void
read_sensor(struct settings_reader *reader, const struct settings_key *key,
            void *base, const struct yaml_node *node)
{
    if (!event_sensor_ok(node->text)) {
        SETTINGS_ERROR(reader, "E-VALUE", node,
                       "'%.80s' is no name of a sensor: it has 1 to %d %s",
                       node->text, EVENT_MAX_SENSOR,
                       settings_type_text(key->type));
        return;
    }
    settings_copy_text(reader, key, base, node);
}

static void
read_listen(struct settings_reader *reader, const struct settings_key *key,
            void *base, const struct yaml_node *node)
{
    struct listen_place listen = {.port = 0};

    if (strcmp(node->text, "off") != 0 &&
        !listen_place_parse(node->text, &listen)) {
        SETTINGS_ERROR(reader, "E-VALUE", node, "'%.60s' is not %s", node->text,
                       settings_type_text(key->type));
        return;
    }
    *(struct listen_place *)(void *)((char *)base + key->offset) = listen;
}

static void
read_interfaces(struct settings_reader *reader, const struct settings_key *key,
                void *base, const struct yaml_node *list)
{
    struct settings *settings = base;

    (void)key;
    for (size_t i = 0; i < settings_n_items(list); i++) {
        read_interface(reader, settings, settings_item(list, i));
    }
}

static void
read_interface(struct settings_reader *reader, struct settings *settings,
               const struct yaml_node *node)
{
    size_t n = settings->capture.n_interfaces, length = strlen(node->text);

    if (length == 0 || length >= IF_NAMESIZE || strchr(node->text, '/')) {
        SETTINGS_ERROR(reader, "E-VALUE", node,
                       "'%.60s' is no name of an interface", node->text);
    } else if (has_interface(settings, node->text)) {
        SETTINGS_ERROR(reader, "E-DUPLICATE", node, "'%s' is there twice",
                       node->text);
    } else if (n == LIVE_MAX_INTERFACES) {
        SETTINGS_ERROR(reader, "E-LIMIT", node, "more than %d interfaces",
                       LIVE_MAX_INTERFACES);
    } else {
        memcpy(settings->capture.interfaces[n], node->text, length + 1);
        settings->capture.n_interfaces++;
    }
}

/* Two handles would see everything twice. */
static bool
has_interface(const struct settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->capture.n_interfaces; i++) {
        if (strcmp(settings->capture.interfaces[i], name) == 0) {
            return true;
        }
    }
    return false;
}

void
settings_copy_text(struct settings_reader *reader,
                   const struct settings_key *key, void *base,
                   const struct yaml_node *node)
{
    copy_behind(reader, key, (char *)base + key->offset, "", node);
}

void
settings_copy_path(struct settings_reader *reader,
                   const struct settings_key *key, void *base,
                   const struct yaml_node *node)
{
    bool is_relative = node->text[0] && node->text[0] != '/';

    copy_behind(reader, key, (char *)base + key->offset,
                is_relative ? reader->folder : "", node);
}

static void
copy_behind(struct settings_reader *reader, const struct settings_key *key,
            char *place, const char *folder, const struct yaml_node *node)
{
    size_t before = strlen(folder), length = strlen(node->text);

    if (before + length >= key->size) {
        SETTINGS_ERROR(reader, "E-LIMIT", node,
                       "'%s' has at most %zu bytes, not %zu", key->name,
                       key->size - 1, before + length);
        return;
    }
    memset(place, 0, key->size); /* Compared whole. */
    snprintf(place, key->size, "%s%s", folder, node->text);
}
