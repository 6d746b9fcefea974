/* Settings from a file: defaults, then the file's keys; see settings.h. */

#include "rules/load/whole_file.h"
#include "rules/names.h"
#include "tools/settings/settings.h"
#include "tools/settings/settings_impl.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void begin(struct settings_reader *, struct settings *,
                  struct problems *);
static bool finish(struct settings_reader *, const char *sensor);
static void read_file(struct settings_reader *, const char *path);
static void read_bytes(struct settings_reader *, const char *name,
                       const char *bytes, size_t size);
static void set_folder(struct settings_reader *, const char *path);
static void keep_text(struct settings_reader *, const char *name,
                      const char *bytes, size_t size);
static void mask_secret(char *line, size_t length);
static const struct settings_key *find(const struct settings_table *,
                                       const char *prefix, const char *name,
                                       bool *is_section);
static void read_entry(struct settings_reader *, const struct settings_table *,
                       void *base, const char *prefix,
                       const struct yaml_entry *);
static void tell_unknown(struct settings_reader *,
                         const struct settings_table *, const char *prefix,
                         const struct yaml_node *key);
static void host_name(char name[EVENT_MAX_SENSOR + 1]);

bool
settings_load(struct settings *settings, const struct settings_source *source,
              struct problems *problems)
{
    struct settings_reader reader;

    begin(&reader, settings, problems);
    reader.looks_at_files = true;
    if (source->path) {
        read_file(&reader, source->path);
    }
    reader.folder[0] = '\0';
    for (size_t i = 0; i < source->n_overrides; i++) {
        settings_override(&reader, &source->overrides[i], source->live);
    }
    return finish(&reader, source->sensor);
}

bool
settings_load_bytes(struct settings *settings, const char *name,
                    const char *bytes, size_t size, struct problems *problems)
{
    struct settings_reader reader;

    begin(&reader, settings, problems);
    read_bytes(&reader, name, bytes, size);
    return finish(&reader, NULL);
}

static void
begin(struct settings_reader *reader, struct settings *settings,
      struct problems *problems)
{
    *reader = (struct settings_reader){.settings = settings,
                                       .problems = problems,
                                       .n_errors_before = problems->n_errors};
    memset(settings, 0, sizeof *settings);
    settings_set_defaults(reader, &settings_table, settings);
}

void
settings_set_defaults(struct settings_reader *reader,
                      const struct settings_table *table, void *base)
{
    for (size_t i = 0; i < table->n; i++) {
        const struct settings_key *key = &table->keys[i];
        const struct yaml_node *value =
            key->standard[0] ? settings_make_value(reader, key->name, key->type,
                                                   key->standard)
                             : NULL;

        if (value) {
            settings_read_value(reader, key, base, value);
        }
    }
}

void
settings_set(struct settings_reader *reader, const struct settings_table *table,
             const struct settings_key *key, void *base,
             const struct yaml_node *value)
{
    size_t i = (size_t)(key - table->keys);

    if (table == &settings_table) {
        reader->set[i] = value;
    } else {
        const struct settings_output *output = base;

        reader->output_set[output - reader->settings->outputs][i] = value;
    }
    settings_read_value(reader, key, base, value);
}

const struct yaml_node *
settings_where(const struct settings_reader *reader, const char *key)
{
    static const struct yaml_node nowhere = {.file = "settings"};
    size_t i =
        (size_t)(settings_key_find(&settings_table, key) - settings_table.keys);

    return reader->set[i] ? reader->set[i] : &nowhere;
}

static bool
finish(struct settings_reader *reader, const char *sensor)
{
    struct settings *settings = reader->settings;

    if (!settings->sensor[0] && sensor) {
        snprintf(settings->sensor, sizeof settings->sensor, "%s", sensor);
    } else if (!settings->sensor[0]) {
        host_name(settings->sensor);
    }
    settings_check(reader);
    settings_check_files(reader);
    if (reader->text) {
        problems_quote(reader->problems, reader->name, reader->text,
                       reader->size);
    }
    arena_done(&reader->arena);
    return reader->problems->n_errors == reader->n_errors_before;
}

static void
read_file(struct settings_reader *reader, const char *path)
{
    struct whole_file file;
    const char *why = whole_file_read(path, YAML_DOC_MAX_BYTES, &file);

    if (why) {
        problems_add(reader->problems, PROBLEM_ERROR, "E-FILE", path, 0, 0,
                     "%s", why);
        return;
    }
    set_folder(reader, path);
    reader->is_public = file.mode & S_IROTH;
    read_bytes(reader, path, file.bytes, file.size);
    explicit_bzero(file.bytes, file.size); /* A URI may hold a password. */
    free(file.bytes);
}

static void
read_bytes(struct settings_reader *reader, const char *name, const char *bytes,
           size_t size)
{
    const struct yaml_node *root =
        yaml_doc_parse(&reader->arena, name, bytes, size, reader->problems);

    if (root) {
        settings_read_map(reader, &settings_table, reader->settings, "", root);
    }
    keep_text(reader, name, bytes, size);
}

