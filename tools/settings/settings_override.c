/* What the command line sets; see settings.h.
 *
 * It goes the way of what a file says, as a document of one value, so that
 * types, bounds and messages are the same. */

#include "rules/names.h"
#include "tools/settings/settings_impl.h"

#include <string.h>

static const char *name_option(struct settings_reader *,
                               const struct settings_override *);
static const struct settings_key *find_of_output(const char *name);
static void set_output(struct settings_reader *,
                       const struct settings_override *, const char *where,
                       const struct settings_key *);
static void set_key(struct settings_reader *, const struct settings_override *,
                    const char *where, const struct settings_key *, bool live);
static const struct settings_key *find(struct settings_reader *,
                                       const struct settings_override *,
                                       const char *where, bool is_output);
static void tell_unknown(struct settings_reader *,
                         const struct settings_override *, const char *where);
static void clear_list(struct settings *, const struct settings_key *);
static const struct yaml_node *make_one(struct settings_reader *,
                                        const struct settings_override *,
                                        const char *where,
                                        const struct settings_key *);
static const struct yaml_node *make_output(struct settings_reader *,
                                           const struct settings_override *,
                                           const char *where);
static struct yaml_node *make_list(struct settings_reader *, const char *name,
                                   const char *text);
static struct yaml_node *make_scalar(struct settings_reader *, const char *name,
                                     const char *text, size_t length);

void
settings_override(struct settings_reader *reader,
                  const struct settings_override *override, bool live)
{
    const char *where = name_option(reader, override);
    const struct settings_key *of_output = find_of_output(override->key), *key;

    if (!where) {
        return;
    }
    if (of_output && of_output->type != SETTINGS_REDIS &&
        of_output->type != SETTINGS_FILE) {
        set_output(reader, override, where, of_output);
        return;
    }
    key = find(reader, override, where, of_output != NULL);
    if (key) {
        set_key(reader, override, where, key, live);
    }
}

/* NULL if it is no key of one output. */
static const struct settings_key *
find_of_output(const char *name)
{
    const size_t before = sizeof SETTINGS_OF_OUTPUT - 1;

    return strncmp(name, SETTINGS_OF_OUTPUT, before) == 0
               ? settings_key_find(&settings_output_table, name + before)
               : NULL;
}

/* Of the output that the command line added last. */
static void
set_output(struct settings_reader *reader,
           const struct settings_override *override, const char *where,
           const struct settings_key *key)
{
    const struct settings_key *list =
        settings_key_find(&settings_table, "outputs");
    const struct yaml_node *value =
        settings_make_value(reader, where, key->type, override->value);

    if (!value) {
        return;
    }
    if (!reader->overridden[list - settings_table.keys] ||
        reader->settings->n_outputs == 0) {
        SETTINGS_ERROR(reader, "E-CONFLICT", value,
                       "there is no output before it that this could be of");
        return;
    }
    settings_set_output(reader, key, value);
}

static void
set_key(struct settings_reader *reader,
        const struct settings_override *override, const char *where,
        const struct settings_key *key, bool live)
{
    const struct yaml_node *value = make_one(reader, override, where, key);
    size_t i = (size_t)(key - settings_table.keys);

    if (!value) {
        return;
    }
    if ((key->flags & SETTINGS_LIVE) && !live) {
        SETTINGS_ERROR(reader, "E-CONFLICT", value,
                       "'%s' means nothing where no interface is captured from",
                       key->name);
        return;
    }
    if (!reader->overridden[i]) {
        clear_list(reader->settings, key);
    }
    reader->overridden[i] = true;
    settings_set(reader, &settings_table, key, reader->settings, value);
}

/* "--workers", "--set capture.workers"; NULL when out of memory, and told. */
static const char *
name_option(struct settings_reader *reader,
            const struct settings_override *override)
{
    bool is_set = strcmp(override->option, "set") == 0;
    size_t size = strlen(override->option) + strlen(override->key) + 8;
    char *name = arena_alloc(&reader->arena, size);

    if (!name) {
        settings_tell_memory(reader);
        return NULL;
    }
    snprintf(name, size, "--%s%s%s", override->option, is_set ? " " : "",
             is_set ? override->key : "");
    return name;
}

/* NULL, and told, if there is none. */
static const struct settings_key *
find(struct settings_reader *reader, const struct settings_override *override,
     const char *where, bool is_output)
{
    const struct settings_key *key = settings_key_find(
        &settings_table, is_output ? "outputs" : override->key);

    if (!key) {
        tell_unknown(reader, override, where);
    }
    return key;
}

