/* What the files that read policies share; see policy_load.c for the order in
 * which they work.
 *
 * A loader goes on after every mistake.  Whatever could not be read is left at
 * its default, and the policy is dropped in the end, so nothing has to be
 * consistent once 'problems' holds an error. */

#ifndef RULES_LOAD_POLICY_LOAD_H
#define RULES_LOAD_POLICY_LOAD_H

#include "rules/load/policy_keys.h"
#include "rules/load/yaml_doc.h"
#include "rules/policy_impl.h"
#include "rules/problems.h"

enum {
    LOAD_MAX_FILES = 65, /* The main one and 64 includes. */
    LOAD_MAX_DEPTH = 8,  /* Of includes. */
    /* Of what rules and definitions stand for, whatever the files' size. */
    LOAD_MAX_BYTES = 64 << 20,
    LOAD_MAX_ALL_TERMS = 1 << 20 /* Of services, before they are merged. */
};

/* The values of one mapping, by the key's number in its section. */
struct load_fields {
    const struct yaml_node *at; /* The mapping. */
    const struct yaml_node *value[KEYS_MAX];
    uint32_t misspelt; /* A bit per key that an unknown one resembles. */
};

/* Whether it is not there, and nothing looks as if it was meant. */
static inline bool
load_lacks(const struct load_fields *fields, int key)
{
    return !fields->value[key] && !(fields->misspelt >> key & 1);
}

/* One file of the bundle. */
struct load_source {
    char *path;
    char *bytes; /* From malloc(), or borrowed if 'borrowed'. */
    size_t size;
    bool borrowed;
};

/* A group, a set or a schedule: defined once, resolved when first used. */
struct load_def {
    const char *name;
    const struct yaml_node *key, *value;
    enum {
        DEF_NEW,
        DEF_RESOLVING,
        DEF_RESOLVED
    } state;
    bool used;
    union {
        uint64_t *segments;
        struct addr_set addrs;
        struct {
            const struct service_term *terms;
            size_t n;
            bool any;
        } service;
        struct app_set apps;
        const struct schedule *schedule;
    } is;
};

struct load_defs {
    struct load_def *defs;
    size_t n;
    struct name_map names;
};

struct load_label {
    struct label label;
    uint32_t segment; /* That has it. */
};

struct loader {
    struct policy *policy;
    struct arena *arena;  /* The policy's. */
    struct arena scratch; /* Documents and tables; gone after loading. */
    struct problems *problems;
    const struct application_engine *engine;
    const char *folder; /* Of the main file; NULL if it has none. */
    struct load_source sources[LOAD_MAX_FILES];
    size_t n_sources;
    struct load_fields docs[LOAD_MAX_FILES]; /* In the order they append. */
    size_t n_docs;
    struct name_map segments, rules;
    struct load_defs groups, addresses, services, applications, schedules;
    unsigned app_depth;        /* Of the application set being resolved. */
    struct load_label *labels; /* Sorted; NULL until a group asks. */
    size_t n_labels;
    uint64_t *builtin_groups[3];
    struct name_map app_names; /* As written, to the items of 'app_matches'. */
    struct arena_list app_matches;
    const char *rule;         /* The id of the one being read, or NULL. */
    size_t suggestion_effort; /* Spent on all suggestions together. */
    size_t n_terms, n_bytes;
    bool out_of_memory, too_large; /* The latter comes with the former. */
};

