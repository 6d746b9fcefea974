/* Scalars and the keys of mappings: where most of an author's slips are, so
 * every message says what was expected. */

#include "rules/load/policy_load.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void *load_room(struct loader *, struct arena *, size_t n,
                       size_t item_size);
static bool load_fits(struct loader *, const struct policy_key *,
                      const struct yaml_node *);
static void load_unknown_key(struct loader *, const struct yaml_node *key,
                             enum key_section, struct load_fields *);
static bool key_must_say(const struct policy_key *);
static bool says_nothing(const struct yaml_node *);
static bool is_nothing(const struct policy_key *, const struct yaml_node *);
static void load_missing(struct loader *, const struct load_fields *,
                         enum key_section);
static const char *load_words_text(const char *const *words, char *text,
                                   size_t size);

void
load_add(struct loader *loader, enum problem_severity severity,
         const char *code, const struct yaml_node *node, const char *format,
         ...)
{
    struct problem *problem;
    char text[512];
    va_list args;

    if (!problems_wants(loader->problems, severity)) {
        problems_skip(loader->problems, severity);
        return;
    }
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    problem = problems_add(loader->problems, severity, code, node->file,
                           node->line, node->column, "%s", text);
    if (loader->rule) {
        problem_set_rule(problem, loader->rule);
    }
}

bool
load_fields(struct loader *loader, const struct yaml_node *node,
            enum key_section section, struct load_fields *fields)
{
    size_t n;
    const struct policy_key *keys = policy_keys(section, &n);

    *fields = (struct load_fields){.at = node};
    if (node->kind != YAML_DOC_MAP) {
        LOAD_ERROR(loader, "E-TYPE", node, "%s must be a mapping, not %s",
                   policy_section_name(section),
                   yaml_doc_kind_name(node->kind));
        return false;
    }
    for (size_t i = 0; i < node->n; i++) {
        const struct yaml_entry *entry = &node->entries[i];
        size_t k = 0;

        while (k < n && strcmp(keys[k].name, entry->key->text) != 0) {
            k++;
        }
        if (k < n && key_must_say(&keys[k]) && says_nothing(entry->value)) {
            LOAD_ERROR(loader, "E-EMPTY", entry->value,
                       "'%s' says nothing; leave it out if anything will do",
                       keys[k].name);
        } else if (k < n && !is_nothing(&keys[k], entry->value) &&
                   load_fits(loader, &keys[k], entry->value)) {
            fields->value[k] = entry->value;
        } else if (k == n && strncmp(entry->key->text, "x-", 2) != 0) {
            load_unknown_key(loader, entry->key, section, fields);
        }
    }
    load_missing(loader, fields, section);
    return true;
}

void *
load_alloc(struct loader *loader, size_t n, size_t item_size)
{
    return load_room(loader, loader->arena, n, item_size);
}

void *
load_scratch(struct loader *loader, size_t n, size_t item_size)
{
    return load_room(loader, &loader->scratch, n, item_size);
}

static void *
load_room(struct loader *loader, struct arena *arena, size_t n,
          size_t item_size)
{
    void *memory = load_charge(loader, n, item_size)
                       ? arena_array(arena, n, item_size)
                       : NULL;

    loader->out_of_memory |= !memory;
    return memory;
}

bool
load_charge(struct loader *loader, size_t n, size_t item_size)
{
    if (n > LOAD_MAX_BYTES / item_size ||
        loader->n_bytes > LOAD_MAX_BYTES - n * item_size) {
        loader->too_large = loader->out_of_memory = true;
        return false;
    }
    loader->n_bytes += n * item_size;
    return true;
}

const char *
load_text(struct loader *loader, const struct yaml_node *node)
{
    char *text;

    if (!node) {
        return "";
    }
    text = arena_text(loader->arena, node->text, strlen(node->text));
    loader->out_of_memory |= !text;
    return text ? text : "";
}

const char *const *
load_texts(struct loader *loader, const struct yaml_node *node)
{
    static const char *const none[] = {NULL};
    size_t n = load_count(node);
    const char **texts = load_alloc(loader, n + 1, sizeof(const char *));

    for (size_t i = 0; texts && i < n; i++) {
        texts[i] = load_text(loader, load_item(node, i));
    }
    return texts ? texts : none;
}

