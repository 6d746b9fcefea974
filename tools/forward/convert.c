/* The tables at work; see convert.h.
 *
 * The event is read into a tree.  Each rule copies a value from it into the
 * record; what was copied is then taken out of the tree, and what remains of it
 * is the record's rest. */

#include "tools/forward/convert.h"

#include "tools/event/event.h"
#include "tools/event/json.h"
#include "tools/forward/convert_table.h"

#include <assert.h>
#include <string.h>

enum {
    REAL_SIZE = 32
};

static const struct convert_table *table_of(enum convert_schema);
static enum convert_result convert_tree(const struct convert_table *,
                                        struct json *out, json_t *event);
static enum convert_kind kind_of(json_t *event);
static bool apply_rules(const struct convert_table *, enum convert_kind,
                        json_t *record, json_t *event);
static bool apply_rule(const struct convert_rule *, json_t *record,
                       json_t *event);
static bool apply_constants(const struct convert_table *, enum convert_kind,
                            json_t *record);
static bool keep_rest(const struct convert_table *, json_t *record,
                      json_t *event);
static bool write_record(struct json *out, json_t *record);
static void write_value(struct json *out, json_t *value);
static void write_object(struct json *out, json_t *object);
static void write_array(struct json *out, json_t *array);
static void write_real(struct json *out, const json_t *real);
static const char *next_part(const char *path, char name[CONVERT_MAX_NAME]);
static json_t *child(json_t *parent, const char *name);
static json_t *make_child(json_t *parent, const char *name, json_t *value);

enum convert_result
convert_event(enum convert_schema schema, struct json *out, const char *event,
              size_t size)
{
    const struct convert_table *table = table_of(schema);
    enum convert_result result;
    json_t *tree;

    if (!table || size > EVENT_MAX_BYTES) {
        return table ? CONVERT_FAILED : CONVERT_NO_RECORD;
    }
    tree =
        json_loadb(event, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    result =
        json_is_object(tree) ? convert_tree(table, out, tree) : CONVERT_FAILED;
    json_decref(tree);
    return result;
}

bool
convert_schema_parse(const char *name, enum convert_schema *schema)
{
    static const char *const names[] = {[CONVERT_ECS] = "ecs",
                                        [CONVERT_OCSF] = "ocsf",
                                        [CONVERT_ASIM] = "asim"};

    for (size_t i = 0; i < CONVERT_N(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            *schema = (enum convert_schema)i;
            return true;
        }
    }
    return false;
}

static const struct convert_table *
table_of(enum convert_schema schema)
{
    switch (schema) {
    case CONVERT_OCSF: return &convert_ocsf;
    case CONVERT_ASIM: return &convert_asim;
    case CONVERT_ECS:
    default: return NULL;
    }
}

static enum convert_result
convert_tree(const struct convert_table *table, struct json *out, json_t *event)
{
    enum convert_kind kind = kind_of(event);
    enum convert_result result = CONVERT_FAILED;
    json_t *record;

    if (kind && !(table->kinds & kind)) {
        return CONVERT_NO_RECORD;
    }
    record = kind ? json_object() : NULL;
    if (record && apply_rules(table, kind, record, event) &&
        table->finish(kind, record, event) &&
        apply_constants(table, kind, record) &&
        keep_rest(table, record, event) && write_record(out, record)) {
        result = CONVERT_DONE;
    }
    json_decref(record);
    return result;
}

/* 0 if it is none of ours. */
static enum convert_kind
kind_of(json_t *event)
{
    const char *dataset =
        json_string_value(convert_get(event, "event.dataset"));
    const char *record = json_string_value(convert_get(event, "segmon.record"));

    if (dataset && strcmp(dataset, "segmon.flow") == 0) {
        return record && strcmp(record, "collapsed") == 0 ? COLLAPSED : FLOW;
    }
    if (dataset && strcmp(dataset, "segmon.violation") == 0) {
        return VIOLATION;
    }
    return dataset && strcmp(dataset, "segmon.status") == 0 ? STATUS : 0;
}

static bool
apply_rules(const struct convert_table *table, enum convert_kind kind,
            json_t *record, json_t *event)
{
    bool used[CONVERT_MAX_RULES] = {false};

    for (size_t i = 0; i < table->n_rules; i++) {
        const struct convert_rule *rule = &table->rules[i];

        used[i] = (rule->kinds & kind) && apply_rule(rule, record, event);
        if ((rule->kinds & kind) && rule->required && !used[i]) {
            return false;
        }
    }
    for (size_t i = 0; i < table->n_rules; i++) {
        if (used[i] && !table->rules[i].keeps) {
            convert_remove(event, table->rules[i].from);
        }
    }
    return true;
}

/* Whether its source is used up. */
static bool
apply_rule(const struct convert_rule *rule, json_t *record, json_t *event)
{
    json_t *from = convert_get(event, rule->from), *value;

    if (!from || (rule->needs && !convert_get(event, rule->needs))) {
        return false;
    }
    if (rule->how == SAID) {
        return true;
    }
    if (convert_get(record, rule->to)) {
        return false;
    }
    value = convert_value(from, rule->how, rule->words);
    return value && convert_set(record, rule->to, value);
}

static bool
apply_constants(const struct convert_table *table, enum convert_kind kind,
                json_t *record)
{
    for (size_t i = 0; i < table->n_constants; i++) {
        const struct convert_constant *constant = &table->constants[i];

        if ((constant->kinds & kind) && !convert_get(record, constant->to) &&
            !convert_set(record, constant->to,
                         constant->text ? json_string(constant->text)
                                        : json_integer(constant->number))) {
            return false;
        }
    }
    return true;
}

static bool
keep_rest(const struct convert_table *table, json_t *record, json_t *event)
{
    return json_object_size(event) == 0 ||
           json_object_set(record, table->rest, event) == 0;
}

/* Not with the library's function, which would not escape all that an event
 * escapes, and takes its time. */
static bool
write_record(struct json *out, json_t *record)
{
    size_t begin = out->size;

    write_value(out, record);
    if (out->size - begin > EVENT_MAX_BYTES) {
        out->size = begin;
        return false;
    }
    return true;
}

/* As deep as the library reads. */
static void
write_value(struct json *out, json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: write_object(out, value); break;
    case JSON_ARRAY: write_array(out, value); break;
    case JSON_STRING:
        json_write_text(out, json_string_value(value),
                        json_string_length(value));
        break;
    case JSON_INTEGER:
        out->comma = false;
        json_i64(out, NULL, json_integer_value(value));
        break;
    case JSON_TRUE: json_raw(out, "true", 4); break;
    case JSON_FALSE: json_raw(out, "false", 5); break;
    case JSON_REAL: write_real(out, value); break;
    case JSON_NULL:
    default: json_raw(out, "null", 4); break;
    }
}

