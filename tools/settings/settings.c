/* The tables of settings, and what needs no more than them; see settings.h. */

#include "tools/settings/settings.h"

#include "tools/process/log.h"
#include "tools/runtime/worker.h"
#include "tools/settings/settings_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const settings_event_words[] = {
#define EVENT_WORD(NAME, TEXT) TEXT,
    EVENT_KINDS(EVENT_WORD)
#undef EVENT_WORD
        NULL};
static const char *const settings_duplicate_words[] = {
    [FLOW_DUPLICATES_MARK] = "mark", [FLOW_DUPLICATES_DROP] = "drop", NULL};
static const char *const settings_vlan_words[] = {
    [WORKER_VLAN_POLICY] = "policy",
    [WORKER_VLAN_ALWAYS] = "always",
    [WORKER_VLAN_NEVER] = "never",
    NULL};
static const char *const settings_mode_words[] = {
#define MODE_WORD(NAME, TEXT) TEXT,
    OUTPUT_MODES(MODE_WORD)
#undef MODE_WORD
        NULL};
static const char *const settings_full_words[] = {
#define FULL_WORD(NAME, TEXT) TEXT,
    OUTPUT_WHEN_FULL(FULL_WORD)
#undef FULL_WORD
        NULL};
static const char *const settings_schema_words[] = {"native", NULL};
static const char *const settings_redact_words[] = {"hostnames", NULL};

#define KEY_OF(STRUCT, NAME, TYPE, MEMBER, LEAST, MOST, WORDS, STANDARD,       \
               FLAGS, MEANING)                                                 \
    {                                                                          \
        .name = (NAME), .type = SETTINGS_##TYPE,                               \
        .offset = offsetof(struct STRUCT, MEMBER),                             \
        .size = sizeof(((struct STRUCT *)NULL)->MEMBER), .least = (LEAST),     \
        .most = (MOST), .words = (WORDS), .standard = (STANDARD),              \
        .flags = SETTINGS_##FLAGS, .meaning = (MEANING)                        \
    }
#define KEY_ROW(...)        KEY_OF(settings, __VA_ARGS__),
#define OUTPUT_KEY_ROW(...) KEY_OF(settings_output, __VA_ARGS__),

static const struct settings_key keys[] = {SETTINGS_KEYS(KEY_ROW)};
static const struct settings_key output_keys[] = {
    SETTINGS_OUTPUT_KEYS(OUTPUT_KEY_ROW)};

static_assert(sizeof keys / sizeof keys[0] <= SETTINGS_MAX_KEYS,
              "SETTINGS_MAX_KEYS is too small");
static_assert(sizeof output_keys / sizeof output_keys[0] <=
                  SETTINGS_MAX_OUTPUT_KEYS,
              "SETTINGS_MAX_OUTPUT_KEYS is too small");

const struct settings_table settings_table = {keys,
                                              sizeof keys / sizeof keys[0]};
const struct settings_table settings_output_table = {
    output_keys, sizeof output_keys / sizeof output_keys[0]};

static char *text_of(const struct settings_key *, const struct settings *);
static size_t print_sections(const char *name, const char *before, FILE *);

void
settings_compare(const struct settings *was, const struct settings *is,
                 void (*each)(void *context, const struct settings_change *),
                 void *context)
{
    for (size_t i = 0; i < settings_table.n; i++) {
        const struct settings_key *key = &settings_table.keys[i];
        char *before = text_of(key, was), *now = text_of(key, is);

        if (!before || !now || strcmp(before, now) != 0) {
            each(context, &(struct settings_change){
                              .key = key->name,
                              .was = before ? before : "?",
                              .is = now ? now : "?",
                              .needs_restart = key->flags & SETTINGS_RESTART});
        }
        free(before);
        free(now);
    }
}

void
settings_take_hot(struct settings *in_force, const struct settings *next)
{
    for (size_t i = 0; i < settings_table.n; i++) {
        const struct settings_key *key = &settings_table.keys[i];

        if (!(key->flags & SETTINGS_RESTART)) {
            memcpy((char *)in_force + key->offset,
                   (const char *)next + key->offset, key->size);
        }
    }
}

/* NULL when out of memory. */
static char *
text_of(const struct settings_key *key, const struct settings *settings)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out) {
        return NULL;
    }
    settings_write_value(key, settings, out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

void
settings_print(const struct settings *settings, FILE *out)
{
    const char *before = "";

    for (size_t i = 0; i < settings_table.n; i++) {
        const struct settings_key *key = &settings_table.keys[i];
        size_t depth = print_sections(key->name, before, out);

        fprintf(out, "%*s%s: ", (int)(2 * depth), "",
                strrchr(key->name, '.') ? strrchr(key->name, '.') + 1
                                        : key->name);
        settings_write_value(key, settings, out);
        fputc('\n', out);
        before = key->name;
    }
}

/* A line for every section that begins with this key; how deep it is. */
static size_t
print_sections(const char *name, const char *before, FILE *out)
{
    const char *part = name;
    size_t depth = 0;
    bool same = true; /* As in the key before, so far. */

    for (const char *dot; (dot = strchr(part, '.')); part = dot + 1) {
        size_t end = (size_t)(dot - name) + 1;

        same = same && strncmp(name, before, end) == 0;
        if (!same) {
            fprintf(out, "%*s%.*s:\n", (int)(2 * depth), "", (int)(dot - part),
                    part);
        }
        depth++;
    }
    return depth;
}

const struct settings_key *
settings_key_find(const struct settings_table *table, const char *name)
{
    for (size_t i = 0; i < table->n; i++) {
        if (strcmp(table->keys[i].name, name) == 0) {
            return &table->keys[i];
        }
    }
    return NULL;
}

const char *
settings_type_text(enum settings_type type)
{
    static const char *const texts[] = {
#define TYPE_TEXT(NAME, TEXT) [SETTINGS_##NAME] = (TEXT),
        SETTINGS_TYPES(TYPE_TEXT)
#undef TYPE_TEXT
    };

    return texts[type];
}

bool
settings_type_is_list(enum settings_type type)
{
    return type == SETTINGS_WORDS || type == SETTINGS_INTERFACES ||
           type == SETTINGS_OUTPUTS;
}