/* With its last slash; "" if the file lies in the working directory. */
static void
set_folder(struct settings_reader *reader, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 0;

    if (length < sizeof reader->folder) {
        memcpy(reader->folder, path, length);
        reader->folder[length] = '\0';
    } else {
        problems_add(reader->problems, PROBLEM_ERROR, "E-LIMIT", path, 0, 0,
                     "the path of its folder has more than %d bytes",
                     SETTINGS_MAX_TEXT);
    }
}

/* Keeps the text, to show lines with mistakes, but no password that a URI there
 * may hold. */
static void
keep_text(struct settings_reader *reader, const char *name, const char *bytes,
          size_t size)
{
    char *copy = arena_text(&reader->arena, bytes, size);

    if (!copy) {
        settings_tell_memory(reader);
        return;
    }
    for (size_t i = 0; i < size;) {
        size_t end = i;

        while (end < size && copy[end] != '\n') {
            end++;
        }
        mask_secret(copy + i, end - i);
        i = end + 1;
    }
    reader->name = name;
    reader->text = copy;
    reader->size = size;
}

/* Between "://" and the last '@' of the line. */
static void
mask_secret(char *line, size_t length)
{
    size_t begin = 0;

    while (begin + 3 <= length && memcmp(line + begin, "://", 3) != 0) {
        begin++;
    }
    while (length > begin && line[length - 1] != '@') {
        length--;
    }
    if (length > begin + 3) {
        memset(line + begin + 3, '*', length - begin - 4);
    }
}

void
settings_read_map(struct settings_reader *reader,
                  const struct settings_table *table, void *base,
                  const char *prefix, const struct yaml_node *map)
{
    if (map->kind != YAML_DOC_MAP) {
        SETTINGS_ERROR(reader, "E-TYPE", map,
                       "%s%.*s must be a mapping, not %s",
                       prefix[0] ? "" : "the file",
                       prefix[0] ? (int)strlen(prefix) - 1 : 0, prefix,
                       yaml_doc_kind_name(map->kind));
        return;
    }
    for (size_t i = 0; i < map->n; i++) {
        read_entry(reader, table, base, prefix, &map->entries[i]);
    }
}

static void
read_entry(struct settings_reader *reader, const struct settings_table *table,
           void *base, const char *prefix, const struct yaml_entry *entry)
{
    bool is_section = false;
    const struct settings_key *key =
        find(table, prefix, entry->key->text, &is_section);
    char name[SETTINGS_MAX_NAME];

    if (is_section) {
        snprintf(name, sizeof name, "%s%s.", prefix, entry->key->text);
        settings_read_map(reader, table, base, name, entry->value);
    } else if (key) {
        settings_set(reader, table, key, base, entry->value);
    } else {
        tell_unknown(reader, table, prefix, entry->key);
    }
}

/* The key 'prefix' 'name', or that this is a section of keys. */
static const struct settings_key *
find(const struct settings_table *table, const char *prefix, const char *name,
     bool *is_section)
{
    size_t before = strlen(prefix);

    for (size_t i = 0; i < table->n; i++) {
        const char *rest = table->keys[i].name + before;
        size_t length;

        if (strncmp(table->keys[i].name, prefix, before) != 0) {
            continue; /* And may be shorter than the prefix. */
        }
        length = strcspn(rest, ".");
        if (strlen(name) == length && memcmp(rest, name, length) == 0) {
            *is_section = rest[length] == '.';
            return *is_section ? NULL : &table->keys[i];
        }
    }
    return NULL;
}

/* With the nearest of the names that may stand here. */
static void
tell_unknown(struct settings_reader *reader, const struct settings_table *table,
             const char *prefix, const struct yaml_node *key)
{
    size_t before = strlen(prefix);
    struct name_suggestion suggestion;
    char near[NAME_SUGGESTION_SIZE],
        names[SETTINGS_MAX_KEYS][SETTINGS_MAX_NAME];

    name_suggestion_init(&suggestion, key->text);
    for (size_t i = 0; i < table->n; i++) {
        const char *name = table->keys[i].name;

        if (strncmp(name, prefix, before) == 0) {
            snprintf(names[i], sizeof names[i], "%.*s",
                     (int)strcspn(name + before, "."), name + before);
            name_suggestion_offer(&suggestion, names[i]);
        }
    }
    SETTINGS_ERROR(reader, "E-UNKNOWN-KEY", key, "%s%.*s has no key '%.60s'%s",
                   table == &settings_output_table ? "an output"
                   : before                        ? ""
                                                   : "the configuration",
                   before ? (int)before - 1 : 0, prefix, key->text,
                   name_suggestion_text(&suggestion, near));
}

void
settings_tell_memory(struct settings_reader *reader)
{
    problems_add(reader->problems, PROBLEM_ERROR, "E-MEMORY", "settings", 0, 0,
                 "out of memory");
}

static void
host_name(char name[EVENT_MAX_SENSOR + 1])
{
    if (gethostname(name, EVENT_MAX_SENSOR) != 0) {
        name[0] = '\0';
    }
    name[EVENT_MAX_SENSOR] = '\0';
    if (!event_sensor_ok(name)) {
        memcpy(name, "sensor", sizeof "sensor");
    }
}
