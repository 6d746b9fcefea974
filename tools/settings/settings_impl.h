/* What the files that make settings share; see settings.h.
 *
 *   settings_load.c        defaults, and the file, key by key
 *   settings_override.c    what the command line sets
 *   settings_value.c       one value, read
 *   settings_output.c      one output, read, and what outputs must agree on
 *   settings_text.c        one value, written
 *   settings_check.c       what several values must agree on
 *   settings.c             the tables; comparing and printing */

#ifndef TOOLS_SETTINGS_SETTINGS_IMPL_H
#define TOOLS_SETTINGS_SETTINGS_IMPL_H

#include "rules/load/yaml_doc.h"
#include "rules/problems.h"
#include "tools/settings/settings_keys.h"

#include <stdio.h>

enum {
    SETTINGS_MAX_KEYS = 64,
    SETTINGS_MAX_OUTPUT_KEYS = 16,
    SETTINGS_MAX_NAME = 64 /* Of a key in the table, with its NUL. */
};

struct settings_reader {
    struct settings *settings;
    struct problems *problems;
    size_t n_errors_before;
    struct arena arena; /* Of what is read. */
    /* What paths are relative to: "" for the command line, else with its last
     * slash. */
    char folder[SETTINGS_MAX_TEXT + 1];
    bool looks_at_files; /* Those that are named. */
    /* The file, with no passwords in it; NULL: there is none. */
    const char *name, *text;
    size_t size;
    /* What a key of the whole file was set to last; NULL: it was not. */
    const struct yaml_node *set[SETTINGS_MAX_KEYS];
    /* The same of each output, which itself is at 'outputs'. */
    const struct yaml_node *outputs[OUTPUT_MAX_SINKS];
    const struct yaml_node
        *output_set[OUTPUT_MAX_SINKS][SETTINGS_MAX_OUTPUT_KEYS];
    bool is_public;                     /* Everybody may read the file. */
    bool overridden[SETTINGS_MAX_KEYS]; /* Set on the command line. */
};

/* An error at a value. */
#define SETTINGS_ERROR(READER, CODE, NODE, ...)                                \
    problems_add((READER)->problems, PROBLEM_ERROR, CODE, (NODE)->file,        \
                 (NODE)->line, (NODE)->column, __VA_ARGS__)

/* The defaults of a table; they are written as values are, and cannot be
 * wrong. */
void settings_set_defaults(struct settings_reader *,
                           const struct settings_table *, void *base);

/* Remembers what a key of 'table' was set to, and reads that. */
void settings_set(struct settings_reader *, const struct settings_table *,
                  const struct settings_key *, void *base,
                  const struct yaml_node *);

/* What it was set to last; if it was not, no place at all. */
const struct yaml_node *settings_where(const struct settings_reader *,
                                       const char *key);

/* Reads a mapping of keys of 'table' into 'base'; 'name' is for telling.  The
 * names of its keys in the table begin with 'prefix'. */
void settings_read_map(struct settings_reader *, const struct settings_table *,
                       void *base, const char *prefix,
                       const struct yaml_node *);

void settings_override(struct settings_reader *,
                       const struct settings_override *, bool live);

/* What 'text' would be in a file; the items of a list stand between commas.
 * NULL when out of memory, which is told. */
const struct yaml_node *settings_make_value(struct settings_reader *,
                                            const char *name,
                                            enum settings_type,
                                            const char *text);

void settings_tell_memory(struct settings_reader *);

/* Reads one value; what is wrong is told, and the value is then as before. */
void settings_read_value(struct settings_reader *, const struct settings_key *,
                         void *base, const struct yaml_node *);

/* One type's value each, which has the right shape. */
typedef void settings_read_function(struct settings_reader *,
                                    const struct settings_key *, void *base,
                                    const struct yaml_node *);
settings_read_function settings_read_outputs, settings_read_redis,
    settings_read_file, settings_read_template, settings_read_field;

/* A key of the output that was added last. */
void settings_set_output(struct settings_reader *, const struct settings_key *,
                         const struct yaml_node *);

/* Of a list; else what is one item of it. */
size_t settings_n_items(const struct yaml_node *);
const struct yaml_node *settings_item(const struct yaml_node *, size_t i);

/* A text, or a path, which may be relative to the file's folder. */
settings_read_function settings_copy_text, settings_copy_path;

/* Writes one value as it may stand in the file, on one line. */
void settings_write_value(const struct settings_key *, const void *base,
                          FILE *);

void settings_write_number(enum settings_type, uint64_t number, FILE *);

/* Tells what does not go together. */
void settings_check(struct settings_reader *);
void settings_check_outputs(struct settings_reader *);

/* Looks at the files that hold passwords. */
void settings_check_files(struct settings_reader *);

#endif
