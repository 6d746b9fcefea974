/* The bounded table behind violation.c: entries by identity, and in the order
 * of their last hits.  Belongs to one thread. */

#ifndef RULES_VIOLATION_TABLE_H
#define RULES_VIOLATION_TABLE_H

#include "rules/detect/distinct.h"
#include "rules/violation.h"

enum violation_entry_kind {
    VIOLATION_ENTRY_SINGLE,
    VIOLATION_ENTRY_DSTS,  /* One source and port, any destination. */
    VIOLATION_ENTRY_PORTS, /* One source and destination, any port. */
    VIOLATION_ENTRY_THRESHOLD
};

/* What makes two hits the same violation. */
struct violation_key {
    const char *policy, *rule, *reason;
    struct addr src, dst;
    uint8_t protocol;
    uint16_t port;
};

struct violation_entry {
    struct violation violation;
    enum violation_entry_kind kind;
    struct policy *policy; /* A reference of the entry's own, or NULL. */
    bool told, ambiguous;
    unsigned told_rank;
    uint64_t told_targets;     /* Of a detection; told again when doubled. */
    enum flow_outcome reached; /* By a flow that got through; else refused. */
    uint64_t attempts;         /* Flows that nothing answered yet. */
    struct wall_time told_at;
    struct wall_time touched;
    uint64_t identity;
    struct distinct targets;                      /* Of groups. */
    struct violation_entry *newer, *older, *next; /* By time; in the bucket. */
};

struct violation_table;

struct violation_table *violation_table_new(size_t max_entries);
void violation_table_free(struct violation_table *); /* Accepts NULL. */
void violation_table_set_max(struct violation_table *, size_t max_entries);
size_t violation_table_count(const struct violation_table *);

/* NULL if there is none. */
struct violation_entry *violation_table_find(struct violation_table *,
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

/* First 16 hex digits of SHA-256 over the key; see the policy language. */
void violation_key_id(enum violation_entry_kind, const struct violation_key *,
                      char id[VIOLATION_ID_SIZE]);

void violation_entry_set_policy(struct violation_entry *,
                                const struct policy *);
void violation_entry_add_flow(struct violation_entry *, uint64_t flow);
/* Is it one of the latest? */
bool violation_entry_has_flow(const struct violation_entry *, uint64_t flow);
/* Counts one more distinct target; estimates beyond 'collapse' of them. */
void violation_entry_add_target(struct violation_entry *,
                                const struct violation_key *, bool over_dsts,
                                unsigned collapse);

#endif
