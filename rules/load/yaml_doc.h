/* A YAML file as a tree that remembers where everything stood.
 *
 * The only user of libyaml.  What libyaml lets through and no reader of ours
 * wants is refused here: duplicate keys, tags, keys that are not plain words,
 * second documents, NUL bytes.  Aliases share the node they name, '<<' is
 * merged (an explicit key beats a merged one), and both are charged for what
 * they stand for, so no small file becomes a big tree.
 *
 * Nodes live in the caller's arena and are immutable. */

#ifndef RULES_LOAD_YAML_DOC_H
#define RULES_LOAD_YAML_DOC_H

#include "rules/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct problems;

enum {
    YAML_DOC_MAX_BYTES = 1 << 20,
    YAML_DOC_MAX_DEPTH = 64,
    YAML_DOC_MAX_NODES = 200000,  /* Values, keys included. */
    YAML_DOC_MAX_ALIASED = 100000 /* Nodes that aliases stand for, in all. */
};

enum yaml_doc_kind {
    YAML_DOC_SCALAR,
    YAML_DOC_LIST,
    YAML_DOC_MAP
};

struct yaml_entry;

struct yaml_node {
    enum yaml_doc_kind kind;
    bool quoted;           /* Scalar: written with quotes or as a block. */
    unsigned line, column; /* 1-based. */
    const char *file;
    const char *text; /* Scalar; UTF-8 without NUL, as it was written. */
    size_t n;         /* Of items or entries. */
    const struct yaml_node *const *items; /* List. */
    const struct yaml_entry *entries;     /* Map; keys are unique. */
    uint32_t weight;                      /* Nodes in it, itself included. */
};

struct yaml_entry {
    const struct yaml_node *key, *value;
};

/* Parses one document.  'file' names it in problems and nodes and must outlive
 * the arena.  Returns NULL, with an error in 'problems', if there is nothing
 * sensible to go on with; mistakes that leave a usable tree are only added. */
const struct yaml_node *yaml_doc_parse(struct arena *, const char *file,
                                       const char *bytes, size_t size,
                                       struct problems *);

/* NULL if 'map' has no such key. */
const struct yaml_node *yaml_doc_get(const struct yaml_node *map,
                                     const char *key);

/* Of libyaml, as linked: "0.2.5". */
const char *yaml_doc_library_version(void);

/* "a list", "a mapping", "a value". */
const char *yaml_doc_kind_name(enum yaml_doc_kind);

#endif
