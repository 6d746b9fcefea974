/* Jansson reads the JSON, with its limit on nesting; every value then goes as
 * text through the one table of facts, so a question in JSON and a test in a
 * policy mean the same. */

#include "tools/commands/question_json.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_id(struct question_json *, const json_t *,
                    char why[FLOW_TEST_WHY]);
static bool read_facts(struct question_json *, json_t *,
                       char why[FLOW_TEST_WHY]);
static bool read_fact(struct flow_test *, const char *key, const json_t *value,
                      char why[FLOW_TEST_WHY]);
static bool read_list(struct flow_test *, const char *key, const json_t *list,
                      char why[FLOW_TEST_WHY]);
static bool read_embedded(struct flow_test *, const char *key, json_t *object,
                          char why[FLOW_TEST_WHY]);
static const char *scalar_text(const json_t *, char text[FLOW_TEST_TEXT]);

bool
question_json_read(struct question_json *question, const char *line,
                   size_t size, char why[FLOW_TEST_WHY])
{
    json_error_t error;
    json_t *root;
    bool good;

    *question = (struct question_json){.id_kind = QUESTION_ID_NONE};
    flow_test_init(&question->flow);
    root = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);
    if (!root) {
        snprintf(why, FLOW_TEST_WHY, "no JSON: %.180s", error.text);
        return false;
    }
    if (json_is_object(root)) {
        good = read_id(question, json_object_get(root, "id"), why) &&
               read_facts(question, root, why);
    } else {
        snprintf(why, FLOW_TEST_WHY, "a question is a JSON object");
        good = false;
    }
    json_decref(root);
    return good;
}

void
question_json_done(struct question_json *question)
{
    free(question->id_text);
    question->id_text = NULL;
}

static bool
read_id(struct question_json *question, const json_t *id,
        char why[FLOW_TEST_WHY])
{
    if (!id || json_is_null(id)) {
        return true;
    }
    if (json_is_integer(id)) {
        question->id_kind = QUESTION_ID_NUMBER;
        question->id_number = json_integer_value(id);
        return true;
    }
    if (!json_is_string(id)) {
        snprintf(why, FLOW_TEST_WHY, "'id' is a text or a whole number");
        return false;
    }
    question->id_text = strdup(json_string_value(id));
    if (!question->id_text) {
        snprintf(why, FLOW_TEST_WHY, "out of memory");
        return false;
    }
    question->id_kind = QUESTION_ID_TEXT;
    return true;
}

static bool
read_facts(struct question_json *question, json_t *root,
           char why[FLOW_TEST_WHY])
{
    const char *key;
    json_t *value;

    json_object_foreach(root, key, value)
    {
        bool good;

        if (strcmp(key, "id") == 0) {
            continue;
        }
        if (json_is_array(value)) {
            good = read_list(&question->flow, key, value, why);
        } else if (json_is_object(value)) {
            good = read_embedded(&question->flow, key, value, why);
        } else {
            good = read_fact(&question->flow, key, value, why);
        }
        if (!good) {
            return false;
        }
    }
    return true;
}

static bool
read_fact(struct flow_test *flow, const char *key, const json_t *value,
          char why[FLOW_TEST_WHY])
{
    char buffer[FLOW_TEST_TEXT];
    const char *text = scalar_text(value, buffer);

    if (!text) {
        snprintf(why, FLOW_TEST_WHY, "'%.40s' is no text, number or list", key);
        return false;
    }
    return flow_test_set(flow, key, text, why);
}

static bool
read_list(struct flow_test *flow, const char *key, const json_t *list,
          char why[FLOW_TEST_WHY])
{
    const json_t *value;
    size_t i;

    if (strcmp(key, "risks") != 0) {
        /* An unknown key is told as such, whatever its value. */
        if (flow_test_set(flow, key, "", why)) {
            snprintf(why, FLOW_TEST_WHY, "'%.40s' takes no list", key);
        }
        return false;
    }
    json_array_foreach(list, i, value)
    {
        if (!read_fact(flow, key, value, why)) {
            return false;
        }
    }
    return true;
}

static bool
read_embedded(struct flow_test *flow, const char *key, json_t *object,
              char why[FLOW_TEST_WHY])
{
    static const char *const names[] = {"src", "dst", "proto", "sport",
                                        "dport"};
    static const char *const missing[] = {"", "", "tcp", "0", "0"};
    char part[FLOW_TEST_TEXT], all[FLOW_TEST_TEXT] = "";
    size_t n_known = 0, length = 0;

    if (strcmp(key, "icmp_embedded") != 0) {
        if (flow_test_set(flow, key, "", why)) {
            snprintf(why, FLOW_TEST_WHY, "'%.40s' takes no object", key);
        }
        return false;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const json_t *value = json_object_get(object, names[i]);
        const char *text = value ? scalar_text(value, part) : missing[i];
        size_t room = sizeof all - length;
        int n;

        n_known += value != NULL;
        /* A comma would move what follows into another place. */
        n = text && !strchr(text, ',')
                ? snprintf(all + length, room, "%s%s", i ? "," : "", text)
                : -1;
        if (n < 0 || (size_t)n >= room) {
            snprintf(why, FLOW_TEST_WHY, "'icmp_embedded.%s' is not valid",
                     names[i]);
            return false;
        }
        length += (size_t)n;
    }
    if (n_known != json_object_size(object)) {
        snprintf(why, FLOW_TEST_WHY,
                 "'icmp_embedded' holds src, dst, proto, sport and dport");
        return false;
    }
    return flow_test_set(flow, key, all, why);
}

/* As flow_test_set() takes it; NULL for a list or an object. */
static const char *
scalar_text(const json_t *value, char text[FLOW_TEST_TEXT])
{
    double real;

    switch (json_typeof(value)) {
    case JSON_STRING: return json_string_value(value);
    case JSON_TRUE: return "true";
    case JSON_FALSE: return "false";
    case JSON_NULL: return "";
    case JSON_INTEGER:
        snprintf(text, FLOW_TEST_TEXT, "%" PRId64,
                 (int64_t)json_integer_value(value));
        return text;
    case JSON_REAL: /* "tls": 1.2, and 1.0 is not 1. */
        real = json_real_value(value);
        snprintf(text, FLOW_TEST_TEXT,
                 real >= -1e6 && real <= 1e6 && real == (double)(long)real
                     ? "%.1f"
                     : "%g",
                 real);
        return text;
    case JSON_ARRAY:
    case JSON_OBJECT: break;
    }
    return NULL;
}