size_t
load_count(const struct yaml_node *node)
{
    if (!node) {
        return 0;
    }
    return node->kind == YAML_DOC_LIST ? node->n : 1;
}

const struct yaml_node *
load_item(const struct yaml_node *node, size_t i)
{
    return node->kind == YAML_DOC_LIST ? node->items[i] : node;
}

bool
load_is_empty(const struct yaml_node *node)
{
    return !node || (node->kind == YAML_DOC_SCALAR && !node->quoted &&
                     (!node->text[0] || strcmp(node->text, "~") == 0 ||
                      strcmp(node->text, "null") == 0));
}

bool
load_is_blank(const struct yaml_node *node)
{
    return load_is_empty(node) ||
           (node->kind == YAML_DOC_SCALAR && !node->text[0]);
}

const char *
load_empty_code(const struct yaml_node *node)
{
    return node->kind == YAML_DOC_LIST ? "E-EMPTY" : "E-TYPE";
}

int
load_word(struct loader *loader, const struct yaml_node *node, const char *code,
          const char *const *words)
{
    struct name_suggestion suggestion;
    char near[NAME_SUGGESTION_SIZE], all[160];

    if (!node) {
        return -1;
    }
    load_suggestion(loader, &suggestion, node->text);
    for (int i = 0; words[i]; i++) {
        if (strcmp(words[i], node->text) == 0) {
            return i;
        }
        name_suggestion_offer(&suggestion, words[i]);
    }
    LOAD_ERROR(loader, code, node, "'%.60s' is not one of %s%s", node->text,
               load_words_text(words, all, sizeof all),
               load_suggestion_text(loader, &suggestion, near));
    return -1;
}

bool
load_bool(struct loader *loader, const struct yaml_node *node)
{
    static const char *const words[] = {"false", "true", NULL};

    return load_word(loader, node, "E-TYPE", words) == 1;
}

bool
load_number(struct loader *loader, const struct yaml_node *node, uint64_t max,
            uint64_t *number)
{
    uint64_t value = 0;
    const char *digit;

    if (!node) {
        return false;
    }
    for (digit = node->text; *digit >= '0' && *digit <= '9' && value <= max;
         digit++) {
        value = value * 10 + (uint64_t)(*digit - '0');
    }
    if (digit == node->text || *digit || value > max) {
        LOAD_ERROR(loader, "E-TYPE", node,
                   "'%.60s' is not a whole number up to %llu", node->text,
                   (unsigned long long)max);
        return false;
    }
    *number = value;
    return true;
}

bool
load_duration(struct loader *loader, const struct yaml_node *node, int64_t *ns)
{
    if (!node) {
        return false;
    }
    if (!duration_parse(node->text, ns)) {
        LOAD_ERROR(loader, "E-TYPE", node,
                   "'%.60s' is not a duration such as 90s, 10m, 1h or 7d",
                   node->text);
        return false;
    }
    return true;
}

bool
load_date(struct loader *loader, const struct yaml_node *node, bool end_of_day,
          struct wall_time *when)
{
    if (!node) {
        return false;
    }
    if (!date_parse(node->text, end_of_day, when)) {
        LOAD_ERROR(loader, "E-DATE", node,
                   "'%.60s' is not a date: write 2026-03-31, or a time with "
                   "its zone such as 2026-03-31T18:00:00Z",
                   node->text);
        return false;
    }
    return true;
}

int
load_level(struct loader *loader, const struct yaml_node *node)
{
    static const char *const words[] = {"info", "low",      "medium",
                                        "high", "critical", NULL};

    return load_word(loader, node, "E-TYPE", words);
}

int
load_decision(struct loader *loader, const struct yaml_node *node)
{
    static const char *const words[] = {"allow", "deny", "alert", "observe",
                                        NULL};
    static const enum decision decisions[] = {DECISION_ALLOW, DECISION_DENY,
                                              DECISION_ALERT, DECISION_OBSERVE};
    int word = load_word(loader, node, "E-TYPE", words);

    return word < 0 ? -1 : (int)decisions[word];
}

struct policy_position
load_position(struct loader *loader, const struct yaml_node *node)
{
    const char *file =
        arena_text(loader->arena, node->file, strlen(node->file));

    loader->out_of_memory |= !file;
    return (struct policy_position){file ? file : "", node->line, node->column};
}