/* load_values.c */
void load_add(struct loader *, enum problem_severity, const char *code,
              const struct yaml_node *, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
#define LOAD_ERROR(LOADER, CODE, NODE, ...)                                    \
    load_add(LOADER, PROBLEM_ERROR, CODE, NODE, __VA_ARGS__)
#define LOAD_WARN(LOADER, CODE, NODE, ...)                                     \
    load_add(LOADER, PROBLEM_WARNING, CODE, NODE, __VA_ARGS__)

/* Reads a mapping's keys; false if it is none.  Keys of the wrong kind are
 * reported and left NULL, and so are empty ones. */
bool load_fields(struct loader *, const struct yaml_node *, enum key_section,
                 struct load_fields *);
/* From the loader's memory; notes when there is none, or LOAD_MAX_BYTES are
 * used. */
void *load_alloc(struct loader *, size_t n, size_t item_size);
/* Counts what is shared as well: every use of it is printed and hashed. */
bool load_charge(struct loader *, size_t n, size_t item_size);
void *load_scratch(struct loader *, size_t n, size_t item_size);
const char *load_text(struct loader *, const struct yaml_node *); /* Or "". */
const char *const *load_texts(struct loader *, const struct yaml_node *);
/* A scalar counts as a list of one; NULL as an empty one. */
size_t load_count(const struct yaml_node *);
const struct yaml_node *load_item(const struct yaml_node *, size_t i);
bool load_is_empty(const struct yaml_node *); /* NULL, "", "~", "null". */
bool load_is_blank(const struct yaml_node *); /* The same, or quoted: "". */
/* For a definition that is nothing of the kind, or an empty list. */
const char *load_empty_code(const struct yaml_node *);
/* The number of the word in 'words', a NULL-terminated list; -1 after an error
 * with 'code', or if 'node' is NULL. */
int load_word(struct loader *, const struct yaml_node *, const char *code,
              const char *const *words);
bool load_bool(struct loader *, const struct yaml_node *);
bool load_number(struct loader *, const struct yaml_node *, uint64_t max,
                 uint64_t *);
bool load_duration(struct loader *, const struct yaml_node *, int64_t *ns);
bool load_date(struct loader *, const struct yaml_node *, bool end_of_day,
               struct wall_time *);
int load_level(struct loader *, const struct yaml_node *); /* -1 if none. */
int load_decision(struct loader *, const struct yaml_node *);
struct policy_position load_position(struct loader *, const struct yaml_node *);

/* load_defs.c: named definitions of all files. */
void load_defs_collect(struct loader *, struct load_defs *, int top_key,
                       const char *what);
/* Refuses a definition by the name of a built-in word. */
void load_defs_refuse(struct loader *, struct load_defs *, const char *word);
struct load_def *load_def_find(struct load_defs *, const char *name);
void load_defs_suggest(const struct load_defs *, struct name_suggestion *);
/* A suggestion for an error about 'word'.  It looks at no candidates when the
 * error would be left out, or when enough time went into others. */
void load_suggestion(const struct loader *, struct name_suggestion *,
                     const char *word);
/* " (did you mean 'x'?)", or "". */
const char *load_suggestion_text(struct loader *,
                                 const struct name_suggestion *,
                                 char text[NAME_SUGGESTION_SIZE]);
/* E-REF, with the nearest name. */
void load_unknown_name(struct loader *, const struct yaml_node *,
                       const char *what, const struct name_suggestion *);

/* load_segments.c */
void load_segments(struct loader *);
bool load_vlans(struct loader *, const struct yaml_node *, struct vlan_set *);
struct glob_list load_globs(struct loader *, const struct yaml_node *);

/* load_groups.c */
void load_groups(struct loader *);
void load_addresses(struct loader *);
/* Adds the segments and groups named to 'set'; false if some are unknown. */
bool load_segment_set(struct loader *, const struct yaml_node *, uint64_t *set);
bool load_addr_set(struct loader *, const struct yaml_node *,
                   struct addr_set *);
bool load_prefix(struct loader *, const struct yaml_node *, struct prefix *);
uint64_t *load_new_set(struct loader *);

/* load_labels.c: adds the segments that have all 'labels' to 'set'. */
void load_labelled(struct loader *, const struct yaml_node *labels,
                   uint64_t *set);

/* load_services.c */
void load_services(struct loader *);
void load_schedules(struct loader *);
bool load_service_terms(struct loader *, const struct yaml_node *,
                        struct rule *);
struct schedule_list load_schedule_list(struct loader *,
                                        const struct yaml_node *);

/* load_applications.c */
void load_applications(struct loader *);
void load_app_set(struct loader *, const struct yaml_node *, struct app_set *);
struct symbol_list load_categories(struct loader *, const struct yaml_node *);
uint64_t load_risks(struct loader *, const struct yaml_node *);
/* The number of an application's name, a new one if it has none. */
uint16_t load_app_symbol(struct loader *, const char *name);

/* load_conditions.c: when, require and the like of a rule. */
void load_conditions(struct loader *, const struct load_fields *,
                     struct rule *);

/* load_rules.c */
void load_rules(struct loader *);
void load_rule_init(struct rule *, const struct policy *, enum policy_tier);
void load_threshold(struct loader *, const struct yaml_node *,
                    struct policy_threshold *);

/* load_detect.c: after the rules. */
void load_detect(struct loader *, const struct yaml_node *section);

/* load_rest.c */
void load_head(struct loader *); /* version, policy, defaults */
void load_rest(struct loader *); /* authorities, detect, alerting, tests */

/* load_lint.c: warnings about what was loaded. */
void load_lint(struct loader *);

#endif