static void
write_object(struct json *out, json_t *object)
{
    char separator = '{';

    for (void *at = json_object_iter(object); at;
         at = json_object_iter_next(object, at)) {
        const char *key = json_object_iter_key(at);

        json_raw(out, &separator, 1);
        json_write_text(out, key, strlen(key));
        json_raw(out, ":", 1);
        write_value(out, json_object_iter_value(at));
        separator = ',';
    }
    json_raw(out, separator == '{' ? "{}" : "}", separator == '{' ? 2 : 1);
}

static void
write_array(struct json *out, json_t *array)
{
    json_raw(out, "[", 1);
    for (size_t i = 0; i < json_array_size(array); i++) {
        json_raw(out, ",", i > 0);
        write_value(out, json_array_get(array, i));
    }
    json_raw(out, "]", 1);
}

/* segmon itself writes none. */
static void
write_real(struct json *out, const json_t *real)
{
    char digits[REAL_SIZE];
    size_t size = json_dumpb(real, digits, sizeof digits, JSON_ENCODE_ANY);

    json_raw(out, digits, size < sizeof digits ? size : 0);
}

json_t *
convert_get(json_t *object, const char *path)
{
    char name[CONVERT_MAX_NAME];

    while (object && path) {
        path = next_part(path, name);
        object = child(object, name);
    }
    return object;
}

bool
convert_set(json_t *object, const char *path, json_t *value)
{
    char name[CONVERT_MAX_NAME];
    const char *rest = next_part(path, name);
    json_t *next = child(object, name);

    if (!value || (next && !rest)) {
        json_decref(value);
        return false;
    }
    if (!rest) {
        return make_child(object, name, value) != NULL;
    }
    if (!next) {
        next = make_child(object, name,
                          rest[0] == '0' ? json_array() : json_object());
    }
    return convert_set(next, rest, value);
}

void
convert_remove(json_t *object, const char *path)
{
    char name[CONVERT_MAX_NAME];
    const char *rest = next_part(path, name);
    json_t *next = child(object, name);

    if (rest && next) {
        convert_remove(next, rest);
    }
    if (next && (!rest || json_object_size(next) == 0)) {
        json_object_del(object, name);
    }
}

/* Copies the first name of a path, and returns what follows; NULL if that was
 * the last. */
static const char *
next_part(const char *path, char name[CONVERT_MAX_NAME])
{
    const char *dot = strchr(path, '.');
    size_t size = dot ? (size_t)(dot - path) : strlen(path);

    assert(size < CONVERT_MAX_NAME);
    memcpy(name, path, size);
    name[size] = '\0';
    return dot ? dot + 1 : NULL;
}

static json_t *
child(json_t *parent, const char *name)
{
    return json_is_array(parent) ? json_array_get(parent, 0)
                                 : json_object_get(parent, name);
}

/* Takes 'value' over; NULL if it is no place for one. */
static json_t *
make_child(json_t *parent, const char *name, json_t *value)
{
    int status = json_is_array(parent)
                     ? json_array_append_new(parent, value)
                     : json_object_set_new_nocheck(parent, name, value);

    return status == 0 ? child(parent, name) : NULL;
}