static bool
load_fits(struct loader *loader, const struct policy_key *key,
          const struct yaml_node *value)
{
    enum yaml_doc_kind item = YAML_DOC_SCALAR;

    if (key->type == KEY_ANY) {
        return true;
    }
    if (key->type != KEY_TEXTS && key->type != KEY_SOME &&
        key->type != KEY_MAPS) {
        enum yaml_doc_kind kind =
            key->type == KEY_MAP || key->type == KEY_SOME_MAP ? YAML_DOC_MAP
                                                              : YAML_DOC_SCALAR;

        if (value->kind != kind) {
            LOAD_ERROR(loader, "E-TYPE", value, "'%s' must be %s, not %s",
                       key->name, yaml_doc_kind_name(kind),
                       yaml_doc_kind_name(value->kind));
        }
        return value->kind == kind;
    }
    if (key->type == KEY_MAPS) {
        item = YAML_DOC_MAP;
    }
    if (value->kind != YAML_DOC_LIST && value->kind != item) {
        LOAD_ERROR(loader, "E-TYPE", value, "'%s' must be a list, not %s",
                   key->name, yaml_doc_kind_name(value->kind));
        return false;
    }
    for (size_t i = 0; i < load_count(value); i++) {
        const struct yaml_node *one = load_item(value, i);

        if (one->kind != item || load_is_empty(one)) {
            LOAD_ERROR(loader, "E-TYPE", one,
                       "'%s' holds %s where %s is wanted", key->name,
                       load_is_empty(one) ? "nothing"
                                          : yaml_doc_kind_name(one->kind),
                       yaml_doc_kind_name(item));
            return false;
        }
    }
    return true;
}

static bool
key_must_say(const struct policy_key *key)
{
    return key->type == KEY_ONE || key->type == KEY_SOME ||
           key->type == KEY_SOME_MAP;
}

static bool
says_nothing(const struct yaml_node *value)
{
    return load_is_empty(value) ||
           (value->kind != YAML_DOC_SCALAR && value->n == 0);
}

static bool
is_nothing(const struct policy_key *key, const struct yaml_node *value)
{
    return key->required ? load_is_blank(value) : load_is_empty(value);
}

static void
load_unknown_key(struct loader *loader, const struct yaml_node *key,
                 enum key_section section, struct load_fields *fields)
{
    size_t n;
    const struct policy_key *keys = policy_keys(section, &n);
    struct name_suggestion suggestion;
    char near[NAME_SUGGESTION_SIZE];

    load_suggestion(loader, &suggestion, key->text);
    for (size_t i = 0; i < n; i++) {
        name_suggestion_offer(&suggestion, keys[i].name);
    }
    for (size_t i = 0; i < n; i++) {
        fields->misspelt |= (uint32_t)(suggestion.best == keys[i].name) << i;
    }
    LOAD_ERROR(loader, "E-UNKNOWN-KEY", key, "%s has no key '%.60s'%s",
               policy_section_name(section), key->text,
               load_suggestion_text(loader, &suggestion, near));
}

/* A key that is there but wrong, or misspelt, was reported already. */
static void
load_missing(struct loader *loader, const struct load_fields *fields,
             enum key_section section)
{
    size_t n;
    const struct policy_key *keys = policy_keys(section, &n);

    for (size_t i = 0; i < n; i++) {
        if (keys[i].required && !fields->value[i] &&
            !(fields->misspelt >> i & 1) &&
            load_is_blank(yaml_doc_get(fields->at, keys[i].name))) {
            LOAD_ERROR(loader,
                       section == SECTION_SEGMENT ? "E-SEG-NETS"
                       : section == SECTION_TOP   ? "E-VERSION"
                                                  : "E-MISSING",
                       fields->at, "%s needs '%s': %s",
                       policy_section_name(section), keys[i].name,
                       keys[i].meaning);
        }
    }
}

/* "allow, deny or alert" */
static const char *
load_words_text(const char *const *words, char *text, size_t size)
{
    size_t length = 0;

    text[0] = '\0';
    for (int i = 0; words[i] && length < size; i++) {
        const char *before = i == 0 ? "" : words[i + 1] ? ", " : " or ";

        length += (size_t)snprintf(text + length, size - length, "%s%s", before,
                                   words[i]);
    }
    return text;
}
