/* The bounded table behind violation.c: entries by identity, and in the order
 * of their last hits.  Belongs to one thread.
 *
 * An entry is 64 bytes; what is told of it is apart, since most groups never
 * grow so large that anything is.  Entries that are removed are used again;
 * their memory is kept until the table ends. */

#ifndef RULES_VIOLATION_TABLE_H
#define RULES_VIOLATION_TABLE_H

#include "rules/detect/distinct.h"
#include "rules/violation.h"

enum violation_entry_kind {
    VIOLATION_ENTRY_SINGLE,
    VIOLATION_ENTRY_DSTS,  /* One source and port, any destination. */
    VIOLATION_ENTRY_PORTS, /* One source and destination, any port. */
    VIOLATION_ENTRY_THRESHOLD,
    /* Between two segments; of violation_flood.h, never in a table. */
    VIOLATION_ENTRY_SOURCES,      /* Any source and destination. */
    VIOLATION_ENTRY_SOURCES_PORTS /* And any port. */
};

/* What makes two hits the same violation. */
struct violation_key {
    const char *policy, *rule, *reason;
    uint64_t words; /* Of these: violation_table_words(). */
    struct addr src, dst;
    uint8_t protocol;
    uint16_t port;
    const char *src_name, *dst_name; /* Of segments; only for an id of many. */
};

/* What is told of an entry, and was. */
struct violation_story {
    struct violation violation;
    struct policy *policy; /* A reference of the entry's own, or NULL. */
    bool told, ambiguous;
    unsigned told_rank;
    uint64_t told_targets;     /* Of a detection; told again when doubled. */
    uint64_t told_count;       /* Of a flood; told again when ten times it. */
    enum flow_outcome reached; /* By a flow that got through; else refused. */
    uint64_t attempts;         /* Flows that nothing answered yet. */
    struct wall_time told_at;
};

struct violation_entry {
    uint64_t identity;
    struct wall_time touched;
    uint32_t newer, older, next;   /* By time; in the bucket.  Numbers. */
    uint8_t kind;                  /* enum violation_entry_kind. */
    struct violation_story *story; /* Owned; NULL before the first hit. */
    union {
        struct distinct targets; /* Of groups. */
        struct {
            struct wall_time since;
            uint64_t hits;
        } window; /* Of thresholds. */
    };
};

struct violation_table;

struct violation_table *violation_table_new(size_t max_entries);
void violation_table_free(struct violation_table *); /* Accepts NULL. */
void violation_table_set_max(struct violation_table *, size_t max_entries);
size_t violation_table_count(const struct violation_table *);

uint64_t violation_table_words(const struct violation_table *,
                               const char *policy, const char *rule,
                               const char *reason);

/* NULL if there is none.  Entries stay where they are until they expire. */
struct violation_entry *violation_table_find(struct violation_table *,
                                             enum violation_entry_kind,
                                             const struct violation_key *);
/* Brings near what finding it looks at first. */
void violation_table_look_ahead(const struct violation_table *,
                                enum violation_entry_kind,
                                const struct violation_key *);
/* A new one; NULL if the table is full or memory is out. */
struct violation_entry *violation_table_add(struct violation_table *,
                                            enum violation_entry_kind,
                                            const struct violation_key *);
void violation_table_touch(struct violation_table *, struct violation_entry *,
                           struct wall_time);
/* Removes what was last touched at or before 'until', oldest first. */
void violation_table_expire(struct violation_table *, struct wall_time until,
                            void (*each)(void *context,
                                         struct violation_entry *),
                            void *context);

/* Entries have numbers, from 1 to this; a later one's may be an earlier one's
 * that was removed. */
uint32_t violation_table_last(const struct violation_table *);
/* NULL if it was removed, or nothing is told of it. */
struct violation_entry *violation_table_at(const struct violation_table *,
                                           uint32_t number);
void violation_table_remove(struct violation_table *, uint32_t number);

/* First 16 hex digits of SHA-256 over the key; see the policy language. */
void violation_key_id(enum violation_entry_kind, const struct violation_key *,
                      char id[VIOLATION_ID_SIZE]);

/* Gives the entry a story if it has none; false when memory is out. */
bool violation_entry_begin(struct violation_entry *);

/* Frees what the entry owns. */
void violation_entry_done(struct violation_entry *);

void violation_story_set_policy(struct violation_story *,
                                const struct policy *);
void violation_story_add_flow(struct violation_story *, uint64_t flow);
/* Is it one of the latest told of? */
bool violation_entry_has_flow(const struct violation_entry *, uint64_t flow);
/* Of a group, as was last said of it. */
uint64_t violation_entry_n_targets(const struct violation_entry *);
/* Counts one more distinct target; estimates beyond 'collapse' of them. */
void violation_entry_add_target(struct violation_entry *,
                                const struct violation_key *, bool over_dsts,
                                unsigned collapse);

#endif