/* Who leaves out the section is helped as well. */
static void
tell_unknown(struct settings_reader *reader,
             const struct settings_override *override, const char *where)
{
    struct name_suggestion suggestion;
    char near[NAME_SUGGESTION_SIZE];
    const char *whole = NULL; /* Of the best so far, if that is only a part. */

    name_suggestion_init(&suggestion, override->key);
    for (size_t i = 0; i < settings_table.n; i++) {
        const char *name = settings_table.keys[i].name;
        const char *dot = strrchr(name, '.');

        name_suggestion_offer(&suggestion, name);
        name_suggestion_offer(&suggestion, dot ? dot + 1 : name);
        if (dot && suggestion.best == dot + 1) {
            whole = name;
        }
    }
    if (whole && suggestion.best == strrchr(whole, '.') + 1) {
        suggestion.best = whole;
    }
    problems_add(reader->problems, PROBLEM_ERROR, "E-UNKNOWN-KEY", where, 0, 0,
                 "there is no key '%.80s'%s", override->key,
                 name_suggestion_text(&suggestion, near));
}

/* What the file says of it is not added to. */
static void
clear_list(struct settings *settings, const struct settings_key *key)
{
    if (key->type == SETTINGS_INTERFACES) {
        memset(&settings->capture.interfaces, 0,
               sizeof settings->capture.interfaces);
        settings->capture.n_interfaces = 0;
    } else if (key->type == SETTINGS_OUTPUTS) {
        settings->n_outputs = 0;
    }
}

static const struct yaml_node *
make_one(struct settings_reader *reader,
         const struct settings_override *override, const char *where,
         const struct settings_key *key)
{
    return key->type == SETTINGS_OUTPUTS &&
                   strcmp(override->key, key->name) != 0
               ? make_output(reader, override, where)
               : settings_make_value(reader, where, key->type, override->value);
}

/* A mapping of the part behind the dot to the text. */
static const struct yaml_node *
make_output(struct settings_reader *reader,
            const struct settings_override *override, const char *where)
{
    const char *part = strchr(override->key, '.') + 1;
    struct yaml_entry *entry = arena_alloc(&reader->arena, sizeof *entry);
    struct yaml_node *map = make_scalar(reader, where, "", 0);

    if (!entry || !map) {
        settings_tell_memory(reader);
        return NULL;
    }
    entry->key = make_scalar(reader, where, part, strlen(part));
    entry->value =
        make_scalar(reader, where, override->value, strlen(override->value));
    map->kind = YAML_DOC_MAP;
    map->n = 1;
    map->entries = entry;
    return entry->key && entry->value ? map : NULL;
}

const struct yaml_node *
settings_make_value(struct settings_reader *reader, const char *name,
                    enum settings_type type, const char *text)
{
    return settings_type_is_list(type)
               ? make_list(reader, name, text)
               : make_scalar(reader, name, text, strlen(text));
}

static struct yaml_node *
make_list(struct settings_reader *reader, const char *name, const char *text)
{
    struct yaml_node *list = make_scalar(reader, name, "", 0);
    const struct yaml_node **items;
    size_t n = 1;

    for (const char *at = text; *at; at++) {
        n += *at == ',';
    }
    items = arena_array(&reader->arena, n, sizeof(const struct yaml_node *));
    if (!list || !items) {
        settings_tell_memory(reader);
        return NULL;
    }
    list->kind = YAML_DOC_LIST;
    list->items = items;
    while (text[0]) {
        size_t length = strcspn(text, ",");

        items[list->n] = make_scalar(reader, name, text, length);
        if (!items[list->n++]) {
            return NULL;
        }
        text += length + (text[length] == ',');
    }
    return list;
}

/* NULL when out of memory, which is told. */
static struct yaml_node *
make_scalar(struct settings_reader *reader, const char *name, const char *text,
            size_t length)
{
    struct yaml_node *node = arena_alloc(&reader->arena, sizeof *node);
    char *copy = arena_text(&reader->arena, text, length);

    if (!node || !copy) {
        settings_tell_memory(reader);
        return NULL;
    }
    *node = (struct yaml_node){.kind = YAML_DOC_SCALAR,
                               .quoted = length > 0,
                               .file = name,
                               .text = copy};
    return node;
}
